/**
 * A session that this process owns: its claim, its driver, its loop, and the callers that wait for its inputs.
 */
import { defined } from '../defined.ts'
import { SessionDriver } from '../driver/driver.ts'
import type { Committed } from '../driver/options.ts'
import { keptEvents } from '../driver/tail-keeper.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { ContextMessage } from '../executor/executor.ts'
import type { Faults } from '../faults.ts'
import type { Ids } from '../ids.ts'
import type { CallId, InputId, SessionId } from '../kernel/ids.ts'
import { takeOverSteps, teardownSteps } from '../kernel/owed.ts'
import type { CallEntry } from '../kernel/regions/calls/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { hearsWhileParked } from '../loop/attempt.ts'
import { ensureRegistered, type Performer, takeDueSteps } from '../loop/due-steps.ts'
import { SessionLoop } from '../loop/loop.ts'
import type { RunSlots } from '../loop/slots.ts'
import type { RuntimeObserver } from '../observer.ts'
import { whole } from '../store/blobs.ts'
import type { EndedRecord, InputRecord, MessageRecord, SessionRecord } from '../store/records.ts'
import type { Claim, JournalEntry, LoadedSession, Store } from '../store/store.ts'
import type { Clock, Deadline } from '../time.ts'
import { Background } from './background.ts'
import { withData } from './blobs.ts'
import { callOf, expire, type ModelResult } from './calls.ts'
import type { Gate } from './gate.ts'
import { InOrder } from './in-order.ts'
import { Places } from './places.ts'
import { inputRecords, readMessages, resultView } from './reads.ts'
import { Recent } from './recent.ts'
import { journalsOf } from './records.ts'
import type { ServedBy } from './serving/served-by.ts'
import type { RunResult } from './views.ts'

export interface SessionHost {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly serving: ServedBy
  /** Whether inputs may carry files. Absent: they may. */
  readonly takesFiles?: boolean | undefined
  readonly maxRunMs: number
  readonly abortGraceMs: number
  readonly storePatienceMs: number
  /** A session with this many unfinished inputs takes no other in. */
  readonly maxQueuedInputs: number
  /** How many runs the process performs at once; absent: no limit. */
  readonly slots?: RunSlots | undefined
  /** Sessions pass through it a few at a time when many fall due at once. */
  readonly gate: Gate
  /** Operations that may have ended a process pass through it one at a time. */
  readonly suspects: Gate
  /** Called when this copy of the session can't be written any more. */
  readonly onLost: (session: LiveSession, error: unknown) => void
  /** Called when the store took a commit of it. */
  readonly onWritten: () => void
  readonly faults?: Faults | undefined
  readonly observer?: RuntimeObserver | undefined
}

/** How an input ended, as its waiters get it. */
export interface Ended extends Pick<EndedRecord, 'status' | 'reason' | 'by'> {
  readonly result?: RunResult
}

/** A model gets at most this many messages of context, the newest ones; compaction keeps it far below. */
const CONTEXT_LIMIT = 10_000

export class LiveSession {
  readonly driver: SessionDriver
  readonly places: Places = new Places()
  /** Sends the session what of its background work has ended: part of every boundary. */
  readonly tellEnds = (tx: Transaction): void => this.#background.tellEnds(tx)
  readonly loop: SessionLoop
  /** Its newest records, for readers. */
  readonly recent: Recent
  /** When a caller last used it, on the monotonic clock. */
  usedAt: number
  /** How many inputs were abandoned since it was loaded. */
  abandoned = 0
  #record: SessionRecord
  readonly #host: SessionHost
  readonly #waiters = new Map<InputId, Set<(ended: Ended | undefined) => void>>()
  readonly #payloads = new Map<InputId, InputRecord>()
  readonly #journals: Map<InputId, readonly MessageRecord[]>
  readonly #keys = new InOrder()
  readonly #listeners = new Set<() => void>()
  readonly #background: Background
  #pins = 0
  /** True once the session is being given back: no run starts here any more. */
  #leaving = false
  #closing = false

  /** @param state The state after the newest record that was loaded. */
  constructor(host: SessionHost, claim: Claim, loaded: LoadedSession, state: MeerkatState) {
    const { store, clock, ids, serving } = host
    this.#host = host
    this.#record = loaded.session
    this.usedAt = clock.monotonic()
    this.#journals = journalsOf(loaded)
    const position = loaded.rows.at(-1)?.position ?? loaded.snapshot?.position ?? 0
    this.recent = new Recent(clock, position)
    this.driver = new SessionDriver({
      store,
      clock,
      claim,
      state,
      commits: loaded.head.commits,
      position,
      unsnapshotted: loaded.rows.length,
      takeDueSteps: tx => {
        // A process that is closing begins nothing that the next owner would find half done.
        ensureRegistered(tx, this.#record, this.#journals, ids)
        this.#background.tellEnds(tx)
        takeDueSteps(tx, this.#performer, ids)
        this.#dropJournals(tx)
      },
      onCommitted: committed => this.#committed(committed),
      onLost: error => host.onLost(this, error),
      faults: host.faults,
      observer: host.observer,
    })
    this.#background = new Background({
      ...host,
      driver: this.driver,
      served: signal => serving.soon(this.id, signal),
      session: () => this.record.options,
      keep: record => this.keep(record),
      expire: due => this.settleCall(due.id, (tx, call) => expire(tx, call, due)),
    })
    this.loop = new SessionLoop({
      driver: this.driver,
      executor: () => serving.of(this.id),
      bindings: () => serving.bindings(this.id),
      clock,
      session: () => this.record.options,
      maxRunMs: host.maxRunMs,
      abortGraceMs: host.abortGraceMs,
      storePatienceMs: host.storePatienceMs,
      slots: host.slots,
      payloads: wanted => this.payloads(wanted),
      context: () => this.#context(),
      atBoundary: this.tellEnds,
      files: owner => withData(store, owner),
      journals: this.#journals,
      onLost: error => host.onLost(this, error),
      faults: host.faults,
      observer: host.observer,
    })
  }

  /** The session's record after its last commit. */
  get record(): SessionRecord {
    return this.#record
  }

  get id(): SessionId {
    return this.#record.id
  }

  get claim(): Claim {
    return this.driver.claim
  }

  get state(): MeerkatState {
    return this.driver.state
  }

  /** Whether its inputs may carry files. */
  get takesFiles(): boolean {
    return this.#host.takesFiles !== false
  }

  /** Whether this process has an executor for its runs. */
  get isServed(): boolean {
    return this.#host.serving.of(this.id) !== undefined
  }

  /** What performs the runs that start here; undefined: none start here. */
  get #performer(): Performer | undefined {
    const executor = this.#host.serving.of(this.id)
    if (executor === undefined || this.#leaving) return undefined
    return { hearsWhileParked: () => hearsWhileParked(executor, this.id) }
  }

  /** With this many unfinished inputs it takes no other in. */
  get maxQueuedInputs(): number {
    return this.#host.maxQueuedInputs
  }

  /** Ends the conditions that its former owner left, and resumes the work that is owed. */
  async takeUp(): Promise<void> {
    await this.#host.faults?.('session.loaded')
    // The end of a former owner's run or operation is recorded at once, because others wait for it; that its executor
    // is gone may wait for the next commit.
    const lazy = this.state.run.phase === 'none' && this.state.operations.active === 0
    const said = this.state.run.phase === 'none' ? [] : await keptEvents(this.#host.store, this.id)
    await this.driver.mutate(
      tx => {
        for (const event of said) tx.event(event)
        for (const step of takeOverSteps(tx.state)) tx.step(step)
        for (const step of teardownSteps(tx.state)) tx.step(step)
        if (tx.parts.ended.length > 0) tx.needsCommit()
      },
      { lazy },
    )
    this.loop.sync()
    this.#background.sync()
  }

  /**
   * Throws where an input has or had this id: the kernel's ledger knows only unfinished ones, so the store is asked.
   */
  async demandUnused(inputId: InputId): Promise<void> {
    if ((await this.#host.store.locate(inputId)) === undefined) return
    const message = `the id ${inputId} is taken: an offer that may be repeated carries an idempotencyKey`
    throw new MeerkatError('conflict', message, { details: { inputId } })
  }

  /** What an idempotency key of the session is bound to. */
  async bound(key: string | undefined): Promise<{ readonly inputId: InputId; readonly digest: string } | undefined> {
    return key === undefined ? undefined : this.#host.store.key(this.id, key)
  }

  /** Holds the content of an input while the input is unfinished. */
  keep(record: InputRecord): void {
    this.#payloads.set(record.id, record)
  }

  async payloads(ids: readonly InputId[]): Promise<readonly InputRecord[]> {
    const missing = ids.filter(id => !this.#payloads.has(id))
    for (const record of missing.length === 0 ? [] : await inputRecords(this.#host.store, missing)) this.keep(record)
    return ids.flatMap(id => this.#payloads.get(id) ?? [])
  }

  /** Runs offers that share a key or an id one after the other, so that each sees what the one before bound. */
  inKeyOrder<T>(keys: readonly string[], act: () => Promise<T>, ids: readonly InputId[] = []): Promise<T> {
    return this.#keys.act([...keys, ...ids.map(id => `\0${id}`)], act)
  }

  /**
   * Calls back once: when the input ends, or with nothing when this copy of the session is let go first. Ask `state`
   * first: an input that ended already is not heard of again.
   */
  onEnded(id: InputId, callback: (ended: Ended | undefined) => void): () => void {
    const set = this.#waiters.get(id) ?? new Set()
    set.add(callback)
    this.#waiters.set(id, set)
    return () => {
      set.delete(callback)
      if (set.size === 0) this.#waiters.delete(id)
    }
  }

  /**
   * Settles an open call. What the model is told of it joins the journal of its work, also while a run is performing
   * that work.
   */
  settleCall(callId: CallId, act: (tx: Transaction, call: CallEntry) => ModelResult): Promise<ModelResult> {
    return this.driver.mutate(tx => {
      const call = callOf(tx.state, this.id, callId)
      const result = act(tx, call)
      if (result !== undefined) this.#tell(tx, call.work, { role: 'tool', content: [result] })
      return result
    })
  }

  #tell(tx: Transaction, work: InputId, message: MessageRecord): void {
    if (this.loop.addToJournal(tx, work, message)) return
    const journal = this.#journals.get(work) ?? []
    tx.parts.put.push({ work, index: journal.length, message })
    this.#journals.set(work, [...journal, message])
    tx.onRewind(() => this.#journals.set(work, journal))
  }

  /** The journals of unfinished work, as entries. */
  get journal(): readonly JournalEntry[] {
    return [...this.#journals].flatMap(([work, messages]) =>
      messages.map((message, index) => ({ work, index, message })),
    )
  }

  /** Calls back after every commit of the session. */
  onCommit(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  /** Whether a caller in this process waits for the end of one of its inputs. */
  get isWaitedFor(): boolean {
    return this.#waiters.size > 0
  }

  /** Whether this process does nothing with it, though it may owe work. */
  get unused(): boolean {
    const { driver, loop } = this
    return driver.idle && loop.performing === undefined && this.#pins === 0 && this.#listeners.size === 0
  }

  /** Lets the current run end, within the time left, and starts no other. */
  async finish(deadline: Deadline): Promise<void> {
    this.#leaving = true
    await this.loop.rest(deadline)
  }

  /** Keeps the session loaded until the returned function is called. */
  pin(): () => void {
    this.#pins++
    let isHeld = true
    return () => {
      // Called twice, it must not release the pin of another caller.
      if (isHeld) this.#pins--
      isHeld = false
    }
  }

  /** Whether this copy was let go: requests belong to the next one. */
  get closed(): boolean {
    return this.#closing
  }

  /** Stops performing, and gives the session back to the store. */
  async close(): Promise<void> {
    this.#closing = true
    this.#leaving = true
    // The session is let go whether or not its operations could be told to stop.
    const left = this.#background.stop().catch(() => {})
    try {
      await this.loop.close()
      await left
      await this.driver.mailboxEmptied()
      await this.#host.store.release(this.claim)
    } finally {
      for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter(undefined)
      this.#waiters.clear()
      for (const listener of this.#listeners) listener()
    }
  }

  #committed({ position, commit, state }: Committed): void {
    this.recent.add({ position, sessionId: this.id, record: commit.record })
    this.#host.onWritten()
    if (commit.session !== undefined) this.#record = commit.session
    for (const ended of commit.record.ended ?? []) {
      this.#payloads.delete(ended.id)
      this.#journals.delete(ended.id)
      if (ended.status === 'abandoned') this.abandoned++
      const waiters = this.#waiters.get(ended.id)
      if (waiters === undefined) continue
      this.#waiters.delete(ended.id)
      const view = endedView(ended, commit.record.messages)
      for (const waiter of waiters) waiter(view)
    }
    this.#background.committed(commit.record)
    for (const listener of this.#listeners) listener()
    if (state.run.phase === 'bound' || this.loop.performing !== undefined) this.loop.sync()
  }

  /** The journal of work that ended is not needed any more. */
  #dropJournals(tx: Transaction): void {
    if (this.#journals.size === 0) return
    for (const { id } of tx.parts.ended) {
      if (this.#journals.has(id) && !tx.parts.drop.includes(id)) tx.parts.drop.push(id)
    }
  }

  async #context(): Promise<readonly ContextMessage[]> {
    const { store } = this.#host
    const { length, contextFrom } = this.state.transcript
    if (length === 0) return []
    const [summary] = contextFrom === 0 ? [] : await readMessages(store, this.id, contextFrom, 1)
    const from = summary?.compactsBefore ?? 0
    const rest = await readMessages(store, this.id, from, CONTEXT_LIMIT)
    const others = rest.filter(message => message.index !== summary?.index)
    const shown: ContextMessage[] = []
    for (const message of summary === undefined ? others : [summary, ...others]) {
      const { role, content, index } = await withData(store, message)
      shown.push({ role, content: whole(content), index })
    }
    return shown
  }
}

/** How an input ended, with the text that its record keeps among the messages. */
function endedView(ended: EndedRecord, messages: readonly MessageRecord[] | undefined): Ended {
  const { status, reason, by, result } = ended
  return { status, ...defined({ reason, by, result: result && resultView(result, messages) }) }
}
