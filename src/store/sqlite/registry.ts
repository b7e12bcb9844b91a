/** The registry of one file. */
import { demandName, demandStorable } from '../../names.ts'
import type { Registry, RegistryEntry } from '../registry.ts'
import type { SqlDriver, SqlRow, SqlStatement } from './driver.ts'
import type { Owners } from './owners.ts'

export interface SqliteRegistryOptions {
  readonly db: SqlDriver
  readonly owners: Owners
  /** Runs a write inside the next transaction, and answers once it is durable. */
  readonly write: <T>(apply: () => T) => Promise<T>
  readonly read: <T>(body: () => T) => T
  /** Makes sure, inside a transaction, that this owner is known. */
  readonly register: (owner: string) => void
  /** Notifies listeners of a change. */
  readonly notify: () => void
}

export class SqliteRegistry implements Registry {
  readonly #options: SqliteRegistryOptions
  readonly #sql: Record<'one' | 'many' | 'next' | 'put' | 'drop', SqlStatement>

  constructor(options: SqliteRegistryOptions) {
    const { db } = options
    this.#options = options
    this.#sql = {
      one: db.prepare('SELECT key, version, owner, body FROM registry WHERE key = ?'),
      many: db.prepare(
        'SELECT key, version, owner, body FROM registry WHERE key >= ? AND substr(key, 1, length(?)) = ? ORDER BY key',
      ),
      next: db.prepare(
        `INSERT INTO meta (key, value) VALUES ('registry_version', 1)
         ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`,
      ),
      put: db.prepare(
        `INSERT INTO registry (key, version, owner, body) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET version = excluded.version, owner = excluded.owner, body = excluded.body`,
      ),
      drop: db.prepare('DELETE FROM registry WHERE key = ?'),
    }
  }

  async entry(key: string): Promise<RegistryEntry | undefined> {
    demandStorable(key, 'the key of an entry')
    return this.#shown(() => [this.#sql.one.get(key)].filter(row => row !== undefined))[0]
  }

  async entries(prefix: string): Promise<readonly RegistryEntry[]> {
    demandStorable(prefix, 'the key of an entry')
    return this.#shown(() => this.#sql.many.all(prefix, prefix, prefix))
  }

  async swap(
    key: string,
    version: number,
    next?: { readonly body: string; readonly owner?: string },
  ): Promise<number | undefined> {
    demandName(key, 'the key of an entry')
    const given = await this.#options.write(() => {
      if (Number(this.#sql.one.get(key)?.['version'] ?? 0) !== version) return undefined
      if (next === undefined) {
        this.#sql.drop.run(key)
        return 0
      }
      const { body, owner } = next
      if (owner !== undefined) this.#options.register(owner)
      const given = Number(this.#sql.next.get()?.['value'])
      this.#sql.put.run(key, given, owner ?? null, body)
      return given
    })
    if (given !== undefined) this.#options.notify()
    return given
  }

  #shown(rows: () => readonly SqlRow[]): RegistryEntry[] {
    return this.#options.read(() => {
      const found = rows()
      const alive = found.some(row => row['owner'] !== null) ? this.#options.owners.aliveByName() : new Set<string>()
      return found.map(row => {
        const entry = { key: String(row['key']), version: Number(row['version']), body: String(row['body']) }
        const { owner } = row
        return typeof owner === 'string' ? { ...entry, holder: { owner, alive: alive.has(owner) } } : entry
      })
    })
  }
}
