/**
 * What this store needs of an SQLite library, all synchronous. `node:sqlite` implements it; another library
 * with prepared statements, such as better-sqlite3, fits with an adapter of its own.
 */
import { DatabaseSync } from 'node:sqlite'

export type SqlValue = number | string | Uint8Array | null
export type SqlRow = Record<string, unknown>

export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: SqlValue[]): SqlRow | undefined
  all(...values: SqlValue[]): SqlRow[]
}

export interface SqlDriver {
  /** Whether a transaction is open on this connection. */
  readonly isTransaction: boolean
  prepare(sql: string): SqlStatement
  exec(sql: string): void
  close(): void
}

/**
 * Opens a database file, creating it when absent unless it is only read. `busyMs` is how long a call may block for another
 * process.
 */
export type OpenSqlDriver = (
  path: string,
  options: { readonly busyMs: number; readonly readOnly: boolean },
) => SqlDriver

export const openNodeSqlite: OpenSqlDriver = (path, { busyMs, readOnly }) =>
  new DatabaseSync(path, { timeout: busyMs, readOnly, enableForeignKeyConstraints: false })

/** The primary result codes of SQLite that this store tells apart. */
export const SQLITE = {
  error: 1,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  protocol: 15,
  tooBig: 18,
  constraint: 19,
  notADatabase: 26,
} as const

/** SQLite's primary result code of an error, without the detail its upper bits carry. */
export function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

/** Whether another connection holds what the call needed, so that the same call may succeed soon. */
export function isLocked(error: unknown): boolean {
  const code = resultCode(error)
  return code === SQLITE.busy || code === SQLITE.locked || code === SQLITE.protocol
}
