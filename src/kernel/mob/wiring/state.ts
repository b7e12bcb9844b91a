/** The slice of the region `wiring`. */
import type { Edges, Externals } from './edges.ts'

export interface Wiring {
  readonly edges: Edges
  /** The edges of identities that left, for their next incarnation. */
  readonly former: Edges
  /** Pairs that should trust each other and have not been reported to do so. */
  readonly owed: Edges
  /** Peers outside the mob with an edge to a member. */
  readonly externals: Externals
  /** Rises with every change of the graph. */
  readonly epoch: number
}
