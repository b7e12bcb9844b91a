/**
 * Settings: a flag over a `MEERKAT_…` variable over `meerkat.config.{ts,js,json}` over the default.
 *
 * A value is checked where it was given, so that the message names the place to correct.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../foreign.ts'
import { type RunLimits, runLimits } from '../../loop/slots.ts'
import { isToken } from '../../options.ts'
import { isHost, isOrigin } from '../http/hosts.ts'
import { type ConfigOptions, NO_OPTIONS } from './config-options.ts'
import { usage } from './failure.ts'
import { keyOf } from './flag-key.ts'
import { brief } from './output.ts'
import { parseStore } from './store-spec.ts'

/** The log levels of a server, the quietest first; each includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a config file may contain and, with defaults, what every command gets. */
export interface Settings {
  /** `sqlite:PATH` or `memory:`. */
  readonly store: string
  /** `provider/model`. */
  readonly model?: string
  readonly baseUrl?: string
  /** A running server to talk to instead of opening the store. */
  readonly url?: string
  readonly token?: string
  readonly host: string
  readonly port: number
  readonly system?: string
  readonly maxRunMs?: number
  /** What `serve` and `worker` write to stderr. */
  readonly logLevel: LogLevel
  /** How many unfinished inputs a session may have. */
  readonly maxQueuedInputs?: number
  /** How many runs are performed at once: a number, or in a config file `{ total, perLabel }`. */
  readonly maxConcurrentRuns?: number | RunLimits
  /** Host names and origins that a server accepts, besides its own. */
  readonly allowedHosts?: readonly string[]
  readonly allowedOrigins?: readonly string[]
  /** The other options of a config file. */
  readonly options: ConfigOptions
  /** Tools from a config file: an array or a record of what `tool()` makes. */
  readonly tools?: unknown
  /** The config file that was read. */
  readonly configFile?: string
}

/** The settings that flags and variables have too. */
export type SettingName = Exclude<keyof Settings, 'tools' | 'configFile' | 'options'>

interface SettingRow {
  readonly flag: string
  readonly env: string
  readonly kind:
    | 'text'
    | 'store'
    | 'model'
    | 'token'
    | 'host'
    | 'url'
    | 'port'
    | 'count'
    | 'level'
    | 'limits'
    | 'hosts'
    | 'origins'
}

/** Each setting with its names and its form. */
const SETTINGS: Readonly<Record<SettingName, SettingRow>> = {
  store: { flag: '--store', env: 'MEERKAT_STORE', kind: 'store' },
  model: { flag: '--model', env: 'MEERKAT_MODEL', kind: 'model' },
  baseUrl: { flag: '--base-url', env: 'MEERKAT_BASE_URL', kind: 'url' },
  url: { flag: '--url', env: 'MEERKAT_URL', kind: 'url' },
  token: { flag: '--token', env: 'MEERKAT_TOKEN', kind: 'token' },
  host: { flag: '--host', env: 'MEERKAT_HOST', kind: 'host' },
  port: { flag: '--port', env: 'MEERKAT_PORT', kind: 'port' },
  allowedHosts: { flag: '--allow-host', env: 'MEERKAT_ALLOW_HOST', kind: 'hosts' },
  allowedOrigins: { flag: '--allow-origin', env: 'MEERKAT_ALLOW_ORIGIN', kind: 'origins' },
  system: { flag: '--system', env: 'MEERKAT_SYSTEM', kind: 'text' },
  maxRunMs: { flag: '--max-run-ms', env: 'MEERKAT_MAX_RUN_MS', kind: 'count' },
  logLevel: { flag: '--log-level', env: 'MEERKAT_LOG_LEVEL', kind: 'level' },
  maxQueuedInputs: { flag: '--max-queued-inputs', env: 'MEERKAT_MAX_QUEUED_INPUTS', kind: 'count' },
  maxConcurrentRuns: { flag: '--max-concurrent-runs', env: 'MEERKAT_MAX_CONCURRENT_RUNS', kind: 'limits' },
}

/** In order of precedence. */
const CONFIG_FILES = ['meerkat.config.ts', 'meerkat.config.js', 'meerkat.config.json']

const DEFAULTS = { store: 'sqlite:.meerkat/meerkat.db', host: '127.0.0.1', port: 4747, logLevel: 'warn' } as const

/** Flags of a command, as the parser answers them. */
export type Flags = Readonly<Record<string, unknown>>

/** All settings of a command with these flags. */
export async function readSettings(
  flags: Flags,
  from: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<Settings> {
  const path = CONFIG_FILES.map(name => join(from.cwd, name)).find(existsSync)
  const config =
    path === undefined ? undefined : await (await import('./config-file.ts')).readConfig(path, Object.keys(SETTINGS))
  const found: Record<string, unknown> = { ...DEFAULTS, options: config?.options ?? NO_OPTIONS }
  for (const [name, row] of Object.entries(SETTINGS)) {
    const value = firstOf([
      { value: config?.values[name], place: `${name} in ${config?.name ?? ''}` },
      { value: from.env[row.env] === '' ? undefined : from.env[row.env], place: row.env },
      { value: flags[keyOf(row.flag)], place: row.flag },
    ])
    if (value !== undefined) found[name] = checkSetting(row, value.value, value.place)
  }
  if (config?.values['tools'] !== undefined) found['tools'] = config.values['tools']
  if (config !== undefined) found['configFile'] = config.path
  // Every field was checked against its row, and defaults fill the required ones.
  return found as unknown as Settings
}

/** The value from the place with the highest precedence that has one. */
function firstOf(
  places: readonly { readonly value: unknown; readonly place: string }[],
): { readonly value: unknown; readonly place: string } | undefined {
  return places.findLast(({ value }) => value !== undefined)
}

function checkSetting(
  { kind }: SettingRow,
  value: unknown,
  place: string,
): string | number | RunLimits | readonly string[] {
  switch (kind) {
    case 'text':
    case 'model':
    case 'token':
    case 'host':
      return checkText(value, place, TEXTS[kind])
    case 'store':
      parseStore(checkText(value, place), place)
      return String(value)
    case 'url':
      return checkUrl(value, place)
    case 'port':
      return wholeNumber(value, place, { from: 0, to: 65_535 })
    case 'hosts':
      return checkList(value, place, isHost, 'a host name such as meerkat.example.org')
    case 'origins':
      return checkList(value, place, isOrigin, 'an origin such as https://console.example.org')
    case 'level':
      if (!LOG_LEVELS.some(level => level === value))
        throw usage(`${place} must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(value)}`)
      return String(value)
    case 'count':
      return wholeNumber(value, place, { from: 1, to: Number.MAX_SAFE_INTEGER })
    case 'limits':
      return typeof value === 'object'
        ? checkLimits(value, place)
        : wholeNumber(value, place, { from: 1, to: Number.MAX_SAFE_INTEGER })
  }
}

interface TextKind {
  readonly fits: (text: string) => boolean
  readonly wanted: string
  readonly isSecret?: true
}
const SOME_TEXT: TextKind = { fits: () => true, wanted: 'a text that is not empty' }
const TEXTS: Readonly<Record<'text' | 'model' | 'token' | 'host', TextKind>> = {
  text: SOME_TEXT,
  model: { fits: text => /^[^/]+\/./.test(text), wanted: 'provider/model, such as openai/gpt-5.6 or demo/agent' },
  token: { fits: isToken, wanted: 'printable ASCII without spaces', isSecret: true },
  host: {
    fits: isHost,
    wanted: 'an address or a name of this machine, such as 127.0.0.1',
  },
}

function checkText(value: unknown, place: string, { fits, wanted, isSecret }: TextKind = SOME_TEXT): string {
  if (typeof value !== 'string' || value === '') throw usage(`${place} must be ${SOME_TEXT.wanted}`)
  if (!fits(value)) throw usage(`${place} must be ${wanted}${isSecret === true ? '' : `, not ${brief(value)}`}`)
  return value
}

/** A list from a config file, or a text with commas. */
function checkList(value: unknown, place: string, fits: (one: string) => boolean, wanted: string): readonly string[] {
  const list: readonly unknown[] =
    typeof value === 'string' ? value.split(',').map(one => one.trim()) : Array.isArray(value) ? value : [value]
  const isFit = (one: unknown): one is string => typeof one === 'string' && fits(one)
  const wrong = list.find(one => !isFit(one))
  if (wrong !== undefined) throw usage(`${place} must name ${wanted}, not ${brief(wrong)}`)
  return list.filter(isFit)
}

/** A whole number within a range, from a flag or a config file. */
export function wholeNumber(
  value: unknown,
  place: string,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const isDigits = typeof value === 'string' && /^\d+$/.test(value)
  const number = typeof value === 'number' ? value : isDigits ? Number(value) : Number.NaN
  if (Number.isInteger(number) && number >= from && number <= to) return number
  const range =
    to === Number.MAX_SAFE_INTEGER ? `a whole number from ${from} on` : `a whole number from ${from} to ${to}`
  throw usage(`${place} must be ${range}, not ${JSON.stringify(value)}`)
}

function checkLimits(value: unknown, place: string): RunLimits {
  try {
    return runLimits(value) ?? {}
  } catch (error) {
    throw usage(`${place}: ${messageOf(error)}`)
  }
}

function checkUrl(value: unknown, place: string): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (typeof value === 'string' && (url?.protocol === 'http:' || url?.protocol === 'https:'))
    return value.replace(/\/+$/, '')
  throw usage(`${place} must be an address such as http://127.0.0.1:4747, not ${JSON.stringify(value)}`)
}
