/** The errors that a host gets: decided by code and kind, never by text. */
import { KernelRejection } from '../driver/kernel-rejection.ts'
import { MeerkatError } from '../errors.ts'
import { TeardownRefusal } from '../handles/dsl-authority.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { RunId, SessionId } from '../kernel/ids.ts'
import { isCurrentRun } from '../kernel/regions/guards.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { beingTornDown } from '../session/serving/registration.ts'

/** An object that was handed out for a registration can't be used after it. */
export function registrationOver(sessionId: SessionId): MeerkatError {
  const message = `the registration of session ${sessionId} that this belongs to has ended: take the bindings of the new one`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** Refuses a run that is not the current one, before the kernel is asked. */
export function demandCurrentRun(what: string, state: MeerkatState, runId: RunId): void {
  if (isCurrentRun(state, { runId })) return
  const [kind, guard, context] = ['guard-rejected', 'isCurrentRun', 'meerkat/run'] as const
  throw new KernelRejection({ kind, guard, context, reason: `unmet: ${guard}` }, state, { asked: what })
}

/** The error of a refusal by the kernel: what was asked, and why it was refused. */
export function refusalOf(what: string, error: DslTransitionError): MeerkatError {
  if (error instanceof TeardownRefusal) return beingTornDown(error.sessionId, undefined, error)
  return new KernelRejection(error.refusal, undefined, { asked: what, cause: error })
}

/**
 * Answers what `act` answers; a refusal by the kernel becomes the error that every other caller gets, under the name of
 * what was asked.
 */
export async function validated<T>(what: string, act: Promise<T>): Promise<T> {
  try {
    return await act
  } catch (error) {
    throw error instanceof DslTransitionError ? refusalOf(what, error) : error
  }
}
