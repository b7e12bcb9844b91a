/** Registers sessions with executors of their own: once, however many callers ask, and ended in good order. */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { RuntimeEpochId, SessionId } from '../../kernel/ids.ts'
import type { SessionOptions } from '../../store/records.ts'
import type { Core } from '../core.ts'
import { read } from '../door.ts'
import { openSession } from '../opening.ts'
import { obtain } from '../post.ts'
import { type LeaveOptions, leave } from './leave.ts'
import {
  beingTornDown,
  isDraining,
  notReady,
  notRegistered,
  type Registration,
  type ServingEnd,
} from './registration.ts'

/** Whether a call registered an executor, or found one. */
export type ExecutorClaim = 'Claimed' | 'AlreadyClaimed'

export type MakeExecutor<Executor = CoreExecutor> = () => Executor | Promise<Executor>

/** How many copies of a session a registration is tried on, where each is let go meanwhile. */
const TRIES = 5

export class Registrations {
  readonly #core: Core
  /**
   * Keyed by registration, not by session: an ended registration has nothing to do with the next one of its session.
   */
  readonly #attaching = new Map<Registration, Promise<ExecutorClaim>>()
  readonly #leaving = new Map<SessionId, Promise<boolean>>()

  constructor(core: Core) {
    this.#core = core
  }

  async register(sessionId: SessionId, options: SessionOptions): Promise<Registration> {
    for (let tries = 1; ; tries++) {
      const registration = await this.#registered(sessionId, options)
      // The copy was let go or lost meanwhile: the next one is registered.
      if (!registration.live.closed || tries === TRIES) return registration
    }
  }

  async #registered(sessionId: SessionId, options: SessionOptions): Promise<Registration> {
    const { serving } = this.#core
    if (this.#leaving.has(sessionId)) throw beingTornDown(sessionId, serving.peek(sessionId)?.live.state)
    await this.#opened(sessionId, options, serving.peek(sessionId) !== undefined)
    const known = serving.peek(sessionId)
    if (known !== undefined && !isEnding(known)) return known
    // A teardown that was interrupted is finished first.
    if (known !== undefined) await this.unregister(sessionId)
    const live = await obtain(this.#core, sessionId)
    return serving.peek(sessionId) ?? serving.add(live)
  }

  /** @param options.ended Called once, with why the new executor no longer serves the session. */
  async ensureExecutor(
    sessionId: SessionId,
    make: MakeExecutor,
    ended: (why: ServingEnd) => void = () => {},
  ): Promise<ExecutorClaim> {
    const registration = await this.register(sessionId, {})
    const asked = this.#attaching.get(registration)
    if (asked !== undefined) return asked.then(() => 'AlreadyClaimed')
    if (registration.service !== undefined) return 'AlreadyClaimed'
    const attaching = this.#attach(registration, make, ended)
    this.#attaching.set(registration, attaching)
    try {
      return await attaching
    } finally {
      this.#attaching.delete(registration)
    }
  }

  has(sessionId: SessionId): boolean {
    return this.#core.serving.peek(sessionId) !== undefined
  }

  /** Whether it has an executor of its own, or one is being made. */
  hasExecutor(sessionId: SessionId): boolean {
    const registration = this.#core.serving.peek(sessionId)
    return registration !== undefined && (this.#attaching.has(registration) || registration.service !== undefined)
  }

  async unregister(
    sessionId: SessionId,
    { epochId, ...options }: LeaveOptions & { readonly epochId?: RuntimeEpochId } = {},
  ): Promise<boolean> {
    const { serving } = this.#core
    const leaving = this.#leaving.get(sessionId)
    if (leaving !== undefined) return leaving.then(() => false)
    const registration = serving.peek(sessionId)
    if (registration === undefined) return false
    if (epochId !== undefined && registration.live.state.binding.epochId !== epochId) return false
    const ending = this.#leave(registration, options, epochId !== undefined)
    this.#leaving.set(sessionId, ending)
    try {
      return await ending
    } finally {
      this.#leaving.delete(sessionId)
    }
  }

  /** Answers whether the session is left: with `onlyThis`, a reset that was faster leaves it registered. */
  async #leave(registration: Registration, options: LeaveOptions, onlyThis: boolean): Promise<boolean> {
    const { sessions } = this.#core
    const { live } = registration
    let now: Registration | undefined = registration
    for (; now !== undefined; now = this.#renewed(now)) {
      if (onlyThis && now !== registration) {
        now.leaving = false
        return false
      }
      await this.#end(now, options)
    }
    // Without an executor in this process the session goes to the process that asks for it next.
    if (!live.isServed) await sessions.yield(live)
    return true
  }

  async #end(registration: Registration, options: LeaveOptions): Promise<void> {
    const { serving, clock } = this.#core
    const { live } = registration
    registration.leaving = true
    try {
      await leave(serving, registration, clock, options)
      serving.remove(registration)
    } catch (error) {
      // A teardown that failed may be continued by the next caller.
      registration.leaving = registration.closed || isDraining(live.state)
      throw error
    }
  }

  /** The registration that a reset replaced this one by, in a new epoch. */
  #renewed({ sessionId, live }: Registration): Registration | undefined {
    const next = this.#core.serving.peek(sessionId)
    return next?.live === live ? next : undefined
  }

  async #attach(
    registration: Registration,
    make: MakeExecutor,
    ended: (why: ServingEnd) => void,
  ): Promise<ExecutorClaim> {
    const { live } = registration
    this.#demandAttachable(registration)
    registration.left = false
    const executor: unknown = await make()
    demandExecutor(executor)
    this.#demandAttachable(registration)
    this.#core.serving.attach(registration, { executor, ended })
    // The kernel attaches it and starts its first run by itself, from the state.
    try {
      await live.driver.mutate(tx => {
        if (tx.state.lifecycle.phase === 'stopped') tx.step({ type: 'Resume' })
      })
    } catch (error) {
      this.#core.serving.detach(registration, 'lost')
      throw error
    }
    live.loop.sync()
    return 'Claimed'
  }

  /** Throws where no executor may be attached: the registration has ended, or is about to. */
  #demandAttachable(registration: Registration): void {
    const { sessionId, live } = registration
    const { phase } = live.state.lifecycle
    if (this.#core.serving.peek(sessionId) !== registration) throw notRegistered(sessionId)
    if (registration.leaving || isDraining(live.state)) throw beingTornDown(sessionId, live.state)
    if (phase === 'destroyed') throw notReady(sessionId, phase, 'register another session')
  }

  /** Opens the session where the caller gives options or it does not exist. */
  async #opened(sessionId: SessionId, options: SessionOptions, isKnown: boolean): Promise<void> {
    const { store, sessions } = this.#core
    const isPlain = Object.keys(defined(options)).length === 0
    const isThere = isKnown || sessions.peek(sessionId) !== undefined || (await store.session(sessionId)) !== undefined
    // The executor that knows the names of tools is still to come.
    if (!isPlain || !isThere) await openSession(this.#core, { ...options, sessionId }, 'refuse', 'none')
  }
}

/** Refuses a value that can't perform a run. */
export function demandExecutor(made: unknown): asserts made is CoreExecutor {
  const isOne = read(
    () => typeof made === 'object' && made !== null && typeof Reflect.get(made, 'apply') === 'function',
  )
  if (!isOne)
    throw new MeerkatError(
      'invalid-params',
      'the executor that was made for the session must be an object with a method `apply`',
    )
}

/** Whether its teardown has begun: then no caller can use it any more. */
function isEnding({ closed, live }: Registration): boolean {
  return closed || isDraining(live.state)
}
