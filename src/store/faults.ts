/** Named crash points of a store's commit path, injected by tests; production gives none. */
export interface StoreFaults {
  /** Runs when all rows are written and nothing is durable yet; what it throws fails the whole flush. */
  readonly beforeCommit?: () => void
  /** Runs when the flush is durable and nobody was answered yet. The place to end a process. */
  readonly afterCommit?: () => void
}
