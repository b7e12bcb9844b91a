/** `meerkat.config.{ts,js,json}`: read, and its keys checked. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { oneLine, usage } from './failure.ts'
import { SETTINGS } from './settings.ts'

interface Config {
  readonly path: string
  /** The file's name, for messages. */
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Reads a config file. */
export async function readConfig(path: string): Promise<Config> {
  const name = basename(path)
  const values = name.endsWith('.json') ? parse(path, name) : await evaluate(path, name)
  if (!isRecord(values)) {
    const form = name.endsWith('.json') ? 'hold an object' : 'export one object as its default (`export default { … }`)'
    throw usage(`${name} must ${form}`)
  }
  refuseUnknown(values, name)
  return { path, name, values }
}

function parse(path: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw broken(name, error)
  }
}

async function evaluate(path: string, name: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(path).href)
    return isRecord(module) ? module['default'] : undefined
  } catch (error) {
    throw broken(name, error)
  }
}

function broken(name: string, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error)
  return usage(`${name} can't be read: ${oneLine(why)}`)
}

function refuseUnknown(values: Readonly<Record<string, unknown>>, name: string): void {
  const known = [...Object.keys(SETTINGS), 'tools']
  const unknown = Object.keys(values).filter(key => !known.includes(key))
  if (unknown.length > 0) throw usage(`${name} has an unknown key ${unknown.join(', ')}; known are ${known.join(', ')}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
