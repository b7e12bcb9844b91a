/** Who is registered with a machine and who serves whom: made once however many ask, ended in good order. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor } from '../executor/executor.ts'
import type { RuntimeEpochId, SessionId } from '../kernel/ids.ts'
import type { Core } from '../session/core.ts'
import type { LiveSession } from '../session/live-session.ts'
import { obtain } from '../session/post.ts'
import { demandActing, optionsConflict, sameOptions } from '../session/settings.ts'
import type { SessionOptions } from '../store/records.ts'
import type { Entries, Entry, SharedParts } from './entries.ts'
import { beingTornDown, isDraining, notReady, notRegistered } from './errors.ts'
import { type LeaveOptions, unregister } from './unregister.ts'

/** What came of asking for an executor. */
export type ExecutorClaim = 'Claimed' | 'AlreadyClaimed'

export type MakeExecutor = () => CoreExecutor | Promise<CoreExecutor>

/** Copies of a session that a registration is tried on: each was let go under it. */
const TRIES = 5

interface RegistrationsOptions {
  readonly core: Core
  readonly entries: Entries
  readonly shared: SharedParts
}

export class Registrations {
  readonly #options: RegistrationsOptions
  /** By registration: one that ended meanwhile is not the next one's. */
  readonly #attaching = new Map<Entry, Promise<ExecutorClaim>>()
  readonly #leaving = new Map<SessionId, Promise<boolean>>()

  constructor(options: RegistrationsOptions) {
    this.#options = options
  }

  async register(sessionId: SessionId, options: SessionOptions): Promise<Entry> {
    for (let tries = 1; ; tries++) {
      const entry = await this.#registered(sessionId, options)
      // A copy that was let go meanwhile, or lost, is nobody's: the next one is registered.
      if (!entry.live.closed || tries === TRIES) return entry
    }
  }

  async #registered(sessionId: SessionId, options: SessionOptions): Promise<Entry> {
    const { entries, shared } = this.#options
    if (this.#leaving.has(sessionId)) throw beingTornDown(sessionId, entries.peek(sessionId)?.live.state)
    await this.#demandSame(sessionId, options)
    const known = entries.peek(sessionId)
    if (known !== undefined && !isEnding(known)) return known
    // A teardown that did not come to its end comes to it first.
    if (known !== undefined) await this.unregister(sessionId)
    const live = await this.#loaded(sessionId, options)
    return entries.peek(sessionId) ?? entries.add(live, shared)
  }

  async ensureExecutor(sessionId: SessionId, make: MakeExecutor): Promise<ExecutorClaim> {
    const entry = await this.register(sessionId, {})
    const asked = this.#attaching.get(entry)
    if (asked !== undefined) return asked.then(() => 'AlreadyClaimed')
    if (entry.executor !== undefined) return 'AlreadyClaimed'
    const attaching = this.#attach(entry, make)
    this.#attaching.set(entry, attaching)
    try {
      return await attaching
    } finally {
      this.#attaching.delete(entry)
    }
  }

  hasExecutor(sessionId: SessionId): boolean {
    const entry = this.#options.entries.peek(sessionId)
    return entry !== undefined && (this.#attaching.has(entry) || entry.executor !== undefined)
  }

  async unregister(
    sessionId: SessionId,
    { epochId, ...options }: LeaveOptions & { readonly epochId?: RuntimeEpochId } = {},
  ): Promise<boolean> {
    const { entries } = this.#options
    const leaving = this.#leaving.get(sessionId)
    if (leaving !== undefined) return leaving.then(() => false)
    const entry = entries.peek(sessionId)
    if (entry === undefined) return false
    if (epochId !== undefined && entry.authority.snapshotState().binding.epochId !== epochId) return false
    const ending = this.#leave(entry, options, epochId !== undefined)
    this.#leaving.set(sessionId, ending)
    try {
      return await ending
    } finally {
      this.#leaving.delete(sessionId)
    }
  }

  /** Answers whether it is left: where only this epoch is meant, a reset that was faster leaves it registered. */
  async #leave(entry: Entry, options: LeaveOptions, onlyThis: boolean): Promise<boolean> {
    const { core } = this.#options
    const { live } = entry
    let now: Entry | undefined = entry
    for (; now !== undefined; now = this.#renewed(now)) {
      if (onlyThis && now !== entry) {
        now.leaving = false
        return false
      }
      await this.#end(now, options)
    }
    // It is whoever's that asks next.
    await core.sessions.yield(live)
    return true
  }

  async #end(entry: Entry, options: LeaveOptions): Promise<void> {
    const { entries, core } = this.#options
    const { live } = entry
    entry.leaving = true
    try {
      await unregister(entry, live, core.clock, options)
      entries.remove(entry)
    } catch (error) {
      // Whether it goes on is for whoever asks next.
      entry.leaving = entry.gate.closed || isDraining(live.state)
      throw error
    }
  }

  /** The registration that this one goes on as, in a new epoch. */
  #renewed({ sessionId, live }: Entry): Entry | undefined {
    const next = this.#options.entries.peek(sessionId)
    return next?.live === live ? next : undefined
  }

  async #attach(entry: Entry, make: MakeExecutor): Promise<ExecutorClaim> {
    const { live } = entry
    this.#demandAttachable(entry)
    entry.left = false
    const executor: unknown = await make()
    if (!isExecutor(executor)) throw new MeerkatError('invalid-params', 'what was made for the session is no executor')
    this.#demandAttachable(entry)
    this.#options.entries.attach(entry, executor)
    entry.preparedInterrupt = undefined
    // That it is attached, and the first run, follow from the state.
    try {
      await live.driver.mutate(tx => {
        if (tx.state.lifecycle.phase === 'stopped') tx.step({ type: 'Resume' })
      })
    } catch (error) {
      entry.executor = undefined
      throw error
    }
    live.loop?.sync()
    return 'Claimed'
  }

  /** Throws where nobody may be attached: the registration has ended, or is about to. */
  #demandAttachable(entry: Entry): void {
    const { sessionId, live } = entry
    const { phase } = live.state.lifecycle
    if (this.#options.entries.peek(sessionId) !== entry) throw notRegistered(sessionId)
    if (entry.leaving || isDraining(live.state)) throw beingTornDown(sessionId, live.state)
    if (phase === 'destroyed') throw notReady(sessionId, phase, 'register another session')
  }

  /** Options of a session that exists are its own: others are refused, like where it is opened. */
  async #demandSame(sessionId: SessionId, options: SessionOptions): Promise<void> {
    if (Object.keys(defined(options)).length === 0) return
    const { core } = this.#options
    demandActing(options, undefined)
    const session = await core.store.session(sessionId)
    if (session !== undefined && !sameOptions(session.options, options)) throw optionsConflict(session)
  }

  async #loaded(sessionId: SessionId, options: SessionOptions): Promise<LiveSession> {
    const { core } = this.#options
    if ((await core.store.session(sessionId)) !== undefined) return obtain(core, sessionId)
    try {
      return await core.sessions.create(sessionId, options)
    } catch (error) {
      if (error instanceof MeerkatError && error.code === 'session-conflict') return obtain(core, sessionId)
      throw error
    }
  }
}

function isExecutor(made: unknown): made is CoreExecutor {
  return typeof made === 'object' && made !== null && 'apply' in made && typeof made.apply === 'function'
}

/** Whether its teardown began: then it is of no use to anybody. */
function isEnding({ gate, live }: Entry): boolean {
  return gate.closed || isDraining(live.state)
}
