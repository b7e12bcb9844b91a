/**
 * What is done to a session as a whole: its index, taking weight off its records, forgetting it. The methods that
 * write run inside the transaction that the group commit opened.
 *
 * A session's rows are found along its chain, for the log has no index by session: what is done to one costs its own
 * length, not the file's.
 */
import type { SessionId } from '../../kernel/ids.ts'
import { sealRecord, unsealRecord } from '../codec.ts'
import { idsOf } from '../ids-of-record.ts'
import type { CommitRecord, Position } from '../records.ts'
import type { Blob, Claim, LocatedId, SessionIndex } from '../store.ts'
import { claimLost, sessionNotFound } from '../store-errors.ts'
import type { SqlDriver, SqlRow, SqlStatement } from './driver.ts'
import { refKey } from './ref-key.ts'

export class Maintenance {
  readonly #db: SqlDriver
  readonly #sql: ReturnType<typeof prepare>

  constructor(db: SqlDriver) {
    this.#db = db
    this.#sql = prepare(db)
  }

  index(sessionId: SessionId): SessionIndex {
    const head = this.#head(sessionId)
    const refs = this.#rows(head)
      .toReversed()
      .flatMap(row => idsOf(toRecord(row, sessionId)))
      .flatMap(id => this.#reference(id))
    const keys = this.#sql.keys.all(head.n).map(row => ({
      key: String(row['key']),
      inputId: String(row['input']) as SessionIndex['keys'][number]['inputId'],
      digest: String(row['digest']),
    }))
    const blobs = this.#sql.blobRefs.all(head.n).map(row => String(row['digest']))
    return { refs: refs.toSorted((a, b) => a.first - b.first), keys, blobs }
  }

  blob(digest: string): Uint8Array | undefined {
    const data = this.#sql.blob.get(digest)?.['data']
    return data instanceof Uint8Array ? data : undefined
  }

  /** Keeps content, and that the session refers to it. */
  keep(n: number, blobs: readonly Blob[]): void {
    for (const { digest, data } of blobs) {
      this.#sql.insertBlob.run(digest, data)
      this.#sql.insertBlobRef.run(n, digest)
    }
  }

  amend(claim: Claim, rows: readonly { readonly position: Position; readonly record: CommitRecord }[]): void {
    const { n } = this.#claimed(claim)
    for (const { position, record } of rows) {
      const { body, crc } = sealRecord(record)
      this.#sql.amend.run(crc, body, position, n)
    }
  }

  remove(claim: Claim): void {
    const head = this.#claimed(claim)
    // The newest positions may go with it, and are not given again. Nor are its tokens: who held it once may still be
    // about to write, when another session has its id.
    this.#sql.keepTail.run()
    this.#sql.keepToken.run(head.token)
    for (const row of this.#rows(head)) {
      for (const id of this.#idsOf(row, claim.sessionId)) this.#sql.dropRef.run(refKey(id), head.n)
      this.#sql.dropRow.run(Number(row['position']))
    }
    for (const drop of this.#sql.drops) drop.run(head.n)
    this.#sql.dropBlobs.run()
  }

  /** A record that can't be read leaves its ids behind: dangling places are better than a session that can't be removed. */
  #idsOf(row: SqlRow, sessionId: SessionId): readonly LocatedId[] {
    try {
      return idsOf(toRecord(row, sessionId))
    } catch {
      return []
    }
  }

  #reference(id: LocatedId): SessionIndex['refs'] {
    const row = this.#sql.reference.get(refKey(id))
    if (row === undefined) return []
    const place = { id, first: Number(row['first']) }
    return [row['last'] === null ? place : { ...place, last: Number(row['last']) }]
  }

  #rows({ n, last }: HeadPlace): SqlRow[] {
    const rows: SqlRow[] = []
    for (let position = last; position > 0; ) {
      const row = this.#sql.row.get(position, n)
      if (row === undefined) break
      rows.push(row)
      position = Number(row['prev'])
    }
    return rows
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

  /** Pages of removed sessions go back to the file system, and the -wal file is emptied as far as readers let it. */
  compact(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#db.exec('VACUUM')
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }
}

interface HeadPlace {
  readonly n: number
  readonly token: number
  readonly last: Position
}

function toRecord(row: SqlRow, sessionId: SessionId): CommitRecord {
  return unsealRecord({ body: String(row['body']), crc: Number(row['crc']) }, sessionId, Number(row['position']))
}

const OF_SESSION = ['keys', 'journal', 'snapshots', 'marks', 'letters', 'blob_refs', 'heads'] as const

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
    keepTail: db.prepare(
      `INSERT INTO meta (key, value) VALUES ('tail', (SELECT ifnull(max(position), 0) FROM log))
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    ),
    keepToken: db.prepare(
      `INSERT INTO meta (key, value) VALUES ('token', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    ),
    dropRef: db.prepare('DELETE FROM refs WHERE id = ? AND session = ?'),
    dropRow: db.prepare('DELETE FROM log WHERE position = ?'),
    drops: [...OF_SESSION.map(table => byN(table, 'session')), byN('sessions', 'n')],
    dropBlobs: db.prepare('DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM blob_refs)'),
  }
}
