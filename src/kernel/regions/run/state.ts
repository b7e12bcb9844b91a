/** The slice of the region `run`. */
import type { InputId, RunId } from '../../ids.ts'

export type Run =
  | { readonly phase: 'none' }
  | {
      readonly phase: 'bound'
      readonly runId: RunId
      /** The inputs of the run; the first one is the head of its work. */
      readonly contributors: readonly InputId[]
      /** Boundaries committed so far. */
      readonly boundary: number
      /** Whether the work has a journal, from this run or an earlier attempt. */
      readonly progressed: boolean
      readonly cancel: 'none' | 'boundary' | 'now'
      /** With a cancel at the boundary: an answer that the run gives until then counts. */
      readonly keepsAnswer?: true
      readonly startedAt: number
    }
