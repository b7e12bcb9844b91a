/** The inputs that the region `calls` decides on. */
import type { CallId, RunId } from '../../ids.ts'
import type { CallPolicy } from './state.ts'

export interface CallIntent {
  readonly callId: CallId
  readonly tool: string
  readonly policy: CallPolicy
  readonly needsApproval?: boolean
  /** For a call that needs approval: the decision that applies if no person decides within this time. */
  readonly expiry?: { readonly afterMs: number; readonly decision: 'allow' | 'deny' }
}

export type CallsInput =
  /** Written before anything is dispatched. */
  | {
      readonly type: 'RecordCallIntents'
      readonly runId: RunId
      readonly calls: readonly CallIntent[]
      readonly at: number
    }
  /** Dispatches calls that are owed: approved ones, and lost ones that may be repeated. */
  | { readonly type: 'DispatchCalls'; readonly runId: RunId; readonly callIds: readonly CallId[]; readonly at: number }
  | {
      readonly type: 'RecordCallOutcomes'
      readonly runId: RunId
      readonly outcomes: readonly { readonly callId: CallId; readonly ok: boolean }[]
      readonly at: number
    }
  /** A person decides how a call ended whose outcome was lost. */
  | {
      readonly type: 'ResolveCall'
      readonly callId: CallId
      readonly resolution: 'retry' | 'succeeded' | 'failed'
      readonly at: number
    }
  | {
      readonly type: 'DecideApproval'
      readonly callId: CallId
      readonly decision: 'allow' | 'deny'
      readonly at: number
    }
