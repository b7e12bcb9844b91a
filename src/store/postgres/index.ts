/**
 * `postgres(url)`: the store of a fleet. Many processes on many hosts share one schema; each writes the sessions it has
 * claimed, and takes over those of processes that have fallen silent.
 */
import { MeerkatError } from '../../errors.ts'
import { aDelay, aDuration, aText, aWord, checkArgument, checkOptions, type Fields, optional } from '../../options.ts'
import { demandDurations, MAX_TIMER_MS } from '../../time.ts'
import { type StoreFaults, someFaults } from '../faults.ts'
import type { Store, StoreSource } from '../store.ts'
import { Client, type Limits, loadConnect, type Target } from './client.ts'
import { notUnicode, toStoreError } from './errors.ts'
import { migrate, type Place } from './migrations.ts'
import { PostgresStore } from './store.ts'

export type { StoreFaults } from '../faults.ts'

export interface PostgresOptions {
  /**
   * How long a process that falls silent keeps its sessions, in ms; 15,000 unless given. Shorter finds dead processes
   * sooner, and takes sessions from those that are merely slow.
   */
  readonly leaseMs?: number
  /** Connections for reading, at most; 10 unless given. Writing takes up to 4 more, leases, listening and upkeep 1 each. */
  readonly max?: number
  /** Name of the schema that holds the tables; `meerkat` unless given. One database may hold several. */
  readonly schema?: string
  /** How this process shows itself in `pg_stat_activity`; `meerkat` unless given. */
  readonly applicationName?: string
  /** How long the server may work on one statement, in ms; 15,000 unless given. */
  readonly statementTimeoutMs?: number
  /** How long a read waits for a free connection before it fails with `overloaded`, in ms; 5,000 unless given. */
  readonly poolTimeoutMs?: number
  /** How long connecting may take, in ms; 10,000 unless given. */
  readonly connectTimeoutMs?: number
  /** Crash points for tests. */
  readonly faults?: StoreFaults
}

const OPTIONS: Fields<PostgresOptions> = {
  leaseMs: optional(aDuration),
  max: optional({
    wanted: 'a whole number of connections, at least 1',
    fits: value => Number.isSafeInteger(value) && Number(value) > 0,
  }),
  schema: optional(aText),
  applicationName: optional(aWord),
  statementTimeoutMs: optional(aDelay),
  poolTimeoutMs: optional(aDelay),
  connectTimeoutMs: optional(aDelay),
  faults: optional(someFaults),
}

const WRITE_CONNECTIONS = 4
/** Short enough that every name made from it fits PostgreSQL's 63 bytes. */
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/
const UPKEEP_TIMEOUT_MS = 24 * 3600_000

/** A store in the PostgreSQL database at `url` (`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`). */
export function postgres(url: string, options: PostgresOptions = {}): StoreSource {
  checkArgument('postgres', 'url', url, aText)
  checkOptions('postgres', options, OPTIONS)
  const { schema = 'meerkat', applicationName = 'meerkat', leaseMs = 15_000 } = options
  if (!SCHEMA_NAME.test(schema)) {
    throw new MeerkatError(
      'invalid-params',
      `the schema name ${JSON.stringify(schema)} can't be used: take up to 40 of a–z, 0–9 and _, no digit first`,
    )
  }
  const { statementTimeoutMs, poolTimeoutMs, connectTimeoutMs } = options
  // They are passed to the server and to the platform's timers, some with a grace added.
  const mostMs = MAX_TIMER_MS / 2
  demandDurations({ leaseMs }, { leastMs: 100, mostMs })
  demandDurations({ statementTimeoutMs, poolTimeoutMs, connectTimeoutMs }, { mostMs })
  const target: Target = { url, name: nameOf(url), schema, applicationName }
  return { name: target.name, open: () => open(target, { ...options, leaseMs }) }
}

/** Host, port and database of the URL, and nothing else of it. */
function nameOf(url: string): string {
  const given = URL.parse(url)
  if (given === null || !['postgres:', 'postgresql:'].includes(given.protocol)) {
    throw new MeerkatError(
      'invalid-params',
      'postgres() needs a URL such as postgres://USER:PASSWORD@HOST:PORT/DATABASE',
    )
  }
  return `postgres://${given.hostname}:${given.port === '' ? '5432' : given.port}${given.pathname}`
}

async function open(target: Target, options: PostgresOptions & { readonly leaseMs: number }): Promise<Store> {
  const { max = 10, leaseMs, faults = {} } = options
  const limits: Limits = {
    max,
    poolTimeoutMs: options.poolTimeoutMs ?? 5000,
    statementTimeoutMs: options.statementTimeoutMs ?? 15_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
  }
  const connect = await loadConnect()
  const place: Place = { store: target.name, schema: target.schema, channel: `meerkat.${target.schema}` }
  const { settings, version, identity } = await prepare(new Client(connect, target, { ...limits, max: 1 }), place)
  const writing = { ...limits, max: WRITE_CONNECTIONS, poolTimeoutMs: limits.statementTimeoutMs }
  return new PostgresStore({
    identity,
    place,
    writes: new Client(connect, target, writing, settings),
    reads: new Client(connect, target, limits),
    leases: new Client(connect, target, { ...writing, max: 1 }, settings),
    upkeep: new Client(connect, target, { ...limits, max: 1, statementTimeoutMs: UPKEEP_TIMEOUT_MS }),
    version,
    leaseMs,
    faults,
  })
}

/** Migrates the schema, and reads the server settings that writing connections have to override. */
async function prepare(
  client: Client,
  place: Place,
): Promise<{
  readonly settings: Readonly<Record<string, string>>
  readonly version: number
  readonly identity: string
}> {
  try {
    const settings = await settingsFor(client, place.store)
    const version = await migrate(client, place)
    return { settings, version, identity: await identityOf(client, place) }
  } catch (error) {
    throw toStoreError(error, { store: place.store })
  } finally {
    await client.close(0)
  }
}

/** Identifies server, database and schema, whichever address was used. */
async function identityOf(client: Client, { schema }: Place): Promise<string> {
  const [row] = await client.read(
    `SELECT (SELECT system_identifier FROM pg_control_system())::text AS server,
            (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database`,
  )
  return `postgres:${String(row?.['server'])}:${String(row?.['database'])}:${schema}`
}

async function settingsFor(client: Client, name: string): Promise<Readonly<Record<string, string>>> {
  const [row] = await client.read(
    `SELECT current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS synchronous`,
  )
  const encoding = String(row?.['encoding'])
  if (encoding !== 'UTF8') throw notUnicode(name, encoding)
  return {
    // Plans are cached: one made while a table was small must still look rows up by key when it is large.
    enable_seqscan: 'off',
    plan_cache_mode: 'force_generic_plan',
    // An answered commit has to be durable, whatever the server's default is.
    ...(row?.['synchronous'] === 'off' ? { synchronous_commit: 'on' } : {}),
  }
}
