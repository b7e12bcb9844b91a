import type { OperationCursors } from '../kernel/regions/operations/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'
import { refuseUnreadable } from './unreadable.ts'

/** Numbers of completions; each only rises. */
export interface EpochCursorSnapshot {
  /** The last one that the agent's conversation has. */
  readonly agentAppliedCursor: number
  /** The last one that the runtime saw. */
  readonly runtimeObservedSeq: number
  /** The last one that an input told of. */
  readonly runtimeLastInjectedSeq: number
}

/** Reads the cursors of a session; they are the kernel's, so what was recovered is what is read. */
export class EpochCursorState {
  readonly #read: () => OperationCursors

  private constructor(read: () => OperationCursors) {
    this.#read = read
  }

  static of(authority: HandleDslAuthority): EpochCursorState {
    return new EpochCursorState(() => authority.snapshotState().operations.cursors)
  }

  /** The cursors as a recovered state has them. */
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
