/**
 * The sessions that are registered with a machine, each with its gate, its handles and what serves it.
 *
 * An entry pins its session: it stays loaded, so that conditions and handles live as long as the registration. The facts
 * are the kernel's; an entry has nothing but what can't be written down.
 */
import type { CoreExecutor } from '../executor/executor.ts'
import type { AuthLeaseHandle } from '../handles/auth-lease.ts'
import { DriverAuthority, HandleDslAuthority, HandleTeardownGate } from '../handles/dsl-authority.ts'
import type { SessionClaimHandle } from '../handles/session-claim.ts'
import { inTime } from '../in-time.ts'
import type { OperationId, SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { LiveSession } from '../session/live-session.ts'
import type { Clock } from '../time.ts'
import { bindingsOf, type SessionRuntimeBindings } from './bindings.ts'
import { DrainSlot } from './drain-slot.ts'
import { demandRegistered, notRegistered, registrationOver, unlessLeaving } from './errors.ts'
import { OpsLifecycleRegistry } from './operations.ts'

/** Stops what an executor is at: the run's work, wherever it is. */
export interface InterruptHandle {
  interrupt(reason: string): void | Promise<void>
}

export interface Entry {
  readonly sessionId: SessionId
  readonly gate: HandleTeardownGate
  readonly authority: HandleDslAuthority
  readonly bindings: SessionRuntimeBindings
  readonly drain: DrainSlot
  /** The copy of the session that it was registered over. */
  readonly live: LiveSession
  /** Runs turns; absent: inputs are admitted and wait. */
  executor: CoreExecutor | undefined
  /** Its host leaves it: what is asked of it from now on is to be asked again afterwards. */
  leaving: boolean
  /** Its executor was taken away by a stop: whoever asks for the session may have it. */
  left: boolean
  /** Stands in for an executor that is about to be attached. */
  preparedInterrupt: InterruptHandle | undefined
  /** Its handles show this state from now on, whoever has the session. */
  readonly endIn: (state: MeerkatState) => void
  /** Lets the session go. */
  readonly letGo: () => void
}

/** What all sessions of a machine have in common. */
export interface SharedParts {
  readonly claims: SessionClaimHandle
  /** The credentials behind the session's gate. */
  readonly authLease: (gate: HandleTeardownGate) => AuthLeaseHandle
  readonly newOperation: () => OperationId
}

export class Entries {
  readonly #entries = new Map<SessionId, Entry>()
  readonly #live: (id: SessionId) => LiveSession | undefined
  /** Who ever served a session here and has something to close. */
  readonly #closing = new Set<CoreExecutor>()
  /** Those who wait for somebody to serve a session. */
  readonly #waiting = new Map<SessionId, Set<(executor: CoreExecutor) => void>>()

  constructor(live: (id: SessionId) => LiveSession | undefined) {
    this.#live = live
  }

  has(sessionId: SessionId): boolean {
    return this.peek(sessionId) !== undefined
  }

  /** A registration ends with the copy of the session that it was made over: one that was lost is to be registered anew. */
  peek(sessionId: SessionId): Entry | undefined {
    const entry = this.#entries.get(sessionId)
    return entry === undefined || entry.live.closed ? undefined : entry
  }

  /** Throws `not-ready`: as of a destroyed session for one that is not registered, to come again where it is left just now. */
  of(sessionId: SessionId): Entry {
    const entry = this.peek(sessionId)
    if (entry === undefined) throw notRegistered(sessionId)
    demandRegistered(entry)
    return entry
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  /** The session as it is loaded here; one that was lost to another owner is `not-ready`. */
  live(sessionId: SessionId): LiveSession {
    const live = this.#live(sessionId)
    if (live === undefined) throw notRegistered(sessionId)
    return live
  }

  add(live: LiveSession, shared: SharedParts): Entry {
    const sessionId = live.id
    const gate = new HandleTeardownGate()
    const shownTo = new DriverAuthority(live)
    const authority = HandleDslAuthority.fromShared(shownTo, gate)
    const opsLifecycle = new OpsLifecycleRegistry({
      sessionId,
      live: () => this.live(sessionId),
      state: () => shownTo.state,
      mutate: async run => {
        if (gate.closed) throw registrationOver(sessionId)
        return unlessLeaving(entry, live.driver.mutate(run))
      },
      newId: shared.newOperation,
    })
    const entry: Entry = {
      sessionId,
      gate,
      authority,
      bindings: bindingsOf(sessionId, authority, {
        claims: shared.claims,
        authLease: shared.authLease(gate),
        opsLifecycle,
      }),
      drain: new DrainSlot(authority),
      live,
      executor: undefined,
      leaving: false,
      left: false,
      endIn: state => shownTo.endIn(state),
      preparedInterrupt: undefined,
      letGo: () => {
        unwatch()
        unpin()
      },
    }
    const unpin = live.pin()
    const { epochId } = live.state.binding
    let seen = live.state
    let stopped = isStopped(live)
    const unwatch = live.onCommit(() => {
      if (live.closed) return this.remove(entry)
      // With a new epoch all that was handed out for the old one has ended.
      if (!gate.closed && live.state.binding.epochId !== epochId) return this.#renew(entry, seen, shared)
      seen = live.state
      authority.tellOthers(false)
      const before = stopped
      stopped = isStopped(live)
      // An executor goes with a stop, whoever asked for that; one that is attached afterwards is another one.
      if (!stopped || before) return
      entry.executor = undefined
      entry.left = true
    })
    this.#entries.set(sessionId, entry)
    return entry
  }

  /** An executor serves the session from now on. */
  attach(entry: Entry, executor: CoreExecutor): void {
    entry.executor = executor
    if (executor.close !== undefined) this.#closing.add(executor)
    for (const waiting of this.#waiting.get(entry.sessionId) ?? []) waiting(executor)
    this.#waiting.delete(entry.sessionId)
  }

  /** Who serves the session, as soon as somebody does; nobody once the signal aborts. */
  async servedBy(sessionId: SessionId, signal: AbortSignal): Promise<CoreExecutor | undefined> {
    const now = this.peek(sessionId)?.executor
    if (now !== undefined || signal.aborted) return now
    const { promise, resolve } = Promise.withResolvers<CoreExecutor | undefined>()
    const waiting = this.#waiting.get(sessionId) ?? new Set()
    this.#waiting.set(sessionId, waiting.add(resolve))
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
    return promise.finally(() => waiting.delete(resolve))
  }

  /** The same registration in a new epoch, served as before; `last` is what was true at the end of the old one. */
  #renew(old: Entry, last: MeerkatState, shared: SharedParts): void {
    old.endIn(last)
    const next = this.add(old.live, shared)
    next.executor = old.executor
    next.left = old.left
    next.leaving = old.leaving
    next.preparedInterrupt = old.preparedInterrupt
    const wasDraining = old.drain.busy
    this.remove(old)
    // Its own word comes through a closed gate.
    if (wasDraining) next.authority.applyInput({ type: 'NotifyDrainExited', reason: 'Aborted' }).catch(() => {})
  }

  /** Closes everybody who served a session here, each once, at most this long. */
  async closeExecutors(clock: Clock, limitMs: number): Promise<void> {
    const executors = [...this.#closing]
    this.#closing.clear()
    await Promise.all(executors.map(executor => inTime(async () => executor.close?.(), clock, limitMs)))
  }

  clear(): void {
    for (const entry of this.all()) this.remove(entry)
  }

  /** Forgets exactly this entry: one that was registered anew meanwhile stays. */
  remove(entry: Entry): void {
    if (this.#entries.get(entry.sessionId) === entry) this.#entries.delete(entry.sessionId)
    entry.gate.close()
    entry.drain.abort()
    entry.authority.tellOthers(true)
    entry.letGo()
  }
}

function isStopped({ state: { lifecycle } }: LiveSession): boolean {
  return lifecycle.phase === 'stopped' || lifecycle.phase === 'destroyed'
}
