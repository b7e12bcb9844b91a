/** The slice of the region `tail`. */
import type { RunId } from '../../ids.ts'

export interface Tail {
  /** The boundary that was recovered last. */
  readonly recovered?: { readonly runId: RunId; readonly boundarySequence: number }
}
