/** What the region `product-turn` decides on. */

export type ProductTurnInput =
  | { readonly type: 'ProductTurnInFlight' }
  | { readonly type: 'ProductTurnCommitted' }
  | { readonly type: 'ProductOutputStarted' }
  | { readonly type: 'ProductTurnInterrupted' }
  | { readonly type: 'ProductTurnTerminal' }
  /** The session learnt something. ms since the epoch. */
  | { readonly type: 'RealtimeProjectionAdvanceObserved'; readonly advancedAtMs: number }
  /** The transport was told up to here. ms since the epoch. */
  | { readonly type: 'RealtimeProjectionRefreshed'; readonly observedMs: number }
  /** A transport begins with this knowledge. ms since the epoch. */
  | { readonly type: 'RealtimeProjectionReset'; readonly baselineMs: number }
  | { readonly type: 'ClassifyRealtimeClientInputSubmitted' }
  | { readonly type: 'ClassifyRealtimeMidTurnActivity' }
  | { readonly type: 'ClassifyRealtimeTurnTerminated' }
