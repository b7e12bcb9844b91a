/** The slice of the region `context`. */

export interface Context {
  /** ms since the epoch; 0 before the first change in this process. */
  readonly updatedAt: number
}
