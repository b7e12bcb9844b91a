/** Checks a loaded state against the kernel's invariants without blocking the event loop for long. */
import { messageOf } from '../foreign.ts'
import { meerkat } from '../kernel/machine.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { nextTurn } from '../turns.ts'

export interface BrokenInvariant {
  readonly invariant: string
  readonly text: string
}

/** Above this many unfinished inputs, each invariant gets a turn of the event loop of its own. */
const INPUTS_A_TURN = 1_000

/** The first invariant that the state breaks; undefined where all hold. */
export async function findBrokenInvariant(state: MeerkatState): Promise<BrokenInvariant | undefined> {
  const inTurns = unfinishedCount(state) > INPUTS_A_TURN
  try {
    for (const { id, text, holds } of meerkat.invariants) {
      if (inTurns) await nextTurn()
      if (!holds(state)) return { invariant: id, text }
    }
  } catch (error) {
    // An invariant may read fields that a state made of malformed steps does not have.
    return { invariant: 'malformed', text: messageOf(error) }
  }
  return undefined
}
