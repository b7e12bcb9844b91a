/** Guards that several regions share. */
import type { RunId } from '../ids.ts'
import type { MeerkatState } from '../machine.ts'

/** The input speaks of the run that is bound. */
export function isCurrentRun(state: MeerkatState, input: { readonly runId: RunId }): boolean {
  return state.run.phase === 'bound' && state.run.runId === input.runId
}

export function isRegistered(state: MeerkatState): boolean {
  return state.registration.sessionId !== undefined
}

/** Nobody is tearing the session down. */
export function notDraining(state: MeerkatState): boolean {
  return state.registration.phase !== 'draining'
}
