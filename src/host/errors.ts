/** What a host is told when it asks for something that can't be: by kind, never by text. */
import { KernelRejection } from '../driver/kernel-rejection.ts'
import { MeerkatError } from '../errors.ts'
import { TeardownRefusal } from '../handles/dsl-authority.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { RunId, SessionId } from '../kernel/ids.ts'
import { isCurrentRun } from '../kernel/regions/guards.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { beingTornDown } from '../session/serving/registration.ts'

/** What was handed out for a registration is of no use in the next one. */
export function registrationOver(sessionId: SessionId): MeerkatError {
  const message = `the registration of session ${sessionId} that this belongs to has ended: take the bindings of the new one`
  return new MeerkatError('not-ready', message, { details: { sessionId, phase: 'destroyed' } })
}

/** A run that is not the current one is a matter of the request, whatever the session does meanwhile. */
export function demandCurrentRun(what: string, state: MeerkatState, runId: RunId): void {
  if (isCurrentRun(state, { runId })) return
  const [kind, guard, context] = ['guard-rejected', 'isCurrentRun', 'meerkat/run'] as const
  throw new KernelRejection({ kind, guard, context, reason: `unmet: ${guard}` }, state, { asked: what })
}

/** The machine refused what was asked: what was asked, and why not. */
export function refusalOf(what: string, error: DslTransitionError): MeerkatError {
  if (error instanceof TeardownRefusal) return beingTornDown(error.sessionId, undefined, error)
  return new KernelRejection(error.refusal, undefined, { asked: what, cause: error })
}

/** Answers what `act` answers; a refusal of the machine as every other caller is told it, by the name of what was asked. */
export async function validated<T>(what: string, act: Promise<T>): Promise<T> {
  try {
    return await act
  } catch (error) {
    throw error instanceof DslTransitionError ? refusalOf(what, error) : error
  }
}
