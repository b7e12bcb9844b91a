/**
 * `sqlite(path)`: the embedded store. One file, durable on every commit, safe to open from several processes of one
 * host at once, each of them writing its own sessions.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MeerkatError } from '../../errors.ts'
import { messageOf } from '../../foreign.ts'
import {
  aBoolean,
  aClock,
  aCount,
  aDelay,
  aDuration,
  aFunction,
  aWord,
  checkArgument,
  checkOptions,
  type Fields,
  oneOf,
  optional,
  withMethods,
} from '../../options.ts'
import { type ClockSource, demandDurations, soundClock } from '../../time.ts'
import { type StoreFaults, someFaults } from '../faults.ts'
import type { Store, StoreSource } from '../store.ts'
import { isLocked, type OpenSqlDriver, openNodeSqlite, resultCode, type SqlDriver } from './driver.ts'
import { olderSchema, toStoreError, unusableFolder } from './errors.ts'
import { migrate, SCHEMA_VERSION, versionOf } from './schema.ts'
import { SqliteStore } from './store.ts'

export type { StoreFaults } from '../faults.ts'
export { type BackupProgress, backupSqlite } from './backup.ts'
export type { OpenSqlDriver, SqlDriver, SqlRow, SqlStatement, SqlValue } from './driver.ts'

export interface SqliteOptions {
  /**
   * `full` (default): an answered commit survives a power cut. `normal`: it survives the end of the process, but a
   * power cut may take the last commits with it; the file stays sound either way.
   */
  readonly synchronous?: 'full' | 'normal'
  /** How long a write waits for another process that holds the file before it fails with `store-unavailable`. */
  readonly lockTimeoutMs?: number
  /** Bounds the file's size, in pages of 4096 bytes; writes beyond it fail as on a full disk. */
  readonly maxPages?: number
  /** How long an owner that falls silent keeps its sessions. If its process is known to be gone it loses them at once. */
  readonly leaseMs?: number
  /** The store's clock. Default the machine's. */
  readonly clock?: ClockSource
  /**
   * Only looks: no database is created, migrated or written, no session can be claimed, and the processes that write the
   * file don't notice. For doctors, reports and copies of a live database. SQLite's own -wal and -shm files may appear
   * beside it, so the folder must be writable unless they are there.
   */
  readonly readOnly?: boolean
  /** The SQLite library to use instead of `node:sqlite`. */
  readonly driver?: OpenSqlDriver
  /** Crash points for tests. */
  readonly faults?: StoreFaults
}

/** How long one call may keep the event loop while another process writes. Longer waits are made between calls. */
const BUSY_MS = 10
const LOCK_TIMEOUT_MS = 10_000
const LEASE_MS = 30_000
/** A shorter lease could end between two heartbeats of a busy process. */
const MIN_LEASE_MS = 100

const OPTIONS: Fields<SqliteOptions> = {
  synchronous: optional(oneOf('full', 'normal')),
  lockTimeoutMs: optional(aDelay),
  maxPages: optional(aCount),
  leaseMs: optional(aDuration),
  clock: optional(aClock),
  readOnly: optional(aBoolean),
  driver: optional(aFunction),
  faults: optional(someFaults),
}

/** A store in the SQLite file at `path`; the file and its folder are created when absent. */
export function sqlite(path: string, options: SqliteOptions = {}): StoreSource {
  if (path === '' || path === ':memory:') {
    throw new MeerkatError('invalid-params', 'sqlite() needs the path of a file: use memory() for a store without one')
  }
  checkArgument('sqlite', 'path', path, aWord)
  checkOptions('sqlite', options, OPTIONS)
  const { leaseMs = LEASE_MS } = options
  demandDurations({ leaseMs }, { leastMs: MIN_LEASE_MS })
  const file = resolve(path)
  return { name: `sqlite:${file}`, open: () => open(file, options) }
}

async function open(path: string, options: SqliteOptions): Promise<Store> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, leaseMs = LEASE_MS } = options
  const clock = soundClock(options.clock)
  const { driver = openNodeSqlite, faults = {}, readOnly = false } = options
  if (!readOnly) makeFolder(dirname(path))
  const deadline = performance.now() + lockTimeoutMs
  for (;;) {
    try {
      return new SqliteStore({
        db: connect(driver, path, options),
        path,
        lockTimeoutMs,
        leaseMs,
        clock,
        faults,
        readOnly,
      })
    } catch (error) {
      // Setting up a new file takes the lock; another process may be doing just that.
      if (!isLocked(error) || performance.now() > deadline) throw toStoreError(error, { path })
      await pause(20)
    }
  }
}

const aDriver = withMethods('what `driver` opens', 'prepare', 'exec', 'close')

/** Opens the database with the driver. A caller's own driver may throw or answer anything. */
function opened(driver: OpenSqlDriver, path: string, readOnly: boolean): SqlDriver {
  let db: SqlDriver
  try {
    db = driver(path, { busyMs: BUSY_MS, readOnly })
  } catch (error) {
    if (resultCode(error) !== undefined || driver === openNodeSqlite) throw error
    const text = `the driver that sqlite() was given can't open ${path}: ${messageOf(error)}`
    throw new MeerkatError('store-unavailable', text, { cause: error, details: { path } })
  }
  checkArgument('sqlite', 'driver', db, aDriver)
  return db
}

function connect(driver: OpenSqlDriver, path: string, options: SqliteOptions): SqlDriver {
  const { readOnly = false } = options
  const db = opened(driver, path, readOnly)
  try {
    // Before any change, so that a refused file stays as it was.
    const version = versionOf(db, path)
    if (readOnly) {
      if (version !== SCHEMA_VERSION) throw olderSchema(path, version, SCHEMA_VERSION)
      return db
    }
    // Before anything is written, or it has no effect: see `Maintenance.prepareCompact`.
    if (version === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL')
    configure(db, path, options)
    migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function configure(db: SqlDriver, path: string, { synchronous = 'full', maxPages }: SqliteOptions): void {
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal') {
    throw new MeerkatError(
      'unsupported',
      `the file system under ${path} can't share a database between processes (journal mode ${String(mode)}): use a local disk`,
      { details: { path } },
    )
  }
  db.exec(`PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`)
  db.exec('PRAGMA cache_size = -16000')
  db.exec('PRAGMA temp_store = MEMORY')
  // The -wal file shrinks back to this after a burst.
  db.exec(`PRAGMA journal_size_limit = ${64 * 2 ** 20}`)
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${Math.trunc(maxPages)}`)
}

function makeFolder(folder: string): void {
  try {
    createFolders(folder)
    if (!statSync(folder).isDirectory()) throw new Error('it is not a folder')
  } catch (error) {
    throw unusableFolder(folder, error)
  }
}

/** Step by step: Node's own recursive form never returns where a file system refuses with ENOENT, as /proc does. */
function createFolders(folder: string): void {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) createFolders(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error
  }
}
