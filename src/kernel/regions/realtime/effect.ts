/** The effects of the region `realtime`. */
import type { OfAuthority, RetryTimes } from './input.ts'
import type { LiveTopologyPhase } from './state.ts'

export type RealtimeEffect =
  | { readonly type: 'RealtimeIntentProjected'; readonly present: boolean }
  /** From now on inputs about the binding have to name this authority epoch. */
  | ({ readonly type: 'RealtimeBindingRotated' } & OfAuthority)
  | ({ readonly type: 'RealtimeReconnectProgressProjected'; readonly attemptCount: number } & RetryTimes)
  | { readonly type: 'LiveTopologyPhaseChanged'; readonly phase: LiveTopologyPhase }
