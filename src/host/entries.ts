/** The handles of the registered sessions: made with a registration, and ended with it. */
import type { AuthLeaseHandle } from '../auth/lease.ts'
import { DriverAuthority, HandleDslAuthority, HandleTeardownGate } from '../handles/dsl-authority.ts'
import type { SessionClaimHandle } from '../handles/session-claim.ts'
import type { OperationId, SessionId } from '../kernel/ids.ts'
import type { LiveSession } from '../session/live-session.ts'
import {
  type Attachment,
  demandRegistered,
  notRegistered,
  type Registration,
  unlessLeaving,
} from '../session/serving/registration.ts'
import type { Serving } from '../session/serving/serving.ts'
import { bindingsOf, type SessionRuntimeBindings } from './bindings.ts'
import { DrainSlot } from './drain-slot.ts'
import { registrationOver } from './errors.ts'
import { OpsLifecycleRegistry } from './operations.ts'

/** Interrupts the work of an executor's run, wherever it is. */
export interface InterruptHandle {
  interrupt(reason: string): void | Promise<void>
}

export interface Entry extends Attachment {
  readonly sessionId: SessionId
  readonly registration: Registration
  readonly gate: HandleTeardownGate
  readonly authority: HandleDslAuthority
  readonly bindings: SessionRuntimeBindings
  readonly drain: DrainSlot
  /** The copy of the session that it was registered with. */
  readonly live: LiveSession
  /** Interrupts work until an executor is attached. */
  preparedInterrupt: InterruptHandle | undefined
}

/** What all sessions of a machine share. */
interface SharedParts {
  readonly claims: SessionClaimHandle
  /** The credentials, behind the session's gate. */
  readonly authLease: (gate: HandleTeardownGate) => AuthLeaseHandle
  readonly newOperation: () => OperationId
}

export class Entries {
  /** Called when a served session has another model, whichever caller changed it. */
  onModel: ((sessionId: SessionId) => void) | undefined
  readonly #entries = new WeakMap<Registration, Entry>()
  readonly #live: (id: SessionId) => LiveSession | undefined
  readonly #serving: Serving
  readonly #shared: SharedParts

  constructor(live: (id: SessionId) => LiveSession | undefined, serving: Serving, shared: SharedParts) {
    this.#live = live
    this.#serving = serving
    this.#shared = shared
    serving.attachEach(registration => this.#make(registration))
  }

  /** The handles of a registered session. */
  peek(sessionId: SessionId): Entry | undefined {
    const registration = this.#serving.peek(sessionId)
    return registration && this.#entries.get(registration)
  }

  /**
   * Throws `not-ready` for a session that is not registered; where its host is just leaving it, the caller may try
   * again.
   */
  of(sessionId: SessionId): Entry {
    const entry = this.peek(sessionId)
    if (entry === undefined) throw notRegistered(sessionId)
    demandRegistered(entry.registration)
    return entry
  }

  all(): readonly Entry[] {
    return this.#serving.registrations.flatMap(registration => this.#entries.get(registration) ?? [])
  }

  /** The loaded session; `not-ready` where it was lost to another owner. */
  live(sessionId: SessionId): LiveSession {
    const live = this.#live(sessionId)
    if (live === undefined) throw notRegistered(sessionId)
    return live
  }

  /** Whether a run of the session that starts now would have an executor. */
  isServed(sessionId: SessionId): boolean {
    return this.#serving.of(sessionId) !== undefined
  }

  #make(registration: Registration): Entry {
    const { sessionId, live } = registration
    const gate = new HandleTeardownGate()
    const shownTo = new DriverAuthority(live)
    const authority = HandleDslAuthority.fromShared(shownTo, gate)
    const opsLifecycle = new OpsLifecycleRegistry({
      sessionId,
      live: () => this.live(sessionId),
      state: () => shownTo.state,
      mutate: async run => {
        if (gate.closed) throw registrationOver(sessionId)
        return unlessLeaving(registration, live.driver.mutate(run))
      },
      newId: this.#shared.newOperation,
    })
    const { claims, authLease } = this.#shared
    const drain = new DrainSlot(authority)
    let model = live.state.llm
    const entry: Entry = {
      sessionId,
      registration,
      live,
      gate,
      authority,
      drain,
      bindings: bindingsOf(sessionId, authority, { claims, authLease: authLease(gate), opsLifecycle }),
      preparedInterrupt: undefined,
      changed: () => {
        authority.tellOthers(false)
        if (live.state.llm === model) return
        model = live.state.llm
        if (model.phase !== 'unknown' && !registration.leaving && this.isServed(sessionId)) this.onModel?.(sessionId)
      },
      abort: () => drain.abort(),
      rest: (clock, limitMs) => drain.wait(clock, limitMs),
      close: () => gate.close(),
      endIn: state => shownTo.endIn(state),
      renew: next => this.#renew(entry, next),
      ended: () => authority.tellOthers(true),
    }
    this.#entries.set(registration, entry)
    return entry
  }

  #renew(old: Entry, registration: Registration): void {
    const next = this.#entries.get(registration)
    if (next === undefined) return
    next.preparedInterrupt = old.preparedInterrupt
    // The old task's own report comes through a gate that is closed already.
    if (old.drain.busy) next.authority.applyInput({ type: 'NotifyDrainExited', reason: 'Aborted' }).catch(() => {})
  }
}
