/** What the region `product-turn` holds. */

/** Idle; input went in; it was committed; output came without a commit; both. */
export type ProductTurnPhase = 'idle' | 'awaitingProgress' | 'committed' | 'outputStarted' | 'preemptible'

/** Whether the transport knows what the session knows; if not, whether it is to be told after the turn or at once. */
export type ProjectionFreshness = 'Clean' | 'StaleDeferred' | 'StaleImmediate'

/** What a clean close of the transport means. */
export type RealtimeReconnectPolicy = 'CleanExit' | 'ReattachAndRecover'

export interface ProductTurn {
  readonly phase: ProductTurnPhase
  readonly freshness: ProjectionFreshness
  /** ms since the epoch: up to where the transport knows the session; while stale, the newest that it is to be told. */
  readonly frontierMs: number
  readonly policy: RealtimeReconnectPolicy
}
