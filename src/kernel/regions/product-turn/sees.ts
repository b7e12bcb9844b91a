import type { Standing } from '../standing.ts'
import type { ProductTurn } from './state.ts'

/** What the region `product-turn` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly productTurn: ProductTurn
}
