/** What a host is told when it asks for something that can't be: by kind, never by text. */
import { MeerkatError } from '../errors.ts'
import { TeardownRefusal } from '../handles/dsl-authority.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { SessionId } from '../kernel/ids.ts'
import { beingTornDown } from '../session/serving/registration.ts'

/** What was handed out for a registration is of no use in the next one. */
export function registrationOver(sessionId: SessionId): MeerkatError {
  const message = `the registration of session ${sessionId} that this belongs to has ended: take the bindings of the new one`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
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
