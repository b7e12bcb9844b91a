/** The slice of the region `product-turn`. */

/** No turn; input was given; input was committed; output began without a commit; both. */
export type ProductTurnPhase = 'idle' | 'awaitingProgress' | 'committed' | 'outputStarted' | 'preemptible'

/** Whether the transport has the session's context; if not, whether to update it after the turn or at once. */
export type ProjectionFreshness = 'Clean' | 'StaleDeferred' | 'StaleImmediate'

/** What a clean close of the transport means. */
export type RealtimeReconnectPolicy = 'CleanExit' | 'ReattachAndRecover'

export interface ProductTurn {
  readonly phase: ProductTurnPhase
  readonly freshness: ProjectionFreshness
  /** Up to when the transport has the session's context, ms since the epoch; while stale, up to when it should be updated. */
  readonly frontierMs: number
  readonly policy: RealtimeReconnectPolicy
}
