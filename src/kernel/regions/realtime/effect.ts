/** What leaves the region `realtime`. */
import type { OfAuthority, RetryTimes } from './input.ts'
import type { LiveTopologyPhase } from './state.ts'

export type RealtimeEffect =
  | { readonly type: 'RealtimeIntentProjected'; readonly present: boolean }
  /** Whoever speaks for the binding from now on names this epoch. */
  | ({ readonly type: 'RealtimeBindingRotated' } & OfAuthority)
  | ({ readonly type: 'RealtimeReconnectProgressProjected'; readonly attemptCount: number } & RetryTimes)
  | { readonly type: 'LiveTopologyPhaseChanged'; readonly phase: LiveTopologyPhase }
