/** Reads `meerkat.config.{ts,js,json}` and checks its keys. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { messageOf } from '../../foreign.ts'
import { type ConfigOptions, OPTION_NAMES, readOptions } from './config-options.ts'
import { oneLine, usage } from './failure.ts'
import { toolsIn } from './tools-in.ts'
import { loadUserModule } from './user-module.ts'

interface Config {
  readonly path: string
  /** The file's name, for messages. */
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
  readonly options: ConfigOptions
}

/** Reads a config file; `settings` are the keys that it may have besides the options and the tools. */
export async function readConfig(path: string, settings: readonly string[]): Promise<Config> {
  const name = basename(path)
  const values = name.endsWith('.json') ? parse(path, name) : await evaluate(path, name)
  if (!isRecord(values)) {
    const form = name.endsWith('.json') ? 'hold an object' : 'export one object as its default (`export default { … }`)'
    throw usage(`${name} must ${form}`)
  }
  refuseUnknown(values, name, settings)
  if (values['tools'] !== undefined) toolsIn(values['tools'], name)
  return { path, name, values, options: readOptions(name, values) }
}

function parse(path: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw usage(`${name} can't be read: ${oneLine(messageOf(error))}`)
  }
}

async function evaluate(path: string, name: string): Promise<unknown> {
  return (await loadUserModule(path, name))['default']
}

function refuseUnknown(values: Readonly<Record<string, unknown>>, name: string, settings: readonly string[]): void {
  const known = [...settings, 'tools', ...OPTION_NAMES]
  const unknown = Object.keys(values).filter(key => !known.includes(key))
  if (unknown.length > 0) throw usage(`${name} has an unknown key ${unknown.join(', ')}; known are ${known.join(', ')}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
