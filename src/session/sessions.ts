/**
 * The sessions that this process owns: loaded when a caller needs them, let go when none does.
 *
 * A session has at most one copy in a process, whichever way it is asked for. A session that is lost (another process
 * took it over, or its store failed) is forgotten, and loaded from its facts when a caller needs it again.
 */
import { stateOf } from '../driver/load.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { tell } from '../observer.ts'
import type { SessionOptions } from '../store/records.ts'
import { type Claim, type LoadedSession, PARTIAL, type SessionSummary } from '../store/store.ts'
import { sessionExists } from '../store/store-errors.ts'
import type { Deadline } from '../time.ts'
import { clearRemains, isArriving, notWhole } from './arrival.ts'
import { claimedElsewhere, closing, GivenAway, onConflict, shareOf } from './claims.ts'
import { type Beginning, firstCommit } from './first-commit.ts'
import { isAtWork, isIdle } from './in-use.ts'
import { LiveSession, type SessionHost } from './live-session.ts'
import { Refusals } from './refusals.ts'
import { Wanted } from './wanted.ts'

/** How many sessions are asked for at once. */
const PAGE = 500

export interface SessionsOptions extends Omit<SessionHost, 'onLost' | 'onWritten'> {
  /** The name of this process in claims. */
  readonly owner: string
  /** How many idle sessions stay loaded. */
  readonly keepIdle: number
  /** How long an idle session stays loaded once there are more than `keepIdle`. */
  readonly idleMs: number
  /** Whether a session that is in use here is refused to another process that asks for it. */
  readonly keeps: (sessionId: SessionId) => boolean
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #host: SessionHost
  readonly #live = new Map<SessionId, LiveSession>()
  /** Copies being made, by loading a session or creating it: at most one a session. */
  readonly #making = new Map<SessionId, Promise<LiveSession>>()
  readonly #leaving = new Map<SessionId, Promise<void>>()
  /**
   * Sessions that the store may count as this process's although they are not loaded: the answer to a claim or a
   * release was lost.
   */
  readonly #astray = new Set<SessionId>()
  /** Sessions that this release failed to read, with the number of their commits at that time. */
  readonly #unreadable = new Map<SessionId, number>()
  readonly refusals = new Refusals()
  readonly #wanted: Wanted
  readonly #given: GivenAway
  #sweep: (() => void) | undefined
  /** A number from 0 to 1: at which part of a page this owner's sweeps begin. */
  readonly #share: number
  /** True once the runtime drains: no session is taken up any more. */
  #leavingAll = false

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#share = shareOf(options.owner)
    const onWritten = (): void => this.refusals.written()
    this.#host = { ...options, onLost: (live, error) => this.#lose(live, error), onWritten }
    const { store, clock, serving } = options
    this.#given = new GivenAway(clock)
    this.#wanted = new Wanted({
      store,
      clock,
      serves: id => serving.of(id) !== undefined,
      has: id => this.#live.has(id),
      take: async id => this.#given.has(id) || this.get(id),
    })
  }

  /** Takes the session up once it has no living owner, unless it has nothing to do by then. */
  want(id: SessionId): void {
    this.#wanted.add(id)
  }

  /** All loaded sessions. */
  get live(): Iterable<LiveSession> {
    return this.#live.values()
  }

  /** The session, if it is loaded. */
  peek(id: SessionId): LiveSession | undefined {
    return this.#live.get(id)
  }

  /** The session, loaded and owned by this process. Fails with `session-not-found` or `not-owner`. */
  async get(id: SessionId): Promise<LiveSession> {
    for (;;) {
      const live = this.#live.get(id)
      if (live !== undefined) {
        live.usedAt = this.#options.clock.monotonic()
        return live
      }
      if (this.#leavingAll) throw closing()
      const made = await (this.#making.get(id) ?? this.#alone(id, () => this.#load(id))).catch(onConflict)
      // Another caller created the id first: this one gets that session.
      if (made !== undefined) return made
    }
  }

  /** Creates a session that this process owns. `session-conflict` if the id is taken. */
  async create(id: SessionId, options: SessionOptions, more: Beginning = {}): Promise<LiveSession> {
    for (;;) {
      if (this.#live.has(id)) throw sessionExists(id)
      if (this.#leavingAll) throw closing()
      const making = this.#making.get(id)
      if (making === undefined) return this.#alone(id, () => this.#create(id, options, more))
      // The first caller gets the failure; this one tries for itself.
      await making.catch(() => {})
    }
  }

  /** Makes the one copy of a session: other callers wait for it, whichever way they asked. */
  #alone(id: SessionId, make: () => Promise<LiveSession>): Promise<LiveSession> {
    const making = (async () => {
      try {
        await this.#leaving.get(id)
        return await make()
      } finally {
        this.#making.delete(id)
      }
    })()
    this.#making.set(id, making)
    return making
  }

  async #create(id: SessionId, options: SessionOptions, more: Beginning): Promise<LiveSession> {
    const { store, clock, ids, owner } = this.#options
    const { record, built } = firstCommit(id, options, more, { at: clock.now(), ids })
    const { claim, position } = await this.#held(id, () => store.create(record, built, owner))
    this.refusals.written()
    const rows = [{ position, sessionId: id, record: built.record }]
    return this.#begin(claim, { session: record, head: built.head, rows, journal: [] })
  }

  /**
   * Takes up every session that needs an owner and has none alive, because it owes work or a timer of it is due by
   * then. Sessions that another process claims first are left to it.
   */
  async takeUpUnheld(dueBy: number): Promise<void> {
    const { store } = this.#options
    await Promise.allSettled([...this.#astray].map(id => this.get(id)))
    for (let after: SessionId | undefined; ; ) {
      if (this.#leavingAll) return
      const page = await store.sessions({ unheld: { dueBy }, limit: PAGE, ...(after && { after }) })
      if (after === undefined) this.refusals.answered()
      const isOthers = (id: SessionId): boolean => this.#live.has(id) || this.#given.has(id)
      const wanted = page.filter(({ id, commits }) => !isOthers(id) && this.#unreadable.get(id) !== commits)
      // After an owner died several others sweep at once: beginning at different places, they share the work instead
      // of racing.
      const first = Math.floor(wanted.length * this.#share)
      await Promise.allSettled([...wanted.slice(first), ...wanted.slice(0, first)].map(one => this.#takeUp(one)))
      after = page.at(-1)?.id
      if (page.length < PAGE) return
    }
  }

  /** Remembers a session that it could not read: another attempt would only keep it from processes that can. */
  async #takeUp({ id, commits, phase }: SessionSummary): Promise<void> {
    const { store, owner } = this.#options
    try {
      if (phase === PARTIAL) return await clearRemains(store, id, owner)
      await this.get(id)
      this.#unreadable.delete(id)
    } catch (error) {
      const { code } = asMeerkatError(error)
      if (code === 'unsupported' || code === 'internal') this.#unreadable.set(id, commits)
    }
  }

  /** Finds out whether commits took place whose answer was lost and which no caller has asked about. */
  async resolveDoubts(): Promise<void> {
    const doubtful = [...this.#live.values()].filter(live => live.driver.inDoubt)
    await Promise.allSettled(doubtful.map(live => live.driver.mutate(() => {}, { lazy: true })))
  }

  /** Lets sessions go that another process claimed while this one was suspended. */
  async checkClaims(): Promise<void> {
    const claims = [...this.#live.values()].map(live => live.claim)
    const current = new Set((await this.#options.store.current(claims)).map(claim => claim.sessionId))
    for (const { sessionId, token } of claims) {
      const live = this.#live.get(sessionId)
      // A session that was claimed again meanwhile is checked by its next commit.
      if (!current.has(sessionId) && live?.claim.token === token) this.#lose(live, claimedElsewhere(sessionId))
    }
  }

  /** Starts no run any more, lets current runs end within the time left, and gives every session back. */
  async drain(deadline: Deadline): Promise<void> {
    this.#leavingAll = true
    this.#wanted.stop()
    await Promise.allSettled(this.#making.values())
    await Promise.allSettled(
      [...this.#live.values()].map(async live => {
        await live.finish(deadline)
        await this.#letGo(live)
      }),
    )
  }

  /** Gives a session back that this process has no executor for. */
  async yield(live: LiveSession): Promise<void> {
    await live.driver.mailboxEmptied()
    if (this.#live.get(live.id) === live && live.unused) await this.#letGo(live)
  }

  /** Whether this process would refuse the session to another one that asks for it. */
  keeps(id: SessionId): boolean {
    return this.#options.keeps(id)
  }

  /**
   * Lets the session go for another process that asks for it, unless this one is at work on it. Answers whether it is
   * free.
   */
  async giveWay(id: SessionId): Promise<boolean> {
    for (;;) {
      const live = this.#live.get(id)
      // Requests that came before are answered first.
      await (live?.driver.mailboxEmptied() ?? this.#making.get(id)?.catch(() => {}) ?? this.#leaving.get(id))
      if (this.#live.get(id) !== live || this.#making.has(id)) continue
      if (live === undefined) return true
      if (this.keeps(id) && isAtWork(live)) return false
      this.#given.add(id)
      await this.#letGo(live)
      return true
    }
  }

  /**
   * Acts on the session as its owner, whether or not it is loaded. `alone`: no copy of it is loaded meanwhile, and
   * callers that need one wait. Fails with `not-owner` where another process owns it, and `not-ready` where it is
   * busy.
   */
  async own<T>(id: SessionId, act: (claim: Claim) => Promise<T>, alone: boolean): Promise<T> {
    const live = this.#live.get(id)
    if (live !== undefined && !alone) return act(live.claim)
    if (this.#leavingAll) throw closing()
    if ((live !== undefined && !this.#isIdle(live)) || this.#making.has(id) || this.#leaving.has(id)) {
      throw new MeerkatError('not-ready', `session ${id} is busy: ask again`, { retryable: true })
    }
    const gone = live === undefined ? Promise.resolve() : this.#letGo(live)
    const acting = gone.then(() => this.#claimed(id, act))
    const settled = acting.then(
      () => {},
      () => {},
    )
    this.#leaving.set(id, settled)
    try {
      return await acting
    } finally {
      if (this.#leaving.get(id) === settled) this.#leaving.delete(id)
    }
  }

  async #claimed<T>(id: SessionId, act: (claim: Claim) => Promise<T>): Promise<T> {
    const { store, owner } = this.#options
    const claim = await this.#held(id, () => store.claim(id, owner))
    try {
      return await act(claim)
    } finally {
      await this.#giveBack(claim)
    }
  }

  /** Lets every session go: runs are interrupted, and the next owners continue them. */
  async close(): Promise<void> {
    this.#leavingAll = true
    this.#sweep?.()
    this.#wanted.stop()
    await Promise.allSettled(this.#making.values())
    const left = await Promise.allSettled([...this.#live.values()].map(live => this.#letGo(live)))
    await Promise.allSettled(this.#leaving.values())
    const failed = left.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #load(id: SessionId): Promise<LiveSession> {
    const { store, owner } = this.#options
    const claim = await this.#held(id, () => store.claim(id, owner))
    const loaded = store.load(id).catch(async (error: unknown) => {
      await this.#giveBack(claim)
      throw error
    })
    return this.#begin(claim, await loaded)
  }

  /** Makes the copy of a claimed session from what was read of it, or gives it back. */
  async #begin(claim: Claim, loaded: LoadedSession): Promise<LiveSession> {
    let live: LiveSession | undefined
    try {
      if (isArriving(loaded.head.phase)) throw notWhole(claim.sessionId)
      live = new LiveSession(this.#host, claim, loaded, await stateOf(loaded))
      return await this.#admit(live)
    } catch (error) {
      await this.#giveBack(live?.claim ?? claim)
      if (live?.driver.inDoubt === true) this.#astray.add(claim.sessionId)
      throw error
    }
  }

  async #giveBack(claim: Claim): Promise<void> {
    await this.#options.store.release(claim).catch(() => this.#astray.add(claim.sessionId))
  }

  /** Asks the store for the session. Where the answer is lost, this process may own it all the same. */
  async #held<T>(id: SessionId, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask()
      this.#astray.delete(id)
      return answer
    } catch (error) {
      const { code } = asMeerkatError(error)
      if (code === 'store-unavailable') this.#astray.add(id)
      else this.#astray.delete(id)
      this.refusals.failed(id, error)
      throw error
    }
  }

  async #admit(live: LiveSession): Promise<LiveSession> {
    this.#live.set(live.id, live)
    tell(this.#options.observer, 'lease', () => ({ sessionId: live.id, event: 'claimed' }))
    try {
      await live.takeUp()
    } catch (error) {
      this.#live.delete(live.id)
      throw error
    }
    this.refusals.answered(live.id)
    this.#planSweep()
    return live
  }

  async #letGo(live: LiveSession): Promise<void> {
    this.#live.delete(live.id)
    tell(this.#options.observer, 'lease', () => ({ sessionId: live.id, event: 'released' }))
    const leaving = live.close().catch((error: unknown) => {
      this.#astray.add(live.id)
      // If the store can't take this last commit, the next owner finds the log as it was, and ends the claim as a
      // dead owner's.
      if (asMeerkatError(error).code === 'internal') throw error
    })
    this.#leaving.set(live.id, leaving)
    try {
      await leaving
    } finally {
      if (this.#leaving.get(live.id) === leaving) this.#leaving.delete(live.id)
      // The release may have named a token that is not the current one.
      if (live.driver.inDoubt) this.#astray.add(live.id)
    }
  }

  #lose(live: LiveSession, thrown: unknown): void {
    if (this.#live.get(live.id) !== live) return
    const error = asMeerkatError(thrown)
    this.refusals.lost(live.id, error)
    const { code, message } = error
    tell(this.#options.observer, 'lease', () => ({ sessionId: live.id, event: 'lost', error: code, message }))
    // Its new owner has the session; what could not be closed here is refused by the store.
    this.#letGo(live).catch(() => {})
    // The process that owns it now may end before the work does.
    if (unfinishedCount(live.state) > 0) this.#wanted.add(live.id)
  }

  #isIdle(live: LiveSession): boolean {
    return isIdle(live, this.#options.clock.now())
  }

  /** Plans to let sessions go beyond the number kept, the longest idle first. */
  #planSweep(): void {
    const { keepIdle, idleMs, clock } = this.#options
    if (this.#sweep !== undefined || this.#leavingAll || this.#live.size <= keepIdle) return
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
      live => this.#isIdle(live) && (keep === 0 || live.usedAt + idleMs <= clock.monotonic()),
    )
    idle.sort((a, b) => a.usedAt - b.usedAt)
    await Promise.allSettled(idle.slice(0, Math.max(0, this.#live.size - keep)).map(live => this.#letGo(live)))
  }
}
