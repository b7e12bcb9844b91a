/**
 * The store without a disk: for tests, trials and sessions that may end with the process.
 *
 * Its data belong to the source, so a second `open` sees what the first one committed, as a restarted process would. A
 * claim lives as long as the store that made it is open. Rows are kept as JSON text: nobody can change what was
 * committed, and what a reader gets is what a disk would have given.
 */
import { MeerkatError } from '../errors.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { StoreFaults } from './faults.ts'
import { trip } from './faults.ts'
import { firstIndex } from './first-index.ts'
import type { CommitListener } from './listeners.ts'
import { Listeners } from './listeners.ts'
import type { CommitRecord, MessageRecord, Position, SessionRecord } from './records.ts'
import type {
  Claim,
  Commit,
  Head,
  JournalEntry,
  LoadedSession,
  LogRow,
  SessionSummary,
  Store,
  StoreSource,
} from './store.ts'
import {
  claimLost,
  heldByOther,
  idKnown,
  keyBound,
  sessionExists,
  sessionNotFound,
  storeClosed,
} from './store-errors.ts'

const NAME = 'memory:'

interface StoredRow {
  readonly position: Position
  readonly sessionId: SessionId
  readonly body: string
  /** Messages in the transcript after this record. */
  readonly messages: number
}

interface StoredSession {
  readonly body: string
  readonly rows: StoredRow[]
  readonly keys: Map<string, { readonly inputId: InputId; readonly digest: string }>
  readonly journal: Map<InputId, Map<number, string>>
  token: number
  holder?: { readonly owner: string; readonly store: MemoryStore }
  head: Head
  updatedAt: number
  snapshot?: { readonly position: Position; readonly state: string }
}

interface Reference {
  readonly sessionId: SessionId
  readonly first: Position
  readonly last?: Position
}

interface MemoryData {
  readonly sessions: Map<SessionId, StoredSession>
  /** Row at index i has position i + 1. */
  readonly log: StoredRow[]
  readonly references: Map<InputId | RunId, Reference>
  readonly listeners: Listeners
}

export interface MemoryOptions {
  readonly faults?: StoreFaults
}

/** A store in this process's memory. Every `open` of one source shows the same sessions. */
export function memory(options: MemoryOptions = {}): StoreSource {
  const data: MemoryData = { sessions: new Map(), log: [], references: new Map(), listeners: new Listeners() }
  return { name: NAME, open: () => Promise.resolve(new MemoryStore(data, options.faults ?? {})) }
}

class MemoryStore implements Store {
  readonly name = NAME
  readonly #data: MemoryData
  readonly #faults: StoreFaults
  readonly #listening = new Set<() => void>()
  #open = true

  constructor(data: MemoryData, faults: StoreFaults) {
    this.#data = data
    this.#faults = faults
  }

  get isOpen(): boolean {
    return this.#open
  }

  async create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }> {
    this.#demandOpen()
    if (this.#data.sessions.has(session.id)) throw sessionExists(session.id)
    const claim: Claim = { sessionId: session.id, owner, token: 1 }
    const stored: StoredSession = {
      body: JSON.stringify(session),
      rows: [],
      keys: new Map(),
      journal: new Map(),
      token: claim.token,
      holder: { owner, store: this },
      head: first.head,
      updatedAt: first.record.at,
    }
    const position = this.#append(stored, { ...first, claim })
    this.#data.sessions.set(session.id, stored)
    this.#data.listeners.notify({ sessionId: session.id })
    return { claim, position }
  }

  async claim(sessionId: SessionId, owner: string): Promise<Claim> {
    const session = this.#session(sessionId)
    const { holder } = session
    if (holder !== undefined && holder.owner !== owner && holder.store.isOpen) {
      throw heldByOther(sessionId, { owner: holder.owner })
    }
    session.token += 1
    session.holder = { owner, store: this }
    return { sessionId, owner, token: session.token }
  }

  async release(claim: Claim): Promise<void> {
    this.#demandOpen()
    const session = this.#data.sessions.get(claim.sessionId)
    if (session?.token !== claim.token) return
    // The token rises, so that a commit which is still under way under this claim is refused.
    session.token += 1
    delete session.holder
  }

  async load(sessionId: SessionId): Promise<LoadedSession> {
    const stored = this.#session(sessionId)
    const from = stored.snapshot?.position ?? 0
    const start = firstIndex(stored.rows.length, i => at(stored.rows, i).position > from)
    const { snapshot } = stored
    return {
      session: JSON.parse(stored.body) as SessionRecord,
      head: stored.head,
      ...(snapshot === undefined ? {} : { snapshot }),
      rows: stored.rows.slice(start).map(toLogRow),
      journal: [...stored.journal].flatMap(([work, entries]) => journalOf(work, entries)),
    }
  }

  async commit(commit: Commit): Promise<Position> {
    const { claim } = commit
    const session = this.#session(claim.sessionId)
    if (session.token !== claim.token) throw claimLost(claim, session.holder && { owner: session.holder.owner })
    const position = this.#append(session, commit)
    this.#data.listeners.notify({ sessionId: claim.sessionId })
    return position
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    this.#demandOpen()
    const stored = this.#data.sessions.get(sessionId)
    return stored === undefined ? undefined : summary(stored)
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<readonly SessionSummary[]> {
    this.#demandOpen()
    const { after, phase, label, owed } = query
    return [...this.#data.sessions.keys()]
      .filter(id => after === undefined || compareBytes(id, after) > 0)
      .toSorted(compareBytes)
      .map(id => summary(this.#session(id)))
      .filter(session => phase === undefined || session.phase === phase)
      .filter(session => owed !== true || session.unfinished > 0)
      .filter(session => label === undefined || hasLabel(session, label))
      .slice(0, query.limit)
  }

  async read(query: Parameters<Store['read']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen()
    const rows = query.sessionId === undefined ? this.#data.log : (this.#data.sessions.get(query.sessionId)?.rows ?? [])
    const start = firstIndex(rows.length, i => at(rows, i).position > query.after)
    return rows.slice(start, start + query.limit).map(toLogRow)
  }

  async readBack(query: Parameters<Store['readBack']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen()
    const rows = this.#data.sessions.get(query.sessionId)?.rows ?? []
    const { before } = query
    const end = before === undefined ? rows.length : firstIndex(rows.length, i => at(rows, i).position >= before)
    return rows
      .slice(Math.max(0, end - query.limit), end)
      .toReversed()
      .map(toLogRow)
  }

  async readMessages(query: Parameters<Store['readMessages']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen()
    const rows = this.#data.sessions.get(query.sessionId)?.rows ?? []
    const start = firstIndex(rows.length, i => at(rows, i).messages > query.index)
    return rows.slice(start, start + query.limit).map(toLogRow)
  }

  async row(position: Position): Promise<LogRow | undefined> {
    this.#demandOpen()
    const row = this.#data.log[position - 1]
    return row === undefined ? undefined : toLogRow(row)
  }

  async locate(id: InputId | RunId): Promise<Reference | undefined> {
    this.#demandOpen()
    return this.#data.references.get(id)
  }

  async key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined> {
    this.#demandOpen()
    return this.#data.sessions.get(sessionId)?.keys.get(key)
  }

  async tail(): Promise<Position> {
    this.#demandOpen()
    return this.#data.log.length
  }

  onCommit(listener: CommitListener): () => void {
    const remove = this.#data.listeners.add(listener)
    const stop = (): void => {
      remove()
      this.#listening.delete(stop)
    }
    this.#listening.add(stop)
    return stop
  }

  async inspect(): Promise<readonly { readonly level: 'ok' | 'warning' | 'error'; readonly text: string }[]> {
    this.#demandOpen()
    const { sessions, log } = this.#data
    const owed = [...sessions.values()].filter(session => session.head.unfinished > 0).length
    return [
      { level: 'warning', text: 'the store is in memory: everything in it ends with this process' },
      { level: 'ok', text: `${sessions.size} sessions, ${owed} with owed work, ${log.length} records` },
    ]
  }

  async close(): Promise<void> {
    this.#open = false
    for (const stop of this.#listening) stop()
  }

  #demandOpen(): void {
    if (!this.#open) throw storeClosed(NAME)
  }

  #session(sessionId: SessionId): StoredSession {
    this.#demandOpen()
    const session = this.#data.sessions.get(sessionId)
    if (session === undefined) throw sessionNotFound(sessionId)
    return session
  }

  /** Everything that can refuse comes before the first change, so a refused commit leaves nothing behind. */
  #append(session: StoredSession, commit: Commit): Position {
    const { claim, head } = commit
    if (commit.keys?.some(({ key }) => session.keys.has(key)) === true) throw keyBound(claim.sessionId)
    if (commit.opened?.some(id => this.#data.references.has(id)) === true) throw idKnown(claim.sessionId)
    const body = JSON.stringify(commit.record)
    const journal = (commit.journal?.put ?? []).map(entry => ({ ...entry, body: JSON.stringify(entry.message) }))
    trip(this.#faults, 'beforeCommit')

    const position = this.#data.log.length + 1
    const row: StoredRow = { position, sessionId: claim.sessionId, body, messages: head.messages }
    this.#data.log.push(row)
    session.rows.push(row)
    session.head = { ...head }
    session.updatedAt = commit.record.at
    this.#refer(commit, position)
    for (const { key, inputId, digest } of commit.keys ?? []) session.keys.set(key, { inputId, digest })
    writeJournal(session, commit.journal?.drop ?? [], journal)
    if (commit.snapshot !== undefined) session.snapshot = { position, state: commit.snapshot }
    trip(this.#faults, 'afterCommit')
    return position
  }

  #refer(commit: Commit, position: Position): void {
    const { references } = this.#data
    const { sessionId } = commit.claim
    for (const id of commit.opened ?? []) references.set(id, { sessionId, first: position })
    for (const id of commit.closed ?? []) {
      const first = references.get(id)?.first ?? position
      references.set(id, { sessionId, first, last: position })
    }
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

function toLogRow(row: StoredRow): LogRow {
  return { position: row.position, sessionId: row.sessionId, record: JSON.parse(row.body) as CommitRecord }
}

function journalOf(work: InputId, entries: ReadonlyMap<number, string>): JournalEntry[] {
  return [...entries]
    .toSorted(([left], [right]) => left - right)
    .map(([index, body]) => ({ work, index, message: JSON.parse(body) as MessageRecord }))
}

function summary(stored: StoredSession): SessionSummary {
  return { ...(JSON.parse(stored.body) as SessionRecord), ...stored.head, updatedAt: stored.updatedAt }
}

function hasLabel(session: SessionSummary, label: { readonly key: string; readonly value?: string }): boolean {
  const labels = session.options.labels ?? {}
  return Object.hasOwn(labels, label.key) && (label.value === undefined || labels[label.key] === label.value)
}

/** The order of UTF-8 bytes, as databases sort ids; JavaScript's own order differs beyond the basic plane. */
function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

function at<T>(rows: readonly T[], index: number): T {
  const row = rows[index]
  if (row === undefined) throw new MeerkatError('internal', `no row ${index} among ${rows.length}`)
  return row
}
