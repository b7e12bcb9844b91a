/** Loads modules that users write for the command line: a config file, tools. */
import { pathToFileURL } from 'node:url'
import { messageOf } from '../../foreign.ts'
import { oneLine, usage } from './failure.ts'

/** The exports of a user's module. `place` names it in the message when it can't be loaded. */
export async function loadUserModule(path: string, place: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw usage(`${place} can't be read: ${oneLine(messageOf(error))}${hint(path)}`)
  }
}

/** Node reads TypeScript by itself from 22.18 on. */
function hint(path: string): string {
  const reads = process.features.typescript
  return reads === false && path.endsWith('ts') ? '; TypeScript needs Node 22.18 or newer: write it as .js here' : ''
}
