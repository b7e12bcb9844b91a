/** The registry of a schema. */
import { demandName, demandStorable } from '../../names.ts'
import type { Registry, RegistryEntry } from '../registry.ts'
import type { Client, Row } from './client.ts'
import type { Hints } from './hints.ts'
import { quote } from './literals.ts'

export interface PostgresRegistryOptions {
  readonly writes: Client
  readonly reads: Client
  readonly channel: string
  readonly hints: Hints
  /** Makes sure that this owner is registered, and alive. */
  readonly register: (owner: string) => Promise<unknown>
}

const SHOWN = `SELECT r.key, r.version, r.owner, r.body, coalesce(o.expires_at > clock_timestamp(), false) AS alive
  FROM registry r LEFT JOIN owners o ON o.owner = r.owner`

export class PostgresRegistry implements Registry {
  readonly #options: PostgresRegistryOptions

  constructor(options: PostgresRegistryOptions) {
    this.#options = options
  }

  async entry(key: string): Promise<RegistryEntry | undefined> {
    demandStorable(key, 'the key of an entry')
    const [row] = await this.#options.reads.read(`${SHOWN} WHERE r.key = $1`, [key])
    return row === undefined ? undefined : toEntry(row)
  }

  async entries(prefix: string): Promise<readonly RegistryEntry[]> {
    demandStorable(prefix, 'the key of an entry')
    const rows = await this.#options.reads.read(
      `${SHOWN} WHERE r.key >= $1 AND starts_with(r.key, $1) ORDER BY r.key`,
      [prefix],
    )
    return rows.map(toEntry)
  }

  async swap(
    key: string,
    version: number,
    next?: { readonly body: string; readonly owner?: string },
  ): Promise<number | undefined> {
    demandName(key, 'the key of an entry')
    const { writes, channel, hints, register } = this.#options
    if (next !== undefined) demandStorable(next.body, 'the body of an entry')
    if (next?.owner !== undefined) await register(next.owner)
    const texts = [next?.body, next?.owner].map(text => (text === undefined ? 'NULL' : quote(text)))
    const notice = `${quote(channel)},${quote(hints.notice([], 'registry'))}`
    const [row] = await writes.write(
      `SELECT swap_entry(${quote(key)},${Math.trunc(version)},${texts.join(',')},${notice}) AS version`,
    )
    const given = row?.['version']
    if (typeof given !== 'number') return undefined
    hints.notify({ about: 'registry' })
    return given
  }
}

function toEntry(row: Row): RegistryEntry {
  const entry = { key: String(row['key']), version: Number(row['version']), body: String(row['body']) }
  const { owner } = row
  return typeof owner === 'string' ? { ...entry, holder: { owner, alive: row['alive'] === true } } : entry
}
