/**
 * The sessions this process owns: loaded when something is asked of them, let go when nothing is.
 *
 * One load at a time a session; a session that is lost (taken over, or its store stayed away) is forgotten and loaded
 * anew from facts when it is asked for again.
 */
import { Transaction } from '../driver/transaction.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { meerkat } from '../kernel/machine.ts'
import type { MessageRecord, SessionOptions, SessionRecord } from '../store/records.ts'
import { LiveSession, type SessionHost } from './live-session.ts'

export interface SessionsOptions extends Omit<SessionHost, 'onLost'> {
  /** Names this process in claims. */
  readonly owner: string
  /** Idle sessions kept loaded. */
  readonly keepIdle: number
  /** How long an idle session stays loaded when others want its place. */
  readonly idleMs: number
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #host: SessionHost
  readonly #live = new Map<SessionId, LiveSession>()
  readonly #loading = new Map<SessionId, Promise<LiveSession>>()
  readonly #leaving = new Map<SessionId, Promise<void>>()
  #sweep: (() => void) | undefined
  #closing = false

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#host = { ...options, onLost: live => this.#lose(live) }
  }

  /** Loaded sessions. */
  get live(): Iterable<LiveSession> {
    return this.#live.values()
  }

  /** The session, if it is loaded here. */
  peek(id: SessionId): LiveSession | undefined {
    return this.#live.get(id)
  }

  /** The session, loaded and owned. `session-not-found`, `not-owner`. */
  async get(id: SessionId): Promise<LiveSession> {
    const live = this.#live.get(id)
    if (live !== undefined) {
      live.usedAt = this.#options.clock.now()
      return live
    }
    if (this.#closing) throw closing()
    const loading = this.#loading.get(id) ?? this.#load(id)
    this.#loading.set(id, loading)
    try {
      return await loading
    } finally {
      if (this.#loading.get(id) === loading) this.#loading.delete(id)
    }
  }

  /** Creates a session, owned by this process. `session-conflict` if the id is taken. */
  async create(
    id: SessionId,
    options: SessionOptions,
    fork?: { readonly from: SessionId; readonly messages: readonly MessageRecord[] },
  ): Promise<LiveSession> {
    if (this.#closing) throw closing()
    const creating = this.#create(id, options, fork)
    // Who asks for it meanwhile waits for this copy instead of loading another one.
    if (!this.#loading.has(id)) this.#loading.set(id, creating)
    try {
      return await creating
    } finally {
      if (this.#loading.get(id) === creating) this.#loading.delete(id)
    }
  }

  async #create(
    id: SessionId,
    options: SessionOptions,
    fork: { readonly from: SessionId; readonly messages: readonly MessageRecord[] } | undefined,
  ): Promise<LiveSession> {
    const { store, clock, ids, owner } = this.#options
    const forkOf = fork && { sessionId: fork.from, messages: fork.messages.length }
    const record: SessionRecord = { id, createdAt: clock.now(), options, ...(forkOf && { forkOf }) }
    const tx = new Transaction(meerkat.initial, clock.now())
    tx.step({ type: 'Initialize' })
    tx.step({
      type: 'RegisterSession',
      sessionId: id,
      epochId: ids.epoch(),
      ...(options.merge === true && { merge: true }),
      ...(options.silentIntents && { silentIntents: options.silentIntents }),
    })
    if (fork !== undefined && fork.messages.length > 0) {
      tx.append(fork.messages)
      tx.step({ type: 'ExtendTranscript', messages: fork.messages.length })
    }
    const built = tx.build(1)
    const { claim, position } = await store.create(record, built, owner)
    const rows = [{ position, sessionId: id, record: built.record }]
    return this.#admit(new LiveSession(this.#host, claim, { session: record, head: built.head, rows, journal: [] }))
  }

  /** Takes up every session that owes work and has no other living owner. */
  async takeUpOwed(): Promise<void> {
    for (let after: SessionId | undefined; ; ) {
      const page = await this.#options.store.sessions({ owed: true, limit: 500, ...(after && { after }) })
      const others = page.filter(({ id }) => !this.#live.has(id))
      await Promise.allSettled(others.map(({ id }) => this.get(id)))
      after = page.at(-1)?.id
      if (page.length < 500) return
    }
  }

  /** Lets every session go: runs are interrupted, to be continued by the next owner. */
  async close(): Promise<void> {
    this.#closing = true
    this.#sweep?.()
    await Promise.allSettled(this.#loading.values())
    const left = await Promise.allSettled([...this.#live.values()].map(live => this.#letGo(live)))
    await Promise.allSettled(this.#leaving.values())
    const failed = left.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #load(id: SessionId): Promise<LiveSession> {
    await this.#leaving.get(id)
    const { store, owner } = this.#options
    const claim = await store.claim(id, owner)
    try {
      return await this.#admit(new LiveSession(this.#host, claim, await store.load(id)))
    } catch (error) {
      await store.release(claim).catch(() => {})
      throw error
    }
  }

  async #admit(live: LiveSession): Promise<LiveSession> {
    this.#live.set(live.id, live)
    try {
      await live.takeUp()
    } catch (error) {
      this.#live.delete(live.id)
      throw error
    }
    this.#planSweep()
    return live
  }

  async #letGo(live: LiveSession): Promise<void> {
    this.#live.delete(live.id)
    const leaving = live.close().catch((error: unknown) => {
      // A store that can't take the farewell finds the claim of a dead owner, and the log as it was.
      if (asMeerkatError(error).code === 'internal') throw error
    })
    this.#leaving.set(live.id, leaving)
    try {
      await leaving
    } finally {
      this.#leaving.delete(live.id)
    }
  }

  #lose(live: LiveSession): void {
    if (this.#live.get(live.id) === live) this.#letGo(live).catch(() => {})
  }

  /** Beyond the number kept, sessions that were idle for a while are let go, the longest idle first. */
  #planSweep(): void {
    const { keepIdle, idleMs, clock } = this.#options
    if (this.#sweep !== undefined || this.#closing || this.#live.size <= keepIdle) return
    this.#sweep = clock.after(
      idleMs,
      () => {
        this.#sweep = undefined
        void this.evict(keepIdle)
        this.#planSweep()
      },
      { background: true },
    )
  }

  /** Lets idle sessions go until at most `keep` are loaded. */
  async evict(keep: number): Promise<void> {
    const { clock, idleMs } = this.#options
    const idle = [...this.#live.values()].filter(
      live => live.idle && (keep === 0 || live.usedAt + idleMs <= clock.now()),
    )
    idle.sort((a, b) => a.usedAt - b.usedAt)
    await Promise.allSettled(idle.slice(0, Math.max(0, this.#live.size - keep)).map(live => this.#letGo(live)))
  }
}

/** The refusal of everything that comes while the runtime goes away. */
export function closing(): MeerkatError {
  return new MeerkatError('store-unavailable', 'the runtime is closing: ask the next one', { retryable: false })
}
