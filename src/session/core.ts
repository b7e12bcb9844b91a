/** What the operations of a runtime share: its store, its sessions, and how an operation gets hold of one. */
import { stateOf } from '../driver/load.ts'
import { MeerkatError } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { type Ids, uuidIds } from '../ids.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SessionId } from '../kernel/ids.ts'
import { phaseShown } from '../kernel/regions/lifecycle/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { RunSlots, runLimits } from '../loop/slots.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { LetterId } from '../store/mail.ts'
import type { JournalEntry, Store, StoreSource } from '../store/store.ts'
import { type Clock, soundClock } from '../time.ts'
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

/** Copies of a session that a request is tried on: each was let go under it. */
const TRIES = 5
/** Unfinished inputs of a session, beyond which no other is taken in. */
const MAX_QUEUED = 10_000
/** Sessions that take up what fell due at the same time. */
const GATE_WIDTH = 8

/** `before`: the state in which the step was taken. */
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
  /** Whether anything outlasts the runtime. */
  readonly isDurable: boolean
  readonly clock: Clock
  readonly ids: Ids
  readonly owner: string
  readonly abortGraceMs: number
  /** Runs at once; absent: as many as there are. */
  readonly slots: RunSlots | undefined
  readonly faults: Faults | undefined
  readonly observer: RuntimeObserver | undefined
  /** Letters that are being performed, so that a slow one is not begun twice. */
  readonly lettersInHand = new Set<LetterId>()
  /** Sessions that their owners are asked for. */
  readonly obtaining = new Map<SessionId, Promise<LiveSession>>()
  /** Aborted when the runtime goes away. */
  readonly closing = new AbortController()
  /** Hears what a lifecycle operation came to, whichever surface it was asked on. */
  lifecycleHeard: LifecycleHeard = async () => {}
  /** Done when it has gone: what stands on it lets go of what it shares with others. */
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

  /** Acts on the session while it stays loaded; on the next copy if this one was let go under the request. */
  async on<T>(sessionId: string, act: (live: LiveSession) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const live = await this.#live(sessionId)
      // A copy on its way out could still write, but nobody would answer what it admits.
      if (live.closed && tries < TRIES) continue
      const unpin = live.pin()
      try {
        return await act(live)
      } catch (error) {
        const gone = live.closed && error instanceof MeerkatError && error.code === 'not-owner'
        if (!gone || tries === TRIES) throw error
      } finally {
        unpin()
        // A process that does not serve it does not hold it: the one that does could not take it up.
        if (!live.isServed) await this.sessions.yield(live)
      }
    }
  }

  /** The phase of a session that is loaded here. */
  phaseOf(sessionId: string): string | undefined {
    const live = this.sessions.peek(sessionId as SessionId)
    return live && phaseShown(live.state)
  }

  /** The state as its owner here has it, else as its records tell. */
  async state(sessionId: string): Promise<MeerkatState> {
    const live = this.sessions.peek(sessionId as SessionId)
    if (live === undefined) return this.#states.of(await summaryOf(this.store, sessionId))
    live.usedAt = this.clock.now()
    return live.state
  }

  /** The state as its owner here has it, else as its records tell. */
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

  async #live(sessionId: string): Promise<LiveSession> {
    if (this.sessions.peek(sessionId as SessionId) === undefined) await summaryOf(this.store, sessionId)
    return this.sessions.get(sessionId as SessionId)
  }
}
