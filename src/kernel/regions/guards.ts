/** Guards that several regions share. */
import type { RunId, RuntimeEpochId } from '../ids.ts'
import type { Run } from './run/state.ts'
import type { Standing } from './standing.ts'

/** The input speaks of the run that is bound. */
export function isCurrentRun(state: { readonly run: Run }, input: { readonly runId: RunId }): boolean {
  return state.run.phase === 'bound' && state.run.runId === input.runId
}

export function isRegistered(state: Standing): boolean {
  return state.registration.sessionId !== undefined
}

/** Nobody is tearing the session down. */
export function notDraining(state: Standing): boolean {
  return state.registration.phase !== 'draining'
}

/** A new input is admitted, and no stop is pending, after which nobody would answer it. */
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

/** The epoch that a reset begins: an epoch is one of a registered session, and one that is being left begins no other. */
export function epochBegunBy(
  state: Standing,
  input: { readonly epochId?: RuntimeEpochId },
): RuntimeEpochId | undefined {
  return isRegistered(state) && notDraining(state) ? input.epochId : undefined
}
