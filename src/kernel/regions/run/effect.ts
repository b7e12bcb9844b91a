/** The effects of the region `run`. */
import type { InputId, RunId } from '../../ids.ts'
import type { TurnTerminalCause, TurnTerminalOutcome } from '../turn/state.ts'

/** Effects about runs. */
export type RunEffect =
  | { readonly type: 'SubmitRunPrimitive'; readonly runId: RunId; readonly contributors: readonly InputId[] }
  | {
      readonly type: 'BoundaryApplied'
      readonly runId: RunId
      readonly boundary: number
      readonly contributors: readonly InputId[]
      readonly steered: readonly InputId[]
    }
  | { readonly type: 'RequestCancellationAtBoundary'; readonly runId: RunId }
  | { readonly type: 'WakeInterrupt'; readonly runId: RunId }
  | { readonly type: 'BoundaryCancelAlreadyPending'; readonly runId: RunId }
  | { readonly type: 'RunCompleted'; readonly runId: RunId }
  | {
      readonly type: 'RunFailed'
      readonly runId: RunId
      readonly outcome: TurnTerminalOutcome
      readonly cause: TurnTerminalCause
    }
  | { readonly type: 'RunCancelled'; readonly runId: RunId }
  | { readonly type: 'RunRolledBack'; readonly runId: RunId; readonly cause: RollbackCause }

/** Why a run ended without an outcome. */
export type RollbackCause =
  /** The executor failed; the attempt counts. */
  | 'attempt-failed'
  /** The owner died; the attempt counts. */
  | 'recovered'
  /** The owner closed in good order; the attempt does not count. */
  | 'interrupted'
  /** A tool call waits for a person; the attempt does not count. */
  | 'parked'
