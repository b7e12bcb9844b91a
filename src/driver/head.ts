import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import { nextDueAt } from '../kernel/regions/schedules/table.ts'
import { completionsUntold } from '../kernel/runnable.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Head } from '../store/store.ts'

/** From when on the session needs an owner though no input waits: the owner watches operations and reports their ends. */
function ownerNeededFrom(state: MeerkatState): number | undefined {
  const isWanted = state.operations.active > 0 || completionsUntold(state) !== undefined
  return isWanted ? 0 : nextDueAt(state)
}

/** The facts of the state that lists and the caretaker read without loading the session. */
export function headOf(state: MeerkatState, commits: number): Head {
  const { transcript } = state
  const dueAt = ownerNeededFrom(state)
  return {
    phase: phaseShown(state.lifecycle),
    unfinished: unfinishedCount(state),
    messages: transcript.length,
    commits,
    ...(dueAt !== undefined && { dueAt }),
  }
}
