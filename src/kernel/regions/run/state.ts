/** What the region `run` holds. */
import type { InputId, RunId } from '../../ids.ts'

export type Run =
  | { readonly phase: 'none' }
  | {
      readonly phase: 'bound'
      readonly runId: RunId
      /** The head of the work first. */
      readonly contributors: readonly InputId[]
      /** Boundaries committed so far. */
      readonly boundary: number
      /** The work has a journal: from this run or an earlier attempt. */
      readonly progressed: boolean
      readonly cancel: 'none' | 'boundary' | 'now'
      /** It ends at its boundary; an answer that it comes to before counts. */
      readonly keepsAnswer?: true
      readonly startedAt: number
    }
