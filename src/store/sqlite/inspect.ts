/** The findings of `meerkat doctor` about a database file. Reads only; on a large file the page check takes a while. */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { digestOf } from '../blobs.ts'
import { type Sealed, unseal, unsealRecord, unsealText } from '../codec.ts'
import type { SqlDriver, SqlRow } from './driver.ts'
import type { Owners } from './owners.ts'
import { SCHEMA_VERSION } from './schema.ts'

export interface Finding {
  readonly level: 'ok' | 'warning' | 'error'
  readonly text: string
}

/** Most findings of one kind that are listed; the rest is counted. */
const MAX_LISTED = 20
/** Newest rows of a kind whose checksums are proven. */
const SPOT_CHECK = 1000
const FILES_CHECKED = 50
const LARGE_WAL_BYTES = 256 * 2 ** 20
const LOW_DISK_BYTES = 512 * 2 ** 20

export function inspectFile(db: SqlDriver, path: string, owners: Owners): Finding[] {
  const version: Finding = { level: 'ok', text: `${path}: schema version ${SCHEMA_VERSION}` }
  const checks: readonly (() => Finding[])[] = [
    () => pages(db),
    () => headsAgainstLog(db),
    () => newestRows(db),
    () => newestFiles(db),
    () => sizes(path),
    () => liveness(owners),
    () => work(db),
  ]
  return [version, ...checks.flatMap(errorAsFinding)]
}

/** Turns the error of a check into a finding: a file too damaged to be checked is what the check looks for. */
function errorAsFinding(check: () => Finding[]): Finding[] {
  try {
    return check()
  } catch (error) {
    return [
      { level: 'error', text: `a check could not run: ${error instanceof Error ? error.message : String(error)}` },
    ]
  }
}

function pages(db: SqlDriver): Finding[] {
  const results = db
    .prepare(`PRAGMA quick_check(${MAX_LISTED})`)
    .all()
    .map(row => String(row['quick_check']))
  if (results.length === 1 && results[0] === 'ok') return [{ level: 'ok', text: 'all pages are sound' }]
  return results.map(text => ({ level: 'error', text: `damaged page: ${text}; restore the file from a backup` }))
}

/** Every head must name an existing row of its own session. */
function headsAgainstLog(db: SqlDriver): Finding[] {
  const wrong = db
    .prepare(
      `SELECT s.id, h.last FROM heads h JOIN sessions s ON s.n = h.session LEFT JOIN log l ON l.position = h.last
       WHERE l.session IS NOT h.session LIMIT ${MAX_LISTED}`,
    )
    .all()
  if (wrong.length === 0) return [{ level: 'ok', text: 'every session head matches the log' }]
  return wrong.map(row => ({
    level: 'error',
    text: `session ${String(row['id'])}: its head names row ${Number(row['last'])}, which is not its own`,
  }))
}

/** Rows of one kind, the newest first, and how each is proven. */
interface Kind {
  readonly level: 'warning' | 'error'
  readonly from: string
  /** Throws what is wrong with the row. */
  readonly prove: (row: SqlRow) => unknown
}

const sealed = (row: SqlRow): Sealed => ({ body: String(row['body']), crc: Number(row['crc']) })

const KINDS: readonly Kind[] = [
  {
    level: 'error',
    from: `l.position, l.crc, l.body, ifnull(s.id, '?') AS id FROM log l LEFT JOIN sessions s ON s.n = l.session
      ORDER BY l.position DESC`,
    prove: row => unsealRecord(sealed(row), String(row['id']), Number(row['position'])),
  },
  {
    level: 'error',
    from: 'id, crc, body FROM sessions ORDER BY n DESC',
    prove: row => unseal(sealed(row), { what: 'birth certificate', sessionId: String(row['id']) }),
  },
  {
    level: 'error',
    from: 's.id, j.crc, j.body FROM journal j JOIN sessions s ON s.n = j.session ORDER BY j.session DESC',
    prove: row => unseal(sealed(row), { what: 'journal', sessionId: String(row['id']) }),
  },
  {
    // Loading ignores a damaged snapshot, because the log has the same state.
    level: 'warning',
    from: 's.id, p.crc, p.body FROM snapshots p JOIN sessions s ON s.n = p.session ORDER BY p.session DESC',
    prove: row => unsealText(sealed(row), { what: 'snapshot', sessionId: String(row['id']) }),
  },
]

function newestRows(db: SqlDriver): Finding[] {
  let proven = 0
  const findings: Finding[] = []
  for (const { level, from, prove } of KINDS) {
    for (const row of db.prepare(`SELECT ${from} LIMIT ${SPOT_CHECK}`).all()) {
      proven += 1
      const why = failureOf(() => prove(row))
      if (why !== undefined) findings.push({ level, text: why })
    }
  }
  if (findings.length === 0) return [{ level: 'ok', text: `the newest records are readable (${proven} rows)` }]
  return findings.slice(0, MAX_LISTED)
}

/** Files are large, so fewer of them are read. */
function newestFiles(db: SqlDriver): Finding[] {
  const rows = db
    .prepare(
      `SELECT b.digest, b.data, (SELECT group_concat(s.id, ', ') FROM blob_refs r JOIN sessions s ON s.n = r.session
         WHERE r.digest = b.digest) AS ids
       FROM blobs b ORDER BY b.n DESC LIMIT ${FILES_CHECKED}`,
    )
    .all()
  return rows
    .filter(({ digest, data }) => !(data instanceof Uint8Array && digestOf(data) === digest))
    .map(({ digest, ids }) => ({
      level: 'error',
      text: `file ${String(digest)} of session ${String(ids)} is not what was stored; restore the store from a backup`,
    }))
}

function failureOf(body: () => unknown): string | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function sizes(path: string): Finding[] {
  const disk = statfsSync(dirname(path))
  const free = disk.bavail * disk.bsize
  const file = statSync(path).size
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  const findings: Finding[] = [
    { level: 'ok', text: `${megabytes(file)} in the file, ${megabytes(wal)} in its log (-wal)` },
  ]
  if (wal > LARGE_WAL_BYTES) {
    findings.push({ level: 'warning', text: 'the -wal file is large: a reader keeps a transaction open, end it' })
  }
  findings.push({
    level: free < LOW_DISK_BYTES ? 'warning' : 'ok',
    text: `${megabytes(free)} of disk space are free`,
  })
  return findings
}

function liveness(owners: Owners): Finding[] {
  return owners.all().map(row => {
    const alive = owners.isAlive(row)
    const who = `process ${row.pid} on ${row.host} (owner ${row.owner})`
    return {
      level: alive ? 'ok' : 'warning',
      text: alive ? `${who} is alive` : `${who} is gone; its sessions are free`,
    }
  })
}

function work(db: SqlDriver): Finding[] {
  const row = db
    .prepare(
      `SELECT count(*) AS sessions, ifnull(sum(unfinished > 0), 0) AS owed,
         ifnull(sum(unfinished > 0 AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.n = heads.owner)), 0) AS waiting
       FROM heads`,
    )
    .get()
  const [sessions, owed, waiting] = [row?.['sessions'], row?.['owed'], row?.['waiting']].map(Number)
  const findings: Finding[] = [{ level: 'ok', text: `${sessions} sessions, ${owed} with owed work` }]
  if (waiting !== 0) {
    findings.push({
      level: 'warning',
      text: `${waiting} sessions with owed work are held by no process: start the runtime`,
    })
  }
  return findings
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`
}
