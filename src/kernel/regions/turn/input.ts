/** What the region `turn` decides on. */

/** Where a fatal failure comes from. */
export type TerminalFailureSource =
  | 'token-budget-exceeded'
  | 'tool-call-budget-exceeded'
  | 'time-budget-exceeded'
  | 'structured-output-validation-failed'
  | 'invalid-output-schema'
  | 'hook-denied'
  | 'hook-failure'
  | 'llm'
  | 'llm-retry-exhausted'
  | 'tool-error'
  | 'runtime-apply'
  | 'internal'
  /** A turn limit is reached by its own input, with its counts. */
  | 'max-turns-reached'
  | 'unknown'
