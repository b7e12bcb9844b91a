/** What the region `wiring` holds. */
import type { Edges, Externals } from './edges.ts'

export interface Wiring {
  readonly edges: Edges
  /** Whom an identity that left was wired to, for its next incarnation. */
  readonly former: Edges
  /** Pairs that were to trust each other, of which nobody has said yet that they do. */
  readonly owed: Edges
  /** Peers outside the mob that some member is wired to. */
  readonly externals: Externals
  /** Counts the changes of the graph. */
  readonly epoch: number
}
