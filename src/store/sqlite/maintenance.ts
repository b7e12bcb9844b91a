/**
 * Work on a session as a whole: reading its index, reducing its records, removing it. The methods that
 * write run inside the transaction that the group commit opened.
 *
 * A session's rows are found along its chain, because the log has no index by session. So the work costs the length of the
 * session, not that of the file.
 */
import { MeerkatError } from '../../errors.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { type Sealed, sealRecord, unseal, unsealRecord } from '../codec.ts'
import { idKey } from '../id-key.ts'
import { idsOf } from '../ids-of-record.ts'
import { PAGE_BYTES } from '../pages.ts'
import type { CommitRecord, Position } from '../records.ts'
import { type Blob, type Claim, type LocatedId, PARTIAL, type SessionIndex, type Streamed } from '../store.ts'
import { claimLost, sessionNotFound } from '../store-errors.ts'
import type { SqlDriver, SqlRow, SqlStatement } from './driver.ts'
import { brokenLog } from './errors.ts'

export class Maintenance {
  readonly #db: SqlDriver
  readonly #sql: ReturnType<typeof prepare>

  constructor(db: SqlDriver) {
    this.#db = db
    this.#sql = prepare(db)
  }

  /**
   * The session's index as of the first turn, except that ids which ended since may have their `last`. It walks along the
   * session's records; each `next` does a bounded part.
   */
  *index(sessionId: SessionId): Generator<undefined, SessionIndex> {
    const head = this.#head(sessionId)
    const keys = this.#sql.keys.all(head.n).map(row => ({
      key: String(row['key']),
      inputId: String(row['input']) as SessionIndex['keys'][number]['inputId'],
      digest: String(row['digest']),
    }))
    const blobs = this.#sql.blobRefs.all(head.n).map(row => String(row['digest']))
    const refs: SessionIndex['refs'][number][] = []
    let read = 0
    for (const row of this.#rows(head, sessionId)) {
      for (const id of idsOf(toRecord(row, sessionId)).toReversed()) refs.push(...this.#reference(id))
      read += String(row['body']).length + A_ROW
      if (read > PAGE_BYTES) yield undefined
      if (read > PAGE_BYTES) read = 0
    }
    return { refs: refs.toReversed().toSorted((a, b) => a.first - b.first), keys, blobs }
  }

  blob(digest: string): Uint8Array | undefined {
    const data = this.#sql.blob.get(digest)?.['data']
    return data instanceof Uint8Array ? data : undefined
  }

  /** Stores content, and the session's reference to it. */
  keep(n: number, blobs: readonly Blob[]): void {
    for (const { digest, data } of blobs) {
      this.#sql.insertBlob.run(digest, data)
      this.#sql.insertBlobRef.run(n, digest)
    }
  }

  amend(claim: Claim, rows: readonly { readonly position: Position; readonly record: CommitRecord }[]): void {
    const { n } = this.#claimed(claim)
    for (const { position, record } of rows) {
      const { body, crc } = sealRecord(record, claim.sessionId)
      this.#sql.amend.run(crc, body, position, n)
    }
  }

  /** `kept` absent: removes what was kept. */
  keepStreamed(claim: Claim, position: Position, kept: Sealed | undefined): void {
    const { n, last } = this.#claimed(claim)
    if (last !== position) return
    if (kept === undefined) this.#sql.dropStreamed.run(n)
    else this.#sql.keepStreamed.run(n, position, kept.crc, kept.body)
  }

  /** A damaged tail is ignored: the whole text comes in a record. */
  streamed(sessionId: SessionId): Streamed | undefined {
    const row = this.#sql.streamed.get(sessionId)
    if (row === undefined) return undefined
    try {
      const kept = { body: String(row['body']), crc: Number(row['crc']) }
      return {
        position: Number(row['position']),
        events: unseal<Streamed['events']>(kept, { what: 'streamed text', sessionId }),
      }
    } catch {
      return undefined
    }
  }

  /**
   * Removes a part of the session, the newest records first, and answers whether that was the last part. Until then the
   * head is in the phase `PARTIAL`, and its chain leads to every record that is left.
   */
  removePart(claim: Claim): boolean {
    const head = this.#claimed(claim)
    // The removed positions are not given again. Nor are its tokens: a former owner may still send a commit when a new
    // session has the same id.
    this.#sql.keepTail.run()
    this.#sql.keepToken.run(head.token)
    const last = this.#dropRows(head, claim.sessionId)
    if (last > 0 || this.#dropIndex(head.n)) {
      this.#sql.leavePart.run(last, PARTIAL, head.n)
      return false
    }
    this.#sql.dropBlobs.run(head.n)
    for (const drop of this.#sql.drops) drop.run(head.n)
    return true
  }

  /**
   * Drops as many records as one transaction should, and answers the position of the next one; 0 if none is left. If the
   * chain is broken, the remaining records are searched for in the whole file: none may be left behind.
   */
  #dropRows(head: HeadPlace, sessionId: SessionId): Position {
    let dropped = 0
    try {
      for (const row of this.#rows(head, sessionId)) {
        for (const id of idsOf(toRecord(row, sessionId))) this.#sql.dropRef.run(idKey(id), head.n)
        this.#sql.dropRow.run(Number(row['position']))
        dropped += String(row['body']).length + A_ROW
        if (dropped > PAGE_BYTES) return Number(row['prev'])
      }
    } catch (error) {
      if (!(error instanceof MeerkatError)) throw error
      for (const sweep of this.#sql.sweeps) sweep.run(head.n)
    }
    return 0
  }

  /** Drops a part of the session's index rows, and answers whether more are left. */
  #dropIndex(n: number): boolean {
    return this.#sql.dropSome.some(drop => Number(drop.run(n, n, ROWS_A_PART).changes) === ROWS_A_PART)
  }

  #reference(id: LocatedId): SessionIndex['refs'] {
    const row = this.#sql.reference.get(idKey(id))
    if (row === undefined) return []
    const place = { id, first: Number(row['first']) }
    return [row['last'] === null ? place : { ...place, last: Number(row['last']) }]
  }

  /** The newest first, one in memory at a time. */
  *#rows({ n, last }: HeadPlace, sessionId: SessionId): Generator<SqlRow> {
    for (let position = last; position > 0; ) {
      const row = this.#sql.row.get(position, n)
      if (row === undefined) throw brokenLog(sessionId, `row ${position} is missing or of another session`, position)
      const prev = Number(row['prev'])
      if (prev >= position) throw brokenLog(sessionId, `row ${position} does not lead back`, position)
      yield row
      position = prev
    }
  }

  #claimed(claim: Claim): HeadPlace {
    const head = this.#head(claim.sessionId)
    if (head.token !== claim.token) throw claimLost(claim, undefined)
    return head
  }

  #head(sessionId: SessionId): HeadPlace {
    const row = this.#sql.head.get(sessionId)
    if (row === undefined) throw sessionNotFound(sessionId)
    return { n: Number(row['session']), token: Number(row['token']), last: Number(row['last']) }
  }

  /**
   * Makes the file one that can shrink in steps. A file of an earlier release has to be rewritten once, which blocks all
   * its users for about ten seconds a gigabyte.
   */
  prepareCompact(): void {
    if (this.#db.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'] === INCREMENTAL) return
    this.#db.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  }

  /** Moves free pages to the end of the file and cuts them off; to be called again while it answers true. */
  compactStep(): boolean {
    const before = this.#freePages()
    if (before > 0) this.#db.exec(`PRAGMA incremental_vacuum(${PAGES_A_STEP})`)
    const after = this.#freePages()
    return after > 0 && after < before
  }

  /** Empties the -wal file into the database as far as readers let it. Only this makes the file on disk smaller. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  #freePages(): number {
    return Number(this.#sql.freePages.get()?.['freelist_count'])
  }
}

/** The fixed cost of a row, in characters read. */
const A_ROW = 500
/** What `PRAGMA auto_vacuum` says of a file that can be made smaller by steps. */
const INCREMENTAL = 2
/** Rows of an index that one transaction drops. */
const ROWS_A_PART = 2_000
/** Free pages that one transaction gives back: a megabyte, some milliseconds. */
const PAGES_A_STEP = 256

interface HeadPlace {
  readonly n: number
  readonly token: number
  readonly last: Position
}

function toRecord(row: SqlRow, sessionId: SessionId): CommitRecord {
  return unsealRecord({ body: String(row['body']), crc: Number(row['crc']) }, sessionId, Number(row['position']))
}

const OF_SESSION = ['keys', 'journal', 'snapshots', 'streamed', 'marks', 'letters', 'blob_refs', 'heads'] as const

function prepare(db: SqlDriver) {
  const byN = (table: string, column: string): SqlStatement => db.prepare(`DELETE FROM ${table} WHERE ${column} = ?`)
  return {
    head: db.prepare('SELECT session, token, last FROM heads WHERE session = (SELECT n FROM sessions WHERE id = ?)'),
    row: db.prepare('SELECT position, prev, crc, body FROM log WHERE position = ? AND session = ?'),
    reference: db.prepare('SELECT first, last FROM refs WHERE id = ?'),
    keys: db.prepare('SELECT key, input, digest FROM keys WHERE session = ?'),
    blobRefs: db.prepare('SELECT digest FROM blob_refs WHERE session = ?'),
    blob: db.prepare('SELECT data FROM blobs WHERE digest = ?'),
    insertBlob: db.prepare('INSERT INTO blobs (digest, data) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    insertBlobRef: db.prepare('INSERT INTO blob_refs (session, digest) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    amend: db.prepare('UPDATE log SET crc = ?, body = ? WHERE position = ? AND session = ?'),
    keepStreamed: db.prepare('INSERT OR REPLACE INTO streamed (session, position, crc, body) VALUES (?, ?, ?, ?)'),
    dropStreamed: db.prepare('DELETE FROM streamed WHERE session = ?'),
    streamed: db.prepare(
      `SELECT k.position, k.crc, k.body FROM streamed k JOIN heads h ON h.session = k.session AND h.last = k.position
       WHERE k.session = (SELECT n FROM sessions WHERE id = ?)`,
    ),
    keepTail: db.prepare(
      `INSERT INTO meta (key, value) VALUES ('tail', (SELECT ifnull(max(position), 0) FROM log))
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    ),
    keepToken: db.prepare(
      `INSERT INTO meta (key, value) VALUES ('token', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    ),
    dropRef: db.prepare('DELETE FROM refs WHERE id = ? AND session = ?'),
    dropRow: db.prepare('DELETE FROM log WHERE position = ?'),
    leavePart: db.prepare('UPDATE heads SET last = ?, phase = ?, unfinished = 0, due_at = 0 WHERE session = ?'),
    dropSome: [
      db.prepare('DELETE FROM keys WHERE session = ? AND key IN (SELECT key FROM keys WHERE session = ? LIMIT ?)'),
      db.prepare(
        'DELETE FROM journal WHERE session = ? AND (work, idx) IN (SELECT work, idx FROM journal WHERE session = ? LIMIT ?)',
      ),
    ],
    sweeps: [byN('log', 'session'), byN('refs', 'session')],
    drops: [...OF_SESSION.map(table => byN(table, 'session')), byN('sessions', 'n')],
    dropBlobs: db.prepare(
      `DELETE FROM blobs WHERE digest IN (SELECT digest FROM blob_refs mine WHERE session = ? AND NOT EXISTS
         (SELECT 1 FROM blob_refs others WHERE others.digest = mine.digest AND others.session <> mine.session))`,
    ),
    freePages: db.prepare('PRAGMA freelist_count'),
  }
}
