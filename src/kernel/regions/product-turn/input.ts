/** The inputs that the region `product-turn` decides on. */

export type ProductTurnInput =
  | { readonly type: 'ProductTurnInFlight' }
  | { readonly type: 'ProductTurnCommitted' }
  | { readonly type: 'ProductOutputStarted' }
  | { readonly type: 'ProductTurnInterrupted' }
  | { readonly type: 'ProductTurnTerminal' }
  /** The session's context has advanced to this time, ms since the epoch. */
  | { readonly type: 'RealtimeProjectionAdvanceObserved'; readonly advancedAtMs: number }
  /** The transport got the context up to this time, ms since the epoch. */
  | { readonly type: 'RealtimeProjectionRefreshed'; readonly observedMs: number }
  /** A new transport begins with the context up to this time, ms since the epoch. */
  | { readonly type: 'RealtimeProjectionReset'; readonly baselineMs: number }
  | { readonly type: 'ClassifyRealtimeClientInputSubmitted' }
  | { readonly type: 'ClassifyRealtimeMidTurnActivity' }
  | { readonly type: 'ClassifyRealtimeTurnTerminated' }
