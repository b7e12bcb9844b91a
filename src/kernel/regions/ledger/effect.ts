/** The effects of the region `ledger`. */
import type { InputId, RunId } from '../../ids.ts'
import type { Lane, Terminal } from './state.ts'
/** Effects about inputs. */
export type InputEffect =
  | { readonly type: 'InputAccepted'; readonly inputId: InputId; readonly lane: Lane }
  | { readonly type: 'AdmissionDeduplicated'; readonly inputId: InputId; readonly existing: InputId }
  | { readonly type: 'IdempotencyConflicted'; readonly inputId: InputId; readonly existing: InputId }
  | { readonly type: 'AdmissionRejected'; readonly inputId: InputId; readonly reason: string }
  | { readonly type: 'PostAdmissionSignal'; readonly signal: PostAdmissionSignal }
  | { readonly type: 'InputStaged'; readonly inputId: InputId; readonly runId: RunId; readonly attempt: number }
  | { readonly type: 'InputSteered'; readonly inputId: InputId; readonly runId: RunId; readonly boundary: number }
  | { readonly type: 'InputRequeued'; readonly inputId: InputId; readonly runId: RunId; readonly attempts: number }
  | {
      readonly type: 'InputTerminated'
      readonly inputId: InputId
      readonly terminal: Terminal
      readonly attempts: number
    }

/** A hint to the loop; order is strength. The loop is level-triggered and would find the work without it. */
export type PostAdmissionSignal = 'None' | 'WakeLoop' | 'InterruptYielding' | 'RequestImmediateProcessing'
