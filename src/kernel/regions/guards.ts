/** Guards that several regions share. */
import type { RunId, RuntimeEpochId } from '../ids.ts'
import type { Run } from './run/state.ts'
import type { Standing } from './standing.ts'

/** The input names the current run. */
export function isCurrentRun(state: { readonly run: Run }, input: { readonly runId: RunId }): boolean {
  return state.run.phase === 'bound' && state.run.runId === input.runId
}

export function isRegistered(state: Standing): boolean {
  return state.registration.sessionId !== undefined
}

/** The session is not being torn down. */
export function notDraining(state: Standing): boolean {
  return state.registration.phase !== 'draining'
}

/** The session admits a new input: it is open, and no stop is pending that would leave the input unanswered. */
export function admitsWork({ lifecycle, registration }: Standing): boolean {
  if (registration.sessionId === undefined || registration.phase === 'draining') return false
  switch (lifecycle.phase) {
    case 'idle':
      return true
    case 'attached':
      return !lifecycle.stopDeferred
    case 'running':
      return lifecycle.preRun !== 'retired' && !lifecycle.stopDeferred
    default:
      return false
  }
}

/** The epoch that a reset begins; none for an unregistered session and for one that is being torn down. */
export function epochBegunBy(
  state: Standing,
  input: { readonly epochId?: RuntimeEpochId },
): RuntimeEpochId | undefined {
  return isRegistered(state) && notDraining(state) ? input.epochId : undefined
}
