/** The effects of the region `product-turn`. */
import type { ProductTurnPhase, ProjectionFreshness, RealtimeReconnectPolicy } from './state.ts'

export type ProductTurnEffect =
  | { readonly type: 'RealtimeProductTurnPhaseChanged'; readonly phase: ProductTurnPhase }
  | {
      readonly type: 'RealtimeProjectionFreshnessChanged'
      readonly freshness: ProjectionFreshness
      readonly frontierMs: number
    }
  | { readonly type: 'RealtimeReconnectPolicyChanged'; readonly policy: RealtimeReconnectPolicy }
