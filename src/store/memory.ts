/**
 * The store without a disk: for tests, trials and sessions that may end with the process.
 *
 * Its data belong to the source, so a second `open` sees what the first one committed, as a restarted process would. A
 * claim lives as long as the store that made it is open; closing a store is the same to the others as the death of its
 * process.
 */
import type { SessionId } from '../kernel/ids.ts'
import { demandStorable } from '../names.ts'
import { aClock, checkOptions, type Fields, optional } from '../options.ts'
import { type Clock, type ClockSource, soundClock } from '../time.ts'
import { demandNames } from './demand-names.ts'
import { type StoreFaults, someFaults } from './faults.ts'
import { firstIndex } from './first-index.ts'
import type { CommitListener } from './listeners.ts'
import { Listeners } from './listeners.ts'
import {
  append,
  at,
  compareBytes,
  emptySession,
  hasLabel,
  journalOf,
  type MemoryData,
  pageAfter,
  pageOf,
  type Reference,
  removeSession,
  type StoredSession,
  summary,
  toLogRow,
} from './memory/data.ts'
import { MemoryMail } from './memory/mail.ts'
import { MemoryRegistry } from './memory/registry.ts'
import { rowsThrough } from './pages.ts'
import type { CommitRecord, Position, SessionRecord } from './records.ts'
import type {
  Claim,
  Commit,
  LoadedSession,
  LocatedId,
  LogRow,
  SessionIndex,
  SessionSummary,
  Store,
  StoreSource,
  Streamed,
} from './store.ts'
import { claimLost, heldByOther, sessionExists, sessionNotFound, storeClosed } from './store-errors.ts'

const NAME = 'memory:'
/** Numbers the sources, because each is a store of its own. */
let sources = 0

export interface MemoryOptions {
  readonly faults?: StoreFaults
  /** The store's clock. Default the machine's. */
  readonly clock?: ClockSource
}

const OPTIONS: Fields<MemoryOptions> = { faults: optional(someFaults), clock: optional(aClock) }

/** A store in this process's memory. Every `open` of one source shows the same sessions. */
export function memory(options: MemoryOptions = {}): StoreSource {
  checkOptions('memory', options, OPTIONS)
  const { faults = {} } = options
  const clock = soundClock(options.clock)
  sources++
  const identity = `memory:${sources}`
  const data: MemoryData = {
    sessions: new Map(),
    log: [],
    tail: 0,
    removedToken: 0,
    references: new Map(),
    blobs: new Map(),
    letters: new Map(),
    registry: new Map(),
    registryVersion: 0,
    listeners: new Listeners(),
  }
  return { name: NAME, open: () => Promise.resolve(new MemoryStore({ identity, data, faults, clock })) }
}

interface MemoryStoreOptions {
  readonly identity: string
  readonly data: MemoryData
  readonly faults: StoreFaults
  readonly clock: Clock
}

class MemoryStore implements Store {
  readonly name = NAME
  readonly identity: string
  /** No lease: within one process an owner lives until its store is closed. */
  readonly leaseMs = 0
  readonly mail: MemoryMail
  readonly registry: MemoryRegistry
  readonly #data: MemoryData
  readonly #faults: StoreFaults
  readonly #listening = new Set<() => void>()
  #open = true

  constructor({ identity, data, faults, clock }: MemoryStoreOptions) {
    this.identity = identity
    this.#data = data
    this.#faults = faults
    this.mail = new MemoryMail(data, clock, () => this.#open)
    this.registry = new MemoryRegistry(data, this)
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
    demandNames(first, session.id)
    if (this.#data.sessions.has(session.id)) throw sessionExists(session.id)
    const claim: Claim = { sessionId: session.id, owner, token: this.#data.removedToken + 1 }
    const stored: StoredSession = { ...emptySession(session, first.head, claim.token), holder: { owner, store: this } }
    const position = append(this.#data, stored, { ...first, claim }, this.#faults)
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
    // The token rises, so that a commit of this claim that is still under way is refused.
    session.token += 1
    delete session.holder
    const { unfinished, dueAt } = session.head
    if (unfinished > 0 || dueAt !== undefined)
      this.#data.listeners.notify({ sessionId: claim.sessionId, about: 'free' })
  }

  async current(claims: readonly Claim[]): Promise<readonly Claim[]> {
    this.#demandOpen()
    return claims.filter(({ sessionId, token }) => this.#data.sessions.get(sessionId)?.token === token)
  }

  onLapse(): () => void {
    return () => {}
  }

  async load(sessionId: SessionId): Promise<LoadedSession> {
    const stored = this.#session(sessionId)
    const from = stored.snapshot?.position ?? 0
    const { snapshot } = stored
    const loaded = {
      session: JSON.parse(stored.body) as SessionRecord,
      head: stored.head,
      ...(snapshot === undefined ? {} : { snapshot }),
      journal: [...stored.journal].flatMap(([work, entries]) => journalOf(work, entries)),
    }
    const read = (page: Omit<Parameters<Store['read']>[0], 'sessionId'>) => pageAfter(stored.rows, page)
    const rows = await rowsThrough(read, { after: from, last: stored.rows.at(-1)?.position ?? 0 })
    if (rows === undefined) throw sessionNotFound(sessionId)
    return { ...loaded, rows }
  }

  async commit(commit: Commit): Promise<Position> {
    const { claim } = commit
    const position = append(this.#data, this.#claimed(claim), commit, this.#faults)
    this.#data.listeners.notify({ sessionId: claim.sessionId })
    return position
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    this.#demandOpen(sessionId)
    const stored = this.#data.sessions.get(sessionId)
    return stored === undefined ? undefined : summary(stored)
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<readonly SessionSummary[]> {
    this.#demandOpen(query.after, query.phase)
    const { after, phase, label, owed, unheld } = query
    return [...this.#data.sessions.keys()]
      .filter(id => after === undefined || compareBytes(id, after) > 0)
      .toSorted(compareBytes)
      .map(id => summary(this.#session(id)))
      .filter(session => phase === undefined || session.phase === phase)
      .filter(session => owed !== true || session.unfinished > 0)
      .filter(session => unheld === undefined || this.#wantsOwner(session, unheld.dueBy))
      .filter(session => label === undefined || hasLabel(session, label))
      .slice(0, query.limit)
  }

  async read(query: Parameters<Store['read']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen(query.sessionId)
    const rows = query.sessionId === undefined ? this.#data.log : (this.#data.sessions.get(query.sessionId)?.rows ?? [])
    return pageAfter(rows, query)
  }

  async readBack(query: Parameters<Store['readBack']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen(query.sessionId)
    const rows = this.#data.sessions.get(query.sessionId)?.rows ?? []
    const { before } = query
    const end = before === undefined ? rows.length : firstIndex(rows.length, i => at(rows, i).position >= before)
    return pageOf(rows.slice(Math.max(0, end - query.limit), end).toReversed(), query.maxBytes)
  }

  async readMessages(query: Parameters<Store['readMessages']>[0]): Promise<readonly LogRow[]> {
    this.#demandOpen(query.sessionId)
    const rows = this.#data.sessions.get(query.sessionId)?.rows ?? []
    const start = firstIndex(rows.length, i => at(rows, i).messages > query.index)
    return pageOf(rows.slice(start, start + query.limit), query.maxBytes)
  }

  async row(position: Position): Promise<LogRow | undefined> {
    this.#demandOpen()
    const { log } = this.#data
    const row = log[firstIndex(log.length, i => at(log, i).position >= position)]
    return row?.position === position ? toLogRow(row) : undefined
  }

  async keepStreamed(claim: Claim, streamed: Streamed): Promise<void> {
    const session = this.#claimed(claim)
    if (session.rows.at(-1)?.position !== streamed.position) return
    delete session.streamed
    if (streamed.events.length > 0) session.streamed = JSON.stringify(streamed)
    this.#data.listeners.notify({ sessionId: claim.sessionId })
  }

  async streamed(sessionId: SessionId): Promise<Streamed | undefined> {
    this.#demandOpen(sessionId)
    const kept = this.#data.sessions.get(sessionId)?.streamed
    return kept === undefined ? undefined : (JSON.parse(kept) as Streamed)
  }

  async locate(id: LocatedId): Promise<Reference | undefined> {
    this.#demandOpen(id)
    return this.#data.references.get(id)
  }

  async key(sessionId: SessionId, key: string): ReturnType<Store['key']> {
    this.#demandOpen(sessionId, key)
    return this.#data.sessions.get(sessionId)?.keys.get(key)
  }

  async index(sessionId: SessionId): Promise<SessionIndex> {
    const { keys, blobs } = this.#session(sessionId)
    const refs = [...this.#data.references]
      .filter(([, reference]) => reference.sessionId === sessionId)
      .map(([id, { sessionId: _, ...places }]) => ({ id, ...places }))
      .toSorted((a, b) => a.first - b.first)
    return { refs, keys: [...keys].map(([key, bound]) => ({ key, ...bound })), blobs: [...blobs] }
  }

  async blob(digest: string): Promise<Uint8Array | undefined> {
    this.#demandOpen()
    return this.#data.blobs.get(digest)?.data.slice()
  }

  async tail(): Promise<Position> {
    this.#demandOpen()
    return this.#data.tail
  }

  async amend(
    claim: Claim,
    rows: readonly { readonly position: Position; readonly record: CommitRecord }[],
  ): Promise<void> {
    const { rows: own } = this.#claimed(claim)
    const wanted = new Map(rows.map(({ position, record }) => [position, JSON.stringify(record)]))
    for (const row of own) row.body = wanted.get(row.position) ?? row.body
  }

  async remove(claim: Claim): Promise<void> {
    this.#claimed(claim)
    removeSession(this.#data, claim.sessionId)
    this.#data.listeners.notify({ sessionId: claim.sessionId })
  }

  /** Nothing to do: unreferenced data is removed at once. */
  async compact(): Promise<void> {
    this.#demandOpen()
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

  /** Throws if the store is closed, or if one of the names is none. */
  #demandOpen(...names: readonly (string | undefined)[]): void {
    if (!this.#open) throw storeClosed(NAME)
    for (const name of names) if (name !== undefined) demandStorable(name, 'an id or a key')
  }

  #session(sessionId: SessionId): StoredSession {
    this.#demandOpen(sessionId)
    const session = this.#data.sessions.get(sessionId)
    if (session === undefined) throw sessionNotFound(sessionId)
    return session
  }

  #claimed(claim: Claim): StoredSession {
    const session = this.#session(claim.sessionId)
    if (session.token !== claim.token) throw claimLost(claim, session.holder && { owner: session.holder.owner })
    return session
  }

  #wantsOwner({ id, unfinished, dueAt }: SessionSummary, dueBy: number): boolean {
    const isHeld = this.#data.sessions.get(id)?.holder?.store.isOpen === true
    return !isHeld && (unfinished > 0 || (dueAt !== undefined && dueAt <= dueBy))
  }
}
