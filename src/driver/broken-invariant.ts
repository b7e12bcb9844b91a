/** Whether a state is one that can be, asked without keeping others waiting. */
import { messageOf } from '../foreign.ts'
import { meerkat } from '../kernel/machine.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { nextTurn } from '../turns.ts'

export interface BrokenInvariant {
  readonly invariant: string
  readonly text: string
}

/** Unfinished inputs that the invariants look through in one turn of the event loop. */
const INPUTS_A_TURN = 1_000

/** The first invariant that does not hold. Where much is unfinished, each is asked in a turn of its own. */
export async function findBrokenInvariant(state: MeerkatState): Promise<BrokenInvariant | undefined> {
  const inTurns = unfinishedCount(state) > INPUTS_A_TURN
  try {
    for (const { id, text, holds } of meerkat.invariants) {
      if (inTurns) await nextTurn()
      if (!holds(state)) return { invariant: id, text }
    }
  } catch (error) {
    // A state that was made of malformed steps may lack what the question takes for granted.
    return { invariant: 'malformed', text: messageOf(error) }
  }
  return undefined
}
