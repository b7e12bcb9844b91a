/** Sessions that are served by executors of their own: registered once however many ask, left in good order. */
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

/** What came of asking for an executor. */
export type ExecutorClaim = 'Claimed' | 'AlreadyClaimed'

export type MakeExecutor<Executor = CoreExecutor> = () => Executor | Promise<Executor>

/** Copies of a session that a registration is tried on: each was let go under it. */
const TRIES = 5

export class Registrations {
  readonly #core: Core
  /** By registration: one that ended meanwhile is not the next one's. */
  readonly #attaching = new Map<Registration, Promise<ExecutorClaim>>()
  readonly #leaving = new Map<SessionId, Promise<boolean>>()

  constructor(core: Core) {
    this.#core = core
  }

  async register(sessionId: SessionId, options: SessionOptions): Promise<Registration> {
    for (let tries = 1; ; tries++) {
      const registration = await this.#registered(sessionId, options)
      // A copy that was let go meanwhile, or lost, is nobody's: the next one is registered.
      if (!registration.live.closed || tries === TRIES) return registration
    }
  }

  async #registered(sessionId: SessionId, options: SessionOptions): Promise<Registration> {
    const { serving } = this.#core
    if (this.#leaving.has(sessionId)) throw beingTornDown(sessionId, serving.peek(sessionId)?.live.state)
    await this.#opened(sessionId, options, serving.peek(sessionId) !== undefined)
    const known = serving.peek(sessionId)
    if (known !== undefined && !isEnding(known)) return known
    // A teardown that did not come to its end comes to it first.
    if (known !== undefined) await this.unregister(sessionId)
    const live = await obtain(this.#core, sessionId)
    return serving.peek(sessionId) ?? serving.add(live)
  }

  /** `ended` hears once why the executor that was made serves the session no more. */
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

  /** Whether it has an executor of its own; also while that is being made. */
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

  /** Answers whether it is left: where only this epoch is meant, a reset that was faster leaves it registered. */
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
    // Where nothing here serves it, it is the next one's who asks.
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
      // Whether it goes on is for whoever asks next.
      registration.leaving = registration.closed || isDraining(live.state)
      throw error
    }
  }

  /** The registration that this one goes on as, in a new epoch. */
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
    // That it is attached, and the first run, follow from the state.
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

  /** Throws where nobody may be attached: the registration has ended, or is about to. */
  #demandAttachable(registration: Registration): void {
    const { sessionId, live } = registration
    const { phase } = live.state.lifecycle
    if (this.#core.serving.peek(sessionId) !== registration) throw notRegistered(sessionId)
    if (registration.leaving || isDraining(live.state)) throw beingTornDown(sessionId, live.state)
    if (phase === 'destroyed') throw notReady(sessionId, phase, 'register another session')
  }

  /** Opens it, where the caller gives options or it does not exist. */
  async #opened(sessionId: SessionId, options: SessionOptions, isKnown: boolean): Promise<void> {
    const { store, sessions } = this.#core
    const isPlain = Object.keys(defined(options)).length === 0
    const isThere = isKnown || sessions.peek(sessionId) !== undefined || (await store.session(sessionId)) !== undefined
    // Names of tools are those of an executor that is still to come.
    if (!isPlain || !isThere) await openSession(this.#core, { ...options, sessionId }, 'refuse', 'none')
  }
}

/** Refuses what can perform no run. */
export function demandExecutor(made: unknown): asserts made is CoreExecutor {
  const isOne = read(
    () => typeof made === 'object' && made !== null && typeof Reflect.get(made, 'apply') === 'function',
  )
  if (!isOne) throw new MeerkatError('invalid-params', 'what was made for the session is no executor')
}

/** Whether its teardown began: then it is of no use to anybody. */
function isEnding({ closed, live }: Registration): boolean {
  return closed || isDraining(live.state)
}
