import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { phaseShown } from '../kernel/regions/lifecycle/table.ts'
import { nextDueAt } from '../kernel/regions/schedules/table.ts'
import { completionsUntold } from '../kernel/runnable.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Head } from '../store/store.ts'

/** From when on somebody has to own the session though no input waits: operations are watched, their ends are told. */
function ownerNeededFrom(state: MeerkatState): number | undefined {
  const isWanted = state.operations.active > 0 || completionsUntold(state) !== undefined
  return isWanted ? 0 : nextDueAt(state)
}

/** What is to be known of the state without reading the log, after this many commits. */
export function headOf(state: MeerkatState, commits: number): Head {
  const { transcript } = state
  const dueAt = ownerNeededFrom(state)
  return {
    phase: phaseShown(state),
    unfinished: unfinishedCount(state),
    messages: transcript.length,
    commits,
    ...(dueAt !== undefined && { dueAt }),
  }
}
