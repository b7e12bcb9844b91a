/** A registration: the session is served here by an executor of its own, or is about to be, for as long as it stands. */
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
 * Why an executor serves its session no more: its host left the session, the session was stopped or destroyed, another
 * process has it or its store stayed away, or the runtime closed.
 */
export type ServingEnd = 'left' | 'stopped' | 'lost' | 'closed'

/** An executor at its session. It goes with the registration into a new epoch. */
export interface Service {
  readonly executor: CoreExecutor
  readonly ended: (why: ServingEnd) => void
}

export interface Registration {
  readonly sessionId: SessionId
  /** The copy of the session that it was made over. */
  readonly live: LiveSession
  /** Absent: the runtime's executor serves it, or its inputs wait. */
  service: Service | undefined
  /** Its host leaves it: what is asked of it from now on is to be asked again afterwards. */
  leaving: boolean
  /** Its executor was taken away by a stop: another process that asks for the session may have it. */
  left: boolean
  /** The last step of its teardown is next, or was taken. */
  closed: boolean
  /** The handles that a host has made for its agent. */
  attachment: Attachment | undefined
  /** Lets the session go. */
  readonly letGo: () => void
}

/** What a host hangs on a registration: it ends with it. */
export interface Attachment {
  readonly bindings: unknown
  /** The session may have changed. */
  readonly changed: () => void
  /** Tells its background work to stop. */
  readonly abort: () => void
  /** Waits for that, at most so long; answers whether it has stopped. */
  readonly rest: (clock: Clock, limitMs: number) => Promise<boolean>
  /** It takes nothing in any more. */
  readonly close: () => void
  /** From now on it shows this state, whichever process has the session. */
  readonly endIn: (state: MeerkatState) => void
  /** The registration goes on as this one, in a new epoch. */
  readonly renew: (next: Registration) => void
  /** The registration has ended. */
  readonly ended: () => void
}

/** The refusal for a session that is not registered: as if it were destroyed. */
export function notRegistered(sessionId: SessionId): MeerkatError {
  const message = `session ${sessionId} is not registered with this machine: register it first`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** It is registered, and not in a state for this. */
export function notReady(sessionId: SessionId, phase: LifecyclePhase, needs: string): MeerkatError {
  const message = `session ${sessionId} is ${phase}: ${needs}`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase } })
}

/** Whether its teardown began and has not come to its end. */
export function isDraining({ registration }: MeerkatState): boolean {
  return registration.phase === 'draining'
}

/** Its host is leaving: soon it is there again, for the next one who asks. */
export function beingTornDown(sessionId: SessionId, state: MeerkatState | undefined, cause?: unknown): MeerkatError {
  const open = state === undefined ? [] : openObligations(state)
  const message = `session ${sessionId} is being torn down: ask again afterwards`
  return new MeerkatError('not-ready', message, {
    retryable: true,
    details: { sessionId, draining: true, open },
    cause,
  })
}

/** Throws once the last step of its teardown is taken: what comes after that would reach the next registration. */
export function demandRegistered({ sessionId, live, closed, leaving }: Registration): void {
  if (leaving && closed) throw beingTornDown(sessionId, live.state)
}

/** What is refused while the session is torn down is refused for that, whatever stood in its way. */
export async function unlessLeaving<T>(registration: Registration, act: Promise<T>): Promise<T> {
  const { sessionId, live } = registration
  try {
    return await act
  } catch (error) {
    const isEnding = registration.leaving || isDraining(live.state)
    throw isEnding && isOfTeardown(error) ? beingTornDown(sessionId, live.state, error) : error
  }
}

/** A step that the kernel refused, or one that came when the session had been let go. */
function isOfTeardown(error: unknown): boolean {
  return (
    error instanceof KernelRejection ||
    error instanceof DslTransitionError ||
    asMeerkatError(error).code === 'not-owner'
  )
}
