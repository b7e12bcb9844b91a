/** The inputs that the region `run` decides on. */
import type { RunId } from '../../ids.ts'

export type RunInput =
  /**
   * Cancels at the next boundary. `runId` absent: the current run, resolved in this step. `keepsAnswer`: if that boundary
   * ends the run with an answer, the run is completed, not cancelled.
   */
  | {
      readonly type: 'CancelAfterBoundary'
      readonly runId?: RunId
      readonly reason?: string
      readonly keepsAnswer?: true
    }
  /** Cancels now. */
  | { readonly type: 'InterruptCurrentRun'; readonly runId?: RunId; readonly reason?: string }
