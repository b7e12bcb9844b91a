/**
 * Migrates a schema from an older version to this release's.
 *
 * A step is a numbered SQL file, applied in a transaction of its own, under a lock that all processes of this schema
 * share, and recorded. Its first line names the oldest release that can go on using the schema after it, as the highest
 * step that release knows (`min_reader`): while servers are replaced one by one, old ones work beside new ones unless a
 * step says that they can't. Such a step ends every claim in its own transaction, and a process whose release is too old
 * can't claim again (`demandUsable`), so it never writes to a schema that it does not understand. Released steps never
 * change.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { TransactionSql } from 'postgres'
import { MeerkatError } from '../../errors.ts'
import type { Client, Row } from './client.ts'
import { foreignSchema, newerSchema } from './errors.ts'

interface Step {
  readonly version: number
  readonly name: string
  readonly minReader: number
  readonly sql: string
}

/** Limit for the migrations' own lock, and for the locks that they take. */
const LOCK_TIMEOUT_MS = 60_000

const FOLDER = new URL('./migrations/', import.meta.url)

/** The steps this release knows, oldest first. */
function readSteps(): readonly Step[] {
  return readdirSync(FOLDER)
    .filter(file => file.endsWith('.sql'))
    .toSorted()
    .map(file => {
      const sql = readFileSync(new URL(file, FOLDER), 'utf8')
      const minReader = Number(/^-- min_reader: (\d+)$/m.exec(sql)?.[1])
      const version = Number.parseInt(file, 10)
      if (!Number.isInteger(minReader) || !Number.isInteger(version)) {
        throw new MeerkatError('internal', `the migration ${file} of this installation is damaged: install it again`)
      }
      return { version, name: file.replace(/^\d+-|\.sql$/g, ''), minReader, sql }
    })
}

type Ask = (text: string, values: string[]) => PromiseLike<readonly Row[]>

/** The schema, and the channel on which its processes notify each other. */
export interface Place {
  /** Name of the store, for errors. */
  readonly store: string
  readonly schema: string
  readonly channel: string
}

/** Brings the schema to this release's version, or refuses it untouched. Answers the version it has then. */
export async function migrate(client: Client, place: Place): Promise<number> {
  const steps = readSteps()
  const supported = steps.at(-1)?.version ?? 0
  const { found } = await versionOf((text, values) => client.read(text, values), place, supported)
  for (const step of steps.filter(({ version }) => version > found)) {
    await client.transaction(async transaction => {
      // Waiting for the lock is bounded; building an index is not, because it takes as long as the table needs.
      await transaction.unsafe(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL statement_timeout = 0`)
      await transaction.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('meerkat ' || $1, 0))`, [place.schema])
      // Read again under the lock: another process may have migrated meanwhile.
      const now = await versionOf((text, values) => transaction.unsafe(text, values), place, supported)
      if (now.found >= step.version) return
      if (now.found > 0 && step.minReader > now.minReader) await endClaims(transaction, place.channel)
      await apply(transaction, place.schema, step)
    })
  }
  return Math.max(found, supported)
}

/** Fails with `unsupported` once a newer release has changed the schema so that this release can't use it. */
export async function demandUsable(client: Client, place: Place): Promise<void> {
  await versionOf((text, values) => client.read(text, values), place, readSteps().at(-1)?.version ?? 0)
}

/**
 * Ends every claim. Owners can't register until this is committed: those that registered before end here, and those that
 * register afterwards see the new `min_reader`.
 */
async function endClaims(transaction: TransactionSql, channel: string): Promise<void> {
  await transaction.unsafe('LOCK TABLE owners IN EXCLUSIVE MODE')
  const notice = JSON.stringify({ o: '', a: 'free' })
  await transaction.unsafe('SELECT end_owners(ARRAY(SELECT n FROM owners), $1, $2)', [channel, notice])
}

async function apply(
  transaction: TransactionSql,
  schema: string,
  { version, name, minReader, sql }: Step,
): Promise<void> {
  const exists = await transaction.unsafe('SELECT to_regnamespace($1) IS NOT NULL AS is', [`"${schema}"`])
  if (exists[0]?.['is'] !== true) await transaction.unsafe(`CREATE SCHEMA "${schema}"`)
  await transaction.unsafe(`CREATE TABLE IF NOT EXISTS migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    min_reader integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`)
  await transaction.unsafe(sql).simple()
  await transaction.unsafe('INSERT INTO migrations (version, name, min_reader) VALUES ($1, $2, $3)', [
    version,
    name,
    minReader,
  ])
}

/** The schema's version, 0 for one that is absent or empty; a foreign one or one that is too new is refused. */
async function versionOf(
  ask: Ask,
  { store, schema }: Place,
  supported: number,
): Promise<{ readonly found: number; readonly minReader: number }> {
  const [facts] = await ask(
    `SELECT to_regclass($1) IS NOT NULL AS ours,
       EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($2)) AS taken`,
    [`"${schema}".migrations`, `"${schema}"`],
  )
  if (facts?.['ours'] !== true) {
    if (facts?.['taken'] === true) throw foreignSchema(store, schema)
    return { found: 0, minReader: 0 }
  }
  const [row] = await ask(
    `SELECT max(version) AS version, max(min_reader) AS min_reader FROM "${schema}".migrations`,
    [],
  )
  const [found, minReader] = [Number(row?.['version']), Number(row?.['min_reader'])]
  if (minReader > supported) throw newerSchema(store, { schema, found, supported, minReader })
  return { found, minReader }
}
