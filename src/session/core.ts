/** What all operations of a runtime share: its store, its sessions, and the way from an id to a loaded session. */
import { stateOf } from '../driver/load.ts'
import { MeerkatError } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { type Ids, uuidIds } from '../ids.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SessionId } from '../kernel/ids.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { RunSlots, runLimits } from '../loop/slots.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { LetterId } from '../store/mail.ts'
import { identityOf, type StoreSharing, sharingOf } from '../store/sharing.ts'
import type { JournalEntry, Store, StoreSource } from '../store/store.ts'
import { type Clock, soundClock } from '../time.ts'
import { closing } from './claims.ts'
import { EventPages } from './event-pages.ts'
import { Gate } from './gate.ts'
import type { LiveSession } from './live-session.ts'
import type { RuntimeOptions } from './options.ts'
import { ReadStates } from './read-states.ts'
import { summaryOf } from './reads.ts'
import type { RetentionPolicy } from './retention/policy.ts'
import { Pruner } from './retention/prune.ts'
import { Serving } from './serving/serving.ts'
import { Sessions } from './sessions.ts'

/** How many copies of a session a request is tried on, where each is let go while the request waits. */
const TRIES = 5
/** A session with this many unfinished inputs takes no other in. */
const MAX_QUEUED = 10_000
/** How many sessions act at once when many fall due at the same time. */
const GATE_WIDTH = 8

/** `before`: the state before the step. */
type LifecycleHeard = (sessionId: SessionId, before: MeerkatState, effects: readonly MeerkatEffect[]) => Promise<void>

export class Core {
  readonly store: Store
  readonly sessions: Sessions
  readonly pruner: Pruner
  readonly events: EventPages
  readonly #states: ReadStates
  readonly retention: RetentionPolicy
  readonly serving: Serving
  /** Where the store was opened from. */
  readonly place: StoreSource
  /** Whether what is stored outlasts the process. */
  readonly isDurable: boolean
  readonly clock: Clock
  readonly ids: Ids
  readonly owner: string
  readonly abortGraceMs: number
  /** How many runs are performed at once; absent: no limit. */
  readonly slots: RunSlots | undefined
  readonly faults: Faults | undefined
  readonly observer: RuntimeObserver | undefined
  /** Letters being performed now, so that a slow one is not begun twice. */
  readonly lettersInHand = new Set<LetterId>()
  /** Sessions being requested from their owners: callers of one session share the request. */
  readonly obtaining = new Map<SessionId, Promise<LiveSession>>()
  /** Aborted when the runtime closes. */
  readonly closing = new AbortController()
  /** Called with what a lifecycle operation came to, whichever surface asked for it. */
  lifecycleHeard: LifecycleHeard = async () => {}
  #sharing: Promise<StoreSharing> | undefined
  /** Called once the runtime has closed: releases what it shares with other processes. */
  readonly afterClose: (() => Promise<void>)[] = []

  constructor(store: Store, options: RuntimeOptions, place: StoreSource) {
    this.store = store
    this.place = place
    this.isDurable = options.store !== undefined
    this.serving = new Serving(options.executor)
    this.clock = soundClock(options.clock)
    this.ids = options.ids ?? uuidIds(this.clock)
    this.owner = this.ids.session()
    this.abortGraceMs = options.abortGraceMs ?? 5_000
    this.faults = options.faults
    this.observer = options.observer
    const limits = runLimits(options.maxConcurrentRuns)
    this.slots = limits && new RunSlots(limits)
    this.sessions = new Sessions({
      store,
      clock: this.clock,
      ids: this.ids,
      serving: this.serving,
      keeps: id => this.serving.keeps(id),
      takesFiles: options.takesFiles,
      maxRunMs: options.maxRunMs ?? 3_600_000,
      abortGraceMs: this.abortGraceMs,
      storePatienceMs: options.storePatienceMs ?? 120_000,
      maxQueuedInputs: options.maxQueuedInputs ?? MAX_QUEUED,
      gate: new Gate(GATE_WIDTH),
      suspects: new Gate(1),
      slots: this.slots,
      owner: this.owner,
      keepIdle: options.keepIdle ?? 1_000,
      idleMs: options.idleMs ?? 60_000,
      faults: options.faults,
      observer: options.observer,
    })
    this.events = new EventPages(store, this.clock)
    this.#states = new ReadStates(store)
    this.retention = options.retention ?? {}
    this.pruner = new Pruner({
      store,
      now: () => this.clock.now(),
      own: (id, act, alone) => this.sessions.own(id, act, alone),
      changed: () => {
        this.events.forget()
        for (const { recent } of this.sessions.live) recent.clear()
      },
    })
  }

  /**
   * What the runtimes of this store share in this process, until this one has closed. It begins when it is first asked
   * for.
   */
  sharing(): Promise<StoreSharing> {
    this.#sharing ??= this.#share()
    // After a failure, the next call tries again.
    this.#sharing.catch(() => (this.#sharing = undefined))
    return this.#sharing
  }

  /** Acts on a loaded session; on its next copy, if this one was let go while the request waited. */
  async on<T>(sessionId: string, act: (live: LiveSession) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const live = await this.#live(sessionId)
      // A closed copy may still write, but its waiters are gone, so an input that it admits would never be answered.
      if (live.closed && tries < TRIES) continue
      const unpin = live.pin()
      try {
        return await act(live)
      } catch (error) {
        const gone = live.closed && error instanceof MeerkatError && error.code === 'not-owner'
        if (!gone || tries === TRIES) throw error
      } finally {
        unpin()
        // Without an executor for it, this process must not keep the session: a process with one could not take it
        // up.
        if (!live.isServed) await this.sessions.yield(live)
      }
    }
  }

  /** The phase of a session that this process has loaded; else undefined. */
  phaseOf(sessionId: string): string | undefined {
    const live = this.sessions.peek(sessionId as SessionId)
    return live && phaseShown(live.state.lifecycle)
  }

  /** The state from memory where this process owns the session, else from its records. */
  async state(sessionId: string): Promise<MeerkatState> {
    const live = this.sessions.peek(sessionId as SessionId)
    if (live === undefined) return this.#states.of(await summaryOf(this.store, sessionId))
    live.usedAt = this.clock.now()
    return live.state
  }

  /** The same with the journal of its unfinished work. */
  async stateAndJournal(
    sessionId: string,
  ): Promise<{ readonly state: MeerkatState; readonly journal: readonly JournalEntry[] }> {
    const live = this.sessions.peek(sessionId as SessionId)
    if (live !== undefined) {
      live.usedAt = this.clock.monotonic()
      return { state: live.state, journal: live.journal }
    }
    await summaryOf(this.store, sessionId)
    const loaded = await this.store.load(sessionId as SessionId)
    return { state: await stateOf(loaded), journal: loaded.journal }
  }

  async #share(): Promise<StoreSharing> {
    const isClosed = (): boolean => this.closing.signal.aborted
    if (isClosed()) throw closing()
    const { sharing, release } = await sharingOf(identityOf(this.place, this.store), this.place, this.clock)
    if (isClosed()) {
      await release()
      throw closing()
    }
    this.afterClose.push(release)
    return sharing
  }

  async #live(sessionId: string): Promise<LiveSession> {
    if (this.sessions.peek(sessionId as SessionId) === undefined) await summaryOf(this.store, sessionId)
    return this.sessions.get(sessionId as SessionId)
  }
}
