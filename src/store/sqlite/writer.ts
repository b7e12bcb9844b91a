/**
 * Writes commits and claims. Every method runs inside the transaction that the group commit opened, and refuses before
 * it changes anything.
 *
 * While this process holds a claim, the session's last position is known here, so a plain commit is one insert into
 * the log and one update of its head. The update carries the token and the last position as conditions: a commit whose
 * claim was taken over changes no row, and is refused. What is known here is only a guess that the file confirms; new
 * sessions, claims and owners are forgotten when their transaction fails.
 */
import type { SessionId } from '../../kernel/ids.ts'
import { type Sealed, seal, sealText } from '../codec.ts'
import { idKey } from '../id-key.ts'
import type { Position, SessionRecord } from '../records.ts'
import type { Claim, Commit } from '../store.ts'
import { claimLost, heldByOther, outOfTurn, sessionExists, sessionNotFound } from '../store-errors.ts'
import type { SqlDriver, SqlRow, SqlStatement } from './driver.ts'
import type { Tentative } from './group-commit.ts'
import type { Maintenance } from './maintenance.ts'
import { type Owners, toHolder } from './owners.ts'
import { MARK_EVERY, TAIL } from './schema.ts'

/** What is known of a session that this process writes. */
interface Written {
  readonly n: number
  token: number
  last: Position
  rows: number
  /** Whether the session may have journal rows; a turn that never journaled drops nothing. */
  journal: boolean
}

export class Writer implements Tentative {
  readonly #owners: Owners
  readonly #maintenance: Maintenance
  readonly #sql: ReturnType<typeof prepare>
  readonly #held = new Map<SessionId, Written>()
  #undo: (() => void)[] = []
  #tail: Position = 0

  constructor(db: SqlDriver, owners: Owners, maintenance: Maintenance) {
    this.#owners = owners
    this.#maintenance = maintenance
    this.#sql = prepare(db)
  }

  begin(): void {
    this.#tail = Number(this.#sql.tail.get()?.['tail'])
  }

  mark(): number {
    return this.#undo.length
  }

  undoTo(mark: number): void {
    for (const step of this.#undo.splice(mark).toReversed()) step()
  }

  keep(): void {
    this.#undo = []
  }

  create(session: SessionRecord, birth: Sealed, first: Omit<Commit, 'claim'>, record: Sealed, owner: string): Created {
    const { id, createdAt } = session
    if (this.#sql.number.get(id) !== undefined) throw sessionExists(id)
    const holder = this.register(owner)
    const n = Number(this.#sql.insertSession.run(id, createdAt, birth.crc, birth.body).lastInsertRowid)
    const claim: Claim = { sessionId: id, owner, token: Number(this.#sql.firstToken.get()?.['token']) }
    this.#sql.insertHead.run(n, claim.token, holder)
    const written: Written = { n, token: claim.token, last: 0, rows: 0, journal: false }
    this.#hold(id, written)
    return { claim, position: this.#append(written, { ...first, claim }, record) }
  }

  claim(sessionId: SessionId, owner: string): Claim {
    const row = this.#head(sessionId)
    const current = row.owner === null ? undefined : this.#owners.find(row.owner)
    if (current !== undefined && current.owner !== owner && this.#owners.isAlive(current)) {
      throw heldByOther(sessionId, toHolder(current))
    }
    const holder = this.register(owner)
    const { n, last, rows } = row
    const token = row.token + 1
    this.#sql.setOwner.run(token, holder, n)
    this.#hold(sessionId, { n, token, last, rows, journal: this.#hasJournal(n) })
    return { sessionId, owner, token }
  }

  /** The number of an owner of this process, which lives from now on. */
  register(owner: string): number {
    return this.#owners.register(owner, step => this.#undo.push(step))
  }

  /** Whether the session that was released owes something. */
  release(claim: Claim): boolean {
    const row = this.#sql.head.get(claim.sessionId)
    if (row === undefined) return false
    const { n, token } = toHead(row)
    if (token !== claim.token) return false
    // The token rises, so that a commit of this claim that is still under way is refused.
    this.#sql.setOwner.run(token + 1, null, n)
    this.#forget(claim.sessionId)
    return row['unfinished'] !== 0 || row['due_at'] !== null
  }

  current(claims: readonly Claim[]): readonly Claim[] {
    return claims.filter(({ sessionId, token }) => this.#sql.head.get(sessionId)?.['token'] === token)
  }

  /** Answers whether that was the last part. */
  removePart(claim: Claim): boolean {
    this.#forget(claim.sessionId)
    return this.#maintenance.removePart(claim)
  }

  commit(commit: Commit, record: Sealed): Position {
    const { claim } = commit
    const held = this.#held.get(claim.sessionId)
    if (held?.token === claim.token && this.#moveHead(held, commit)) return this.#write(held, commit, record)
    // The session is not as this process remembers it: another process has written it, or this store never saw the claim.
    const fresh = this.#reread(claim, commit.head.commits)
    this.#hold(claim.sessionId, fresh)
    return this.#append(fresh, commit, record)
  }

  /** The session as the file has it, provided that the claim is still current and the commit is its next. */
  #reread(claim: Claim, commits: number): Written {
    const row = this.#head(claim.sessionId)
    if (row.token !== claim.token) {
      const owner = row.owner === null ? undefined : this.#owners.find(row.owner)
      if (this.#held.get(claim.sessionId)?.token === claim.token) this.#forget(claim.sessionId)
      throw claimLost(claim, owner === undefined ? undefined : toHolder(owner))
    }
    if (commits <= row.commits) throw outOfTurn(claim.sessionId, commits, row.commits)
    return { n: row.n, token: row.token, last: row.last, rows: row.rows, journal: this.#hasJournal(row.n) }
  }

  #append(session: Written, commit: Commit, record: Sealed): Position {
    if (!this.#moveHead(session, commit)) throw claimLost(commit.claim, undefined)
    return this.#write(session, commit, record)
  }

  /** The fence: true when the claim was current and the head now speaks of the next row. */
  #moveHead(session: Written, { head, record, claim }: Commit): boolean {
    const { changes } = this.#sql.moveHead.run(
      this.#tail + 1,
      session.rows + 1,
      head.commits,
      head.phase,
      head.unfinished,
      head.messages,
      head.dueAt ?? null,
      record.at,
      session.n,
      claim.token,
      session.last,
      head.commits,
    )
    return Number(changes) === 1
  }

  #write(session: Written, commit: Commit, record: Sealed): Position {
    const previous = session.last
    const position = this.#tail + 1
    // Needs no undo: after a rollback the next commit fails to move the head, and the session is read again.
    this.#tail = position
    session.last = position
    session.rows += 1
    this.#sql.insertLog.run(position, session.n, previous, commit.head.messages, record.crc, record.body)
    if (session.rows % MARK_EVERY === 0) {
      this.#sql.insertMark.run(session.n, session.rows / MARK_EVERY, position, commit.head.messages)
    }
    this.#refer(session.n, position, commit)
    for (const { key, inputId, digest } of commit.keys ?? []) this.#sql.insertKey.run(session.n, key, inputId, digest)
    if (commit.session !== undefined) {
      const { crc, body } = seal(commit.session)
      this.#sql.putSession.run(crc, body, session.n)
    }
    if (commit.journal !== undefined) this.#writeJournal(session, commit.journal)
    if (commit.blobs !== undefined) this.#maintenance.keep(session.n, commit.blobs)
    if (commit.snapshot !== undefined) {
      const { crc, body } = sealText(commit.snapshot)
      this.#sql.putSnapshot.run(session.n, position, crc, body)
    }
    return position
  }

  #refer(n: number, position: Position, commit: Commit): void {
    if (commit.opened !== undefined) {
      for (const id of commit.opened) this.#sql.openRef.run(idKey(id), n, position)
    }
    if (commit.closed === undefined) return
    for (const id of commit.closed) {
      const key = idKey(id)
      if (Number(this.#sql.closeRef.run(position, key).changes) === 0)
        this.#sql.insertRef.run(key, n, position, position)
    }
  }

  #writeJournal(session: Written, { put, drop }: NonNullable<Commit['journal']>): void {
    if (session.journal) for (const work of drop ?? []) this.#sql.dropJournal.run(session.n, work)
    for (const { work, index, message } of put ?? []) {
      const { crc, body } = seal(message)
      this.#sql.putJournal.run(session.n, work, index, crc, body)
      session.journal = true
    }
  }

  #head(sessionId: SessionId): HeadRow {
    const row = this.#sql.head.get(sessionId)
    if (row === undefined) throw sessionNotFound(sessionId)
    return toHead(row)
  }

  #hasJournal(n: number): boolean {
    return this.#sql.anyJournal.get(n) !== undefined
  }

  #hold(sessionId: SessionId, written: Written): void {
    const before = this.#held.get(sessionId)
    this.#held.set(sessionId, written)
    this.#undo.push(() => {
      if (before === undefined) this.#held.delete(sessionId)
      else this.#held.set(sessionId, before)
    })
  }

  /** Needs no undo: a session that is not remembered is read again. */
  #forget(sessionId: SessionId): void {
    this.#held.delete(sessionId)
  }
}

export interface Created {
  readonly claim: Claim
  readonly position: Position
}

interface HeadRow {
  readonly n: number
  readonly token: number
  readonly owner: number | null
  readonly last: Position
  readonly rows: number
  readonly commits: number
}

function toHead(row: SqlRow): HeadRow {
  return {
    n: Number(row['session']),
    token: Number(row['token']),
    owner: row['owner'] === null ? null : Number(row['owner']),
    last: Number(row['last']),
    rows: Number(row['rows']),
    commits: Number(row['commits']),
  }
}

function prepare(
  db: SqlDriver,
): Record<
  | 'tail'
  | 'number'
  | 'firstToken'
  | 'insertSession'
  | 'putSession'
  | 'insertHead'
  | 'head'
  | 'setOwner'
  | 'moveHead'
  | 'insertLog'
  | 'insertMark'
  | 'openRef'
  | 'closeRef'
  | 'insertRef'
  | 'insertKey'
  | 'putJournal'
  | 'dropJournal'
  | 'anyJournal'
  | 'putSnapshot',
  SqlStatement
> {
  return {
    tail: db.prepare(TAIL),
    number: db.prepare('SELECT n FROM sessions WHERE id = ?'),
    firstToken: db.prepare(`SELECT ifnull((SELECT value FROM meta WHERE key = 'token'), 0) + 1 AS token`),
    insertSession: db.prepare('INSERT INTO sessions (id, created_at, crc, body) VALUES (?, ?, ?, ?)'),
    putSession: db.prepare('UPDATE sessions SET crc = ?, body = ? WHERE n = ?'),
    insertHead: db.prepare(
      `INSERT INTO heads (session, token, owner, last, rows, commits, phase, unfinished, messages, updated_at)
       VALUES (?, ?, ?, 0, 0, 0, '', 0, 0, 0)`,
    ),
    head: db.prepare(
      `SELECT session, token, owner, last, rows, commits, unfinished, due_at FROM heads WHERE session = (SELECT n FROM sessions WHERE id = ?)`,
    ),
    setOwner: db.prepare('UPDATE heads SET token = ?, owner = ? WHERE session = ?'),
    moveHead: db.prepare(
      `UPDATE heads SET last = ?, rows = ?, commits = ?, phase = ?, unfinished = ?, messages = ?, due_at = ?, updated_at = ?
       WHERE session = ? AND token = ? AND last = ? AND commits < ?`,
    ),
    insertLog: db.prepare('INSERT INTO log (position, session, prev, messages, crc, body) VALUES (?, ?, ?, ?, ?, ?)'),
    insertMark: db.prepare('INSERT INTO marks (session, mark, position, messages) VALUES (?, ?, ?, ?)'),
    openRef: db.prepare('INSERT INTO refs (id, session, first) VALUES (?, ?, ?)'),
    closeRef: db.prepare('UPDATE refs SET last = ? WHERE id = ?'),
    insertRef: db.prepare('INSERT INTO refs (id, session, first, last) VALUES (?, ?, ?, ?)'),
    insertKey: db.prepare('INSERT INTO keys (session, key, input, digest) VALUES (?, ?, ?, ?)'),
    putJournal: db.prepare('INSERT OR REPLACE INTO journal (session, work, idx, crc, body) VALUES (?, ?, ?, ?, ?)'),
    dropJournal: db.prepare('DELETE FROM journal WHERE session = ? AND work = ?'),
    anyJournal: db.prepare('SELECT 1 FROM journal WHERE session = ? LIMIT 1'),
    putSnapshot: db.prepare('INSERT OR REPLACE INTO snapshots (session, position, crc, body) VALUES (?, ?, ?, ?)'),
  }
}
