/** A registration: as long as it stands, this process serves the session by an executor of its own, or is about to. */
import { KernelRejection } from '../../driver/kernel-rejection.ts'
import { asMeerkatError, MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import { DslTransitionError } from '../../kernel/authority.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { LifecyclePhase } from '../../kernel/regions/lifecycle/state.ts'
import { openObligations } from '../../kernel/regions/registration/table.ts'
import type { MeerkatState } from '../../kernel/state.ts'
import type { Clock } from '../../time.ts'
import type { LiveSession } from '../live-session.ts'

/**
 * Why an executor no longer serves its session: its host left the session, the session was stopped or destroyed, the
 * session was lost to another process or to a failing store, or the runtime closed.
 */
export type ServingEnd = 'left' | 'stopped' | 'lost' | 'closed'

/** An executor and the session that it serves. It is carried over when a reset begins a new epoch. */
export interface Service {
  readonly executor: CoreExecutor
  readonly ended: (why: ServingEnd) => void
}

export interface Registration {
  readonly sessionId: SessionId
  /** The copy of the session that it was made for. */
  readonly live: LiveSession
  /** Absent: the runtime's executor serves the session, or its inputs wait. */
  service: Service | undefined
  /** Its host is leaving: new calls are refused, to be repeated afterwards. */
  leaving: boolean
  /** A stop took its executor away: another process that asks for the session may have it. */
  left: boolean
  /** The last step of its teardown is about to be taken, or was. */
  closed: boolean
  /** The handles that a host has made for its agent. */
  attachment: Attachment | undefined
  /** Unpins the session. */
  readonly letGo: () => void
}

/** What a host attaches to a registration; it ends with the registration. */
export interface Attachment {
  readonly bindings: unknown
  /** Called when the session may have changed. */
  readonly changed: () => void
  /** Tells its background work to stop. */
  readonly abort: () => void
  /** Waits for that, no longer than the limit; answers whether it has stopped. */
  readonly rest: (clock: Clock, limitMs: number) => Promise<boolean>
  /** Refuses calls from now on. */
  readonly close: () => void
  /** From now on it shows this state, whichever process owns the session. */
  readonly endIn: (state: MeerkatState) => void
  /** The registration continues as `next`, in a new epoch. */
  readonly renew: (next: Registration) => void
  /** The registration has ended. */
  readonly ended: () => void
}

/** The refusal for a session that is not registered; it looks like the one for a destroyed session. */
export function notRegistered(sessionId: SessionId): MeerkatError {
  const message = `session ${sessionId} is not registered with this machine: register it first`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** The refusal for a registered session whose phase does not allow the call. */
export function notReady(sessionId: SessionId, phase: LifecyclePhase, needs: string): MeerkatError {
  const message = `session ${sessionId} is ${phase}: ${needs}`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase } })
}

/** Whether its teardown has begun and not ended. */
export function isDraining({ registration }: MeerkatState): boolean {
  return registration.phase === 'draining'
}

/** The refusal while its host leaves: soon the session can be registered again. */
export function beingTornDown(sessionId: SessionId, state: MeerkatState | undefined, cause?: unknown): MeerkatError {
  const open = state === undefined ? [] : openObligations(state)
  const message = `session ${sessionId} is being torn down: ask again afterwards`
  return new MeerkatError('not-ready', message, {
    retryable: true,
    details: { sessionId, draining: true, open },
    cause,
  })
}

/** Throws once the last step of its teardown is taken: what came after it would reach the next registration. */
export function demandRegistered({ sessionId, live, closed, leaving }: Registration): void {
  if (leaving && closed) throw beingTornDown(sessionId, live.state)
}

/** A call that fails while the session is torn down fails for that reason, whatever else refused it. */
export async function unlessLeaving<T>(registration: Registration, act: Promise<T>): Promise<T> {
  const { sessionId, live } = registration
  try {
    return await act
  } catch (error) {
    const isEnding = registration.leaving || isDraining(live.state)
    throw isEnding && isOfTeardown(error) ? beingTornDown(sessionId, live.state, error) : error
  }
}

/** Whether the kernel refused the step, or the session had been let go before it. */
function isOfTeardown(error: unknown): boolean {
  return (
    error instanceof KernelRejection ||
    error instanceof DslTransitionError ||
    asMeerkatError(error).code === 'not-owner'
  )
}
