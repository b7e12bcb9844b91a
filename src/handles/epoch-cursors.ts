import type { OperationCursors } from '../kernel/regions/operations/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'

/** Numbers of completions; each of them only rises. */
export interface EpochCursorSnapshot {
  /** The last completion that the agent's conversation contains. */
  readonly agentAppliedCursor: number
  /** The last completion that the runtime saw. */
  readonly runtimeObservedSeq: number
  /** The last completion that an input told the session of. */
  readonly runtimeLastInjectedSeq: number
}

/** Reads the cursors of a session. They are kernel state, so they survive recovery. */
export class EpochCursorState {
  readonly #read: () => OperationCursors

  private constructor(read: () => OperationCursors) {
    this.#read = read
  }

  static of(authority: HandleDslAuthority): EpochCursorState {
    return new EpochCursorState(() => authority.snapshotState().operations.cursors)
  }

  /** The cursors in a recovered state. */
  static fromRecovered(state: Pick<MeerkatState, 'operations'>): EpochCursorState {
    return new EpochCursorState(() => state.operations.cursors)
  }

  snapshot(): EpochCursorSnapshot {
    const { agentApplied, runtimeObserved, runtimeInjected } = this.#read()
    return {
      agentAppliedCursor: agentApplied,
      runtimeObservedSeq: runtimeObserved,
      runtimeLastInjectedSeq: runtimeInjected,
    }
  }
}
refuseUnreadable(EpochCursorState)
