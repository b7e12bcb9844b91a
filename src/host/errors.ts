/** What a host is told when it asks for something that can't be: by kind, never by text. */
import { KernelRejection } from '../driver/kernel-rejection.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import { TeardownRefusal } from '../handles/dsl-authority.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { LifecyclePhase } from '../kernel/regions/lifecycle/state.ts'
import { openObligations } from '../kernel/regions/registration/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { LiveSession } from '../session/live-session.ts'

/** The host knows no such session: `NotReady`, as if it were destroyed. */
export function notRegistered(sessionId: SessionId): MeerkatError {
  const message = `session ${sessionId} is not registered with this machine: register it first`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** What was handed out for a registration is of no use in the next one. */
export function registrationOver(sessionId: SessionId): MeerkatError {
  const message = `the registration of session ${sessionId} that this belongs to has ended: take the bindings of the new one`
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

/** Its host is leaving: soon it is there again, for whoever asks. */
export function beingTornDown(sessionId: SessionId, state: MeerkatState | undefined, cause?: unknown): MeerkatError {
  const open = state === undefined ? [] : openObligations(state)
  const message = `session ${sessionId} is being torn down: ask again afterwards`
  return new MeerkatError('not-ready', message, {
    retryable: true,
    details: { sessionId, draining: true, open },
    cause,
  })
}

/** A registration, as far as its end goes. */
interface Registration {
  readonly sessionId: SessionId
  readonly live: LiveSession
  /** Closed right before the last step of the teardown. */
  readonly gate: { readonly closed: boolean }
  /** Its host leaves it. */
  readonly leaving: boolean
}

/** Throws once the last step of its teardown is taken: what comes after that would reach the next registration. */
export function demandRegistered({ sessionId, live, gate, leaving }: Registration): void {
  if (leaving && gate.closed) throw beingTornDown(sessionId, live.state)
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

/** The machine refused what was asked: what was asked, and why not. */
function validationFailed(what: string, error: unknown): MeerkatError {
  if (!(error instanceof DslTransitionError)) throw error
  if (error instanceof TeardownRefusal) return beingTornDown(error.sessionId, undefined, error)
  const details = { kind: error.kind, context: error.context, reason: error.reason }
  return new MeerkatError('rejected', `${what} was refused: ${error.reason}`, { details, cause: error })
}

/** Answers what `act` answers; a refusal of the machine as `rejected`. */
export async function validated<T>(what: string, act: Promise<T>): Promise<T> {
  try {
    return await act
  } catch (error) {
    throw validationFailed(what, error)
  }
}
