/** The slice's part of the explorer's key. It leaves out the frontier, the only value that times are compared with. */
import type { ProductTurn } from './state.ts'

export function productTurnInWords({ phase, freshness, policy }: ProductTurn): string {
  return `productTurn ${phase} ${freshness} ${policy}`
}
