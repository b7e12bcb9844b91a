/**
 * Which executor serves each session of a runtime: its own, as long as it is registered with one, else the runtime's.
 *
 * A registration pins its session in memory, so that its conditions and handles live as long as the registration.
 * Facts are the kernel's; a registration has only what can't be stored.
 */
import type { CoreExecutor } from '../../executor/executor.ts'
import { inTime } from '../../in-time.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { MeerkatState } from '../../kernel/state.ts'
import type { Clock } from '../../time.ts'
import type { LiveSession } from '../live-session.ts'
import type { Attachment, Registration, Service, ServingEnd } from './registration.ts'
import type { ServedBy } from './served-by.ts'

type Attach = (registration: Registration) => Attachment

export class Serving implements ServedBy {
  /** Serves every session that has no executor of its own. Absent: the inputs of those sessions wait. */
  readonly byDefault: CoreExecutor | undefined
  readonly #registrations = new Map<SessionId, Registration>()
  /** Executors to be closed with the runtime. */
  readonly #closing = new Set<CoreExecutor>()
  /** Operations that wait until their session has an executor. */
  readonly #waiting = new Map<SessionId, Set<(executor: CoreExecutor) => void>>()
  #attach: Attach | undefined
  #isClosing = false
  #onFirst = (): void => {}

  constructor(byDefault: CoreExecutor | undefined) {
    this.byDefault = byDefault
    if (byDefault !== undefined) this.#keep(byDefault)
  }

  of(id: SessionId): CoreExecutor | undefined {
    return this.peek(id)?.service?.executor ?? this.byDefault
  }

  async soon(id: SessionId, signal: AbortSignal): Promise<CoreExecutor | undefined> {
    const now = this.of(id)
    if (now !== undefined || signal.aborted) return now
    const { promise, resolve } = Promise.withResolvers<CoreExecutor | undefined>()
    const waiting = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, waiting.add(resolve))
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
    return promise.finally(() => waiting.delete(resolve))
  }

  bindings(id: SessionId): unknown {
    return this.peek(id)?.attachment?.bindings
  }

  /** Whether this process would refuse to give the session to another one that asks for it, if it is at work on it. */
  keeps(id: SessionId): boolean {
    return this.byDefault !== undefined || this.peek(id)?.left !== true
  }

  /** The names of all executors that serve here, each once. */
  get names(): readonly string[] {
    const own = this.registrations.flatMap(({ service }) => service?.executor ?? [])
    const all = this.byDefault === undefined ? own : [this.byDefault, ...own]
    return [...new Set(all.flatMap(nameOf))]
  }

  /**
   * The registration of a session. It ends with the copy of the session that it was made for: a lost session has to
   * be registered again.
   */
  peek(id: SessionId): Registration | undefined {
    const registration = this.#registrations.get(id)
    return registration === undefined || registration.live.closed ? undefined : registration
  }

  get registrations(): readonly Registration[] {
    return [...this.#registrations.values()]
  }

  /** Calls back once, with the first session that is registered. */
  onFirst(callback: () => void): void {
    this.#onFirst = callback
  }

  /** Attaches something to every present and future registration. */
  attachEach(attach: Attach): void {
    this.#attach = attach
    for (const registration of this.registrations) registration.attachment ??= attach(registration)
  }

  add(live: LiveSession): Registration {
    const sessionId = live.id
    const unpin = live.pin()
    const { epochId } = live.state.binding
    let seen = live.state
    let stopped = isStopped(live)
    const registration: Registration = {
      sessionId,
      live,
      service: undefined,
      leaving: false,
      left: false,
      closed: false,
      attachment: undefined,
      letGo: () => {
        unwatch()
        unpin()
      },
    }
    const unwatch = live.onCommit(() => {
      if (live.closed) return this.remove(registration)
      // A reset began a new epoch: what was handed out for the old one has ended.
      if (!registration.closed && live.state.binding.epochId !== epochId) return this.#renew(registration, seen)
      seen = live.state
      registration.attachment?.changed()
      const before = stopped
      stopped = isStopped(live)
      // A stop takes the executor away, whichever caller asked for the stop; one that is attached afterwards is a new
      // one.
      if (!stopped || before) return
      this.detach(registration, 'stopped')
      registration.left = true
    })
    registration.attachment = this.#attach?.(registration)
    this.#registrations.set(sessionId, registration)
    this.#onFirst()
    this.#onFirst = () => {}
    return registration
  }

  /** An executor of its own serves the session from now on. */
  attach(registration: Registration, service: Service): void {
    const { executor } = service
    registration.service = service
    this.#keep(executor)
    for (const waiting of this.#waiting.get(registration.sessionId) ?? []) waiting(executor)
    this.#waiting.delete(registration.sessionId)
  }

  /** From now on the runtime's executor serves the session, or its inputs wait. */
  detach(registration: Registration, why: ServingEnd): void {
    const { service } = registration
    registration.service = undefined
    service?.ended(why)
  }

  /**
   * Continues a registration in a new epoch, with the same executor; `last` is the state at the end of the old epoch.
   */
  #renew(old: Registration, last: MeerkatState): void {
    old.attachment?.endIn(last)
    const next = this.add(old.live)
    next.service = old.service
    old.service = undefined
    next.left = old.left
    next.leaving = old.leaving
    old.attachment?.renew(next)
    this.remove(old)
  }

  /** Forgets exactly this registration: a newer one of the session stays. */
  remove(registration: Registration): void {
    const { sessionId, attachment } = registration
    if (this.#registrations.get(sessionId) === registration) this.#registrations.delete(sessionId)
    registration.closed = true
    this.detach(registration, this.#isClosing ? 'closed' : 'lost')
    attachment?.close()
    attachment?.abort()
    attachment?.ended()
    registration.letGo()
  }

  /** The runtime is closing: that is the reason of every end from now on. */
  goesAway(): void {
    this.#isClosing = true
  }

  /** Tells everything that is attached to registrations to stop. */
  abort(): void {
    for (const { attachment } of this.registrations) attachment?.abort()
  }

  /** Closes every executor that served here, each once and within the limit. */
  async close(clock: Clock, limitMs: number): Promise<void> {
    const executors = [...this.#closing]
    this.#closing.clear()
    for (const registration of this.registrations) this.remove(registration)
    await Promise.all(executors.map(executor => inTime(async () => executor.close?.(), clock, limitMs)))
  }

  #keep(executor: CoreExecutor): void {
    if (executor.close !== undefined) this.#closing.add(executor)
  }
}

/** The name that an executor gives itself. An executor is foreign code, and may give none. */
function nameOf(executor: CoreExecutor): readonly string[] {
  try {
    const name: unknown = executor.name
    return typeof name === 'string' ? [name] : []
  } catch {
    return []
  }
}

function isStopped({ state: { lifecycle } }: LiveSession): boolean {
  return lifecycle.phase === 'stopped' || lifecycle.phase === 'destroyed'
}
