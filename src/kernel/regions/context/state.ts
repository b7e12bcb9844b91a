/** What the region `context` holds. */

export interface Context {
  /** ms since the epoch; 0 before the first change this process heard of. */
  readonly updatedAt: number
}
