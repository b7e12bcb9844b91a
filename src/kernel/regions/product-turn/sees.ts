import type { Standing } from '../standing.ts'
import type { ProductTurn } from './state.ts'

/** What the region `product-turn` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly productTurn: ProductTurn
}
