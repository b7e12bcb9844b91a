/** What of the slice the explorer tells apart. Left out: the frontier, with which alone times are compared. */
import type { ProductTurn } from './state.ts'

export function productTurnInWords({ phase, freshness, policy }: ProductTurn): string {
  return `productTurn ${phase} ${freshness} ${policy}`
}
