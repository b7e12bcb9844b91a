/**
 * The data of a memory source, and the functions that change it. Rows are kept as JSON text, so that no caller can change
 * what was committed, and a reader gets the same as from a disk.
 */
import { MeerkatError } from '../../errors.ts'
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { demandNames } from '../demand-names.ts'
import { type StoreFaults, trip } from '../faults.ts'
import { firstIndex } from '../first-index.ts'
import type { Listeners } from '../listeners.ts'
import type { LetterId } from '../mail.ts'
import type { CommitRecord, MessageRecord, Position, SessionRecord } from '../records.ts'
import type { Blob, Commit, Head, JournalEntry, LocatedId, LogRow, SessionSummary } from '../store.ts'
import { idKnown, keyBound, outOfTurn } from '../store-errors.ts'

export interface StoredRow {
  readonly position: Position
  readonly sessionId: SessionId
  body: string
  /** Messages in the transcript after this record. */
  readonly messages: number
}

export interface StoredSession {
  body: string
  readonly rows: StoredRow[]
  readonly keys: Map<string, { readonly inputId: InputId; readonly digest: string }>
  readonly journal: Map<InputId, Map<number, string>>
  readonly blobs: Set<string>
  token: number
  /** `isOpen` of the store that claimed it: a claim ends with its store. */
  holder?: { readonly owner: string; readonly store: { readonly isOpen: boolean } }
  head: Head
  updatedAt: number
  snapshot?: { readonly position: Position; readonly state: string }
  /** What is streamed behind the newest record. */
  streamed?: string
}

export interface Reference {
  readonly sessionId: SessionId
  readonly first: Position
  readonly last?: Position
}

export interface MemoryData {
  readonly sessions: Map<SessionId, StoredSession>
  /** In order of their positions. */
  readonly log: StoredRow[]
  /** The newest position given. */
  tail: Position
  /** The highest token of a removed session: its former owner may still send a commit. */
  removedToken: number
  readonly references: Map<LocatedId, Reference>
  readonly blobs: Map<string, { readonly data: Uint8Array; sessions: number }>
  readonly letters: Map<LetterId, StoredLetter>
  readonly registry: Map<string, StoredEntry>
  /** The newest version of an entry. */
  registryVersion: number
  readonly listeners: Listeners
}

export interface StoredEntry {
  readonly version: number
  readonly body: string
  /** It ends with its store. */
  readonly holder?: { readonly owner: string; readonly store: { readonly isOpen: boolean } }
}

export interface StoredLetter {
  readonly sessionId: SessionId
  readonly body: string
  readonly expiresAt: number
  answer?: string
}

/** A session that nothing was committed of. */
export function emptySession(session: SessionRecord, head: Head, token: number): StoredSession {
  return {
    body: JSON.stringify(session),
    rows: [],
    keys: new Map(),
    journal: new Map(),
    blobs: new Set(),
    token,
    head: { ...head, commits: 0 },
    updatedAt: session.createdAt,
  }
}

/** The first rows whose texts fit into `maxBytes` together; at least one. */
export function pageOf(rows: readonly StoredRow[], maxBytes: number = Number.POSITIVE_INFINITY): readonly LogRow[] {
  const page: LogRow[] = []
  let bytes = 0
  for (const row of rows) {
    bytes += row.body.length
    if (bytes > maxBytes && page.length > 0) break
    page.push(toLogRow(row))
  }
  return page
}

/** The rows after a position, as far as they fit. */
export function pageAfter(
  rows: readonly StoredRow[],
  page: { readonly after: Position; readonly limit: number; readonly maxBytes?: number },
): readonly LogRow[] {
  const start = firstIndex(rows.length, i => at(rows, i).position > page.after)
  return pageOf(rows.slice(start, start + page.limit), page.maxBytes)
}

/** All checks come before the first change, so a refused commit leaves nothing behind. */
export function append(data: MemoryData, session: StoredSession, commit: Commit, faults: StoreFaults): Position {
  const { claim, head } = commit
  demandNames(commit)
  demandNew(data, session, commit)
  const body = JSON.stringify(commit.record)
  const journal = (commit.journal?.put ?? []).map(entry => ({ ...entry, body: JSON.stringify(entry.message) }))
  const birth = commit.session && JSON.stringify(commit.session)
  trip(faults, 'beforeCommit')

  const position = ++data.tail
  const row: StoredRow = { position, sessionId: claim.sessionId, body, messages: head.messages }
  data.log.push(row)
  session.rows.push(row)
  session.head = { ...head }
  session.updatedAt = commit.record.at
  delete session.streamed
  if (birth !== undefined) session.body = birth
  refer(data, commit, position)
  for (const { key, inputId, digest } of commit.keys ?? []) session.keys.set(key, { inputId, digest })
  writeJournal(session, commit.journal?.drop ?? [], journal)
  for (const blob of commit.blobs ?? []) keepBlob(data, session, blob)
  if (commit.snapshot !== undefined) session.snapshot = { position, state: commit.snapshot }
  trip(faults, 'afterCommit')
  return position
}

/** Throws for a commit out of turn, and for ids and keys that exist. */
function demandNew(data: MemoryData, session: StoredSession, { claim, head, keys, opened }: Commit): void {
  if (head.commits <= session.head.commits) throw outOfTurn(claim.sessionId, head.commits, session.head.commits)
  if (keys?.some(({ key }) => session.keys.has(key)) === true) throw keyBound(claim.sessionId)
  if (opened?.some(id => data.references.has(id)) === true) throw idKnown(claim.sessionId)
}

/** Removes a session and the data that only it refers to. */
export function removeSession(data: MemoryData, sessionId: SessionId): void {
  const session = data.sessions.get(sessionId)
  if (session === undefined) return
  data.sessions.delete(sessionId)
  data.removedToken = Math.max(data.removedToken, session.token)
  const left = data.log.filter(row => row.sessionId !== sessionId)
  data.log.splice(0, data.log.length, ...left)
  for (const [id, reference] of data.references) if (reference.sessionId === sessionId) data.references.delete(id)
  for (const [id, letter] of data.letters) if (letter.sessionId === sessionId) data.letters.delete(id)
  for (const digest of session.blobs) {
    const blob = data.blobs.get(digest)
    if (blob !== undefined && --blob.sessions === 0) data.blobs.delete(digest)
  }
}

function keepBlob(data: MemoryData, session: StoredSession, { digest, data: bytes }: Blob): void {
  if (session.blobs.has(digest)) return
  session.blobs.add(digest)
  const known = data.blobs.get(digest)
  if (known === undefined) data.blobs.set(digest, { data: bytes.slice(), sessions: 1 })
  else known.sessions++
}

function refer({ references }: MemoryData, commit: Commit, position: Position): void {
  const { sessionId } = commit.claim
  for (const id of commit.opened ?? []) references.set(id, { sessionId, first: position })
  for (const id of commit.closed ?? []) {
    const first = references.get(id)?.first ?? position
    references.set(id, { sessionId, first, last: position })
  }
}

function writeJournal(
  session: StoredSession,
  drop: readonly InputId[],
  put: readonly (JournalEntry & { readonly body: string })[],
): void {
  for (const work of drop) session.journal.delete(work)
  for (const { work, index, body } of put) {
    const entries = session.journal.get(work) ?? new Map<number, string>()
    session.journal.set(work, entries.set(index, body))
  }
}

export function toLogRow(row: StoredRow): LogRow {
  return { position: row.position, sessionId: row.sessionId, record: JSON.parse(row.body) as CommitRecord }
}

export function journalOf(work: InputId, entries: ReadonlyMap<number, string>): JournalEntry[] {
  return [...entries]
    .toSorted(([left], [right]) => left - right)
    .map(([index, body]) => ({ work, index, message: JSON.parse(body) as MessageRecord }))
}

export function summary(stored: StoredSession): SessionSummary {
  return { ...(JSON.parse(stored.body) as SessionRecord), ...stored.head, updatedAt: stored.updatedAt }
}

export function hasLabel(session: SessionSummary, label: { readonly key: string; readonly value?: string }): boolean {
  const labels = session.options.labels ?? {}
  return Object.hasOwn(labels, label.key) && (label.value === undefined || labels[label.key] === label.value)
}

/** The order of UTF-8 bytes, as databases sort ids; JavaScript's own order differs beyond the basic plane. */
export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

export function at<T>(rows: readonly T[], index: number): T {
  const row = rows[index]
  if (row === undefined) throw new MeerkatError('internal', `no row ${index} among ${rows.length}`)
  return row
}
