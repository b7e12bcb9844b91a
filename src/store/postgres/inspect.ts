/** The findings of `meerkat doctor` about a PostgreSQL store. Reads only; on a large store it takes a while. */
import { unsealRecord } from '../codec.ts'
import type { Client, Row } from './client.ts'
import { toSealed } from './rows.ts'

export interface Finding {
  readonly level: 'ok' | 'warning' | 'error'
  readonly text: string
}

/** Most findings of one kind that are listed. */
const MAX_LISTED = 20
/** Newest records whose checksums are proven. */
const SPOT_CHECK = 1000

export async function inspectDatabase(client: Client, store: string, version: number): Promise<Finding[]> {
  const checks: readonly (() => Promise<Finding[]>)[] = [
    () => server(client, store, version),
    () => durability(client),
    () => headsAgainstLog(client),
    () => newestRecords(client),
    () => sizes(client),
    () => liveness(client),
    () => work(client),
  ]
  const findings: Finding[] = []
  for (const check of checks) findings.push(...(await errorAsFinding(check)))
  return findings
}

/** Turns the error of a check into a finding: a database too damaged to be checked is what the check looks for. */
async function errorAsFinding(check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check()
  } catch (error) {
    return [
      { level: 'error', text: `a check could not run: ${error instanceof Error ? error.message : String(error)}` },
    ]
  }
}

async function server(client: Client, store: string, version: number): Promise<Finding[]> {
  const [row] = await client.read(
    `SELECT current_setting('server_version') AS version, current_schema() AS schema, pg_is_in_recovery() AS standby`,
  )
  const text = `${store}: PostgreSQL ${String(row?.['version'])}, schema ${String(row?.['schema'])} version ${version}`
  if (row?.['standby'] !== true) return [{ level: 'ok', text }]
  return [{ level: 'error', text: `${text}; this server is a standby and takes no writes: connect to the primary` }]
}

/** Settings under which an answered commit may be lost. */
async function durability(client: Client): Promise<Finding[]> {
  const rows = await client.read(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
       AND setting = 'off' ORDER BY name`,
  )
  if (rows.length === 0) return [{ level: 'ok', text: 'the server flushes every commit to disk' }]
  return rows.map(row => ({
    level: row['name'] === 'synchronous_commit' ? 'warning' : 'error',
    text: `${String(row['name'])} is off: a crash of the server may lose answered commits; turn it on`,
  }))
}

/** Every head must have the count of its session's rows and the position of the last one. */
async function headsAgainstLog(client: Client): Promise<Finding[]> {
  const wrong = await client.read(
    `SELECT h.id FROM heads h LEFT JOIN LATERAL (
         SELECT l.messages FROM log l WHERE l.session = h.session ORDER BY l.position DESC LIMIT 1) newest ON true
       WHERE newest.messages IS DISTINCT FROM h.messages LIMIT ${MAX_LISTED}`,
  )
  if (wrong.length === 0) return [{ level: 'ok', text: 'every session head matches the log' }]
  return wrong.map(row => ({
    level: 'error',
    text: `session ${String(row['id'])}: its newest row is not the one its head speaks of`,
  }))
}

async function newestRecords(client: Client): Promise<Finding[]> {
  const rows = await client.read(
    `SELECT l.position, l.crc, l.body, coalesce(h.id, '?') AS id FROM log l LEFT JOIN heads h USING (session)
     ORDER BY l.position DESC LIMIT ${SPOT_CHECK}`,
  )
  const findings: Finding[] = rows.flatMap(unreadable)
  if (findings.length === 0) return [{ level: 'ok', text: `the newest ${rows.length} records are readable` }]
  return findings.slice(0, MAX_LISTED)
}

function unreadable(row: Row): Finding[] {
  try {
    unsealRecord(toSealed(row), String(row['id']), Number(row['position']))
    return []
  } catch (error) {
    return [{ level: 'error', text: error instanceof Error ? error.message : String(error) }]
  }
}

async function sizes(client: Client): Promise<Finding[]> {
  const [row] = await client.read(
    `SELECT pg_size_pretty(sum(pg_total_relation_size(c.oid))) AS size,
       (SELECT n_dead_tup > 10 * greatest(n_live_tup, 1000) FROM pg_stat_user_tables s
        WHERE s.relid = to_regclass('heads')) AS bloated
     FROM pg_class c WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r'`,
  )
  const findings: Finding[] = [{ level: 'ok', text: `the schema takes ${String(row?.['size'])}` }]
  if (row?.['bloated'] === true) {
    const text = 'the table heads is mostly dead rows: end long transactions (dumps, shells), and let autovacuum run'
    findings.push({ level: 'warning', text })
  }
  return findings
}

async function liveness(client: Client): Promise<Finding[]> {
  const rows = await client.read(
    `SELECT owner, pid, host, expires_at > clock_timestamp() AS alive,
       round(extract(epoch FROM clock_timestamp() - expires_at))::bigint AS silent FROM owners ORDER BY n`,
  )
  return rows.map(row => {
    const who = `process ${String(row['pid'])} on ${String(row['host'])} (owner ${String(row['owner'])})`
    if (row['alive'] === true) return { level: 'ok', text: `${who} is alive` }
    return { level: 'warning', text: `the lease of ${who} ended ${String(row['silent'])} s ago; its sessions are free` }
  })
}

async function work(client: Client): Promise<Finding[]> {
  const [row] = await client.read(
    `SELECT count(*) AS sessions, count(*) FILTER (WHERE unfinished > 0) AS owed,
       count(*) FILTER (WHERE unfinished > 0 AND NOT EXISTS (
         SELECT 1 FROM owners o WHERE o.n = heads.owner AND o.expires_at > clock_timestamp())) AS waiting FROM heads`,
  )
  const findings: Finding[] = [
    { level: 'ok', text: `${String(row?.['sessions'])} sessions, ${String(row?.['owed'])} with owed work` },
  ]
  if (Number(row?.['waiting']) > 0) {
    const text = `${String(row?.['waiting'])} sessions with owed work are held by no process: start the runtime`
    findings.push({ level: 'warning', text })
  }
  return findings
}
