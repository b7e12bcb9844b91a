/** What the region `run` decides on. */
import type { RunId } from '../../ids.ts'

export type RunInput =
  /**
   * Cancels at the next boundary. Without `runId`: whatever run is current, resolved here and now. `keepsAnswer`: a
   * boundary that ends the run with an answer is not in the way of that.
   */
  | {
      readonly type: 'CancelAfterBoundary'
      readonly runId?: RunId
      readonly reason?: string
      readonly keepsAnswer?: true
    }
  /** Cancels now. */
  | { readonly type: 'InterruptCurrentRun'; readonly runId?: RunId; readonly reason?: string }
