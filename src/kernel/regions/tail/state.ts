/** What the region `tail` holds. */
import type { RunId } from '../../ids.ts'

export interface Tail {
  /** The newest that was recovered. */
  readonly recovered?: { readonly runId: RunId; readonly boundarySequence: number }
}
