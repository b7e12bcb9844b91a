/** The inputs that the region `realtime` decides on. */
import type { BoundState } from './state.ts'

export interface OfAuthority {
  readonly authorityEpoch: number
}

/** ms since the epoch */
export interface RetryTimes {
  readonly nextRetryAtMs?: number
  readonly deadlineAtMs?: number
}

export type RealtimeInput =
  /** Whether a host wants the session attached. */
  | { readonly type: 'ProjectRealtimeIntent'; readonly present: boolean }
  | { readonly type: 'BeginRealtimeBinding' }
  | { readonly type: 'ReplaceRealtimeBinding' }
  | { readonly type: 'DetachRealtimeBinding' }
  | { readonly type: 'RequireRealtimeReattach' }
  | ({ readonly type: 'RequireRealtimeReattachForAuthority' } & OfAuthority)
  | ({ readonly type: 'PublishRealtimeSignal'; readonly nextBindingState: BoundState } & OfAuthority)
  | ({ readonly type: 'BeginRealtimeReconnectCycle' } & RetryTimes)
  | ({ readonly type: 'ScheduleRealtimeReconnectRetry' } & Pick<RetryTimes, 'nextRetryAtMs'>)
  | { readonly type: 'ExhaustRealtimeReconnectCycle' }
  | { readonly type: 'ClearRealtimeReconnectProgress' }
  | ({ readonly type: 'BeginLiveTopologyReconfigure' } & OfAuthority)
  | { readonly type: 'MarkLiveTopologyDetached' }
  | { readonly type: 'ApplyLiveTopologyIdentity' }
  | { readonly type: 'ApplyLiveTopologyVisibility' }
  | { readonly type: 'CompleteLiveTopology' }
  | { readonly type: 'AbortLiveTopologyBeforeDetach' }
  | { readonly type: 'FailLiveTopologyAfterDetach' }
