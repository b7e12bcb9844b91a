/** What a host is told when it asks for something that can't be: by kind, never by text. */
import { MeerkatError } from '../errors.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { LifecyclePhase } from '../kernel/regions/lifecycle.ts'

/** The host knows no such session: `NotReady`, as if it were destroyed. */
export function notRegistered(sessionId: SessionId): MeerkatError {
  const message = `session ${sessionId} is not registered with this machine: register it first`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** It is registered, and not in a state for this. */
export function notReady(sessionId: SessionId, phase: LifecyclePhase, needs: string): MeerkatError {
  const message = `session ${sessionId} is ${phase}: ${needs}`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase } })
}

/** The machine refused what was asked: what was asked, and why not. */
function validationFailed(what: string, error: unknown): MeerkatError {
  if (!(error instanceof DslTransitionError)) throw error
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
