/** How long what nobody needs any more is kept, in milliseconds. What is absent is kept for ever. */
export interface RetentionPolicy {
  /** Pieces of streamed texts, since their run ended; the whole texts stay. */
  readonly deltasAfterMs?: number
  /** Events, apart from those that say how runs went. */
  readonly eventsAfterMs?: number
  /** Destroyed sessions, with everything that was theirs. */
  readonly destroyedAfterMs?: number
  /** Retired sessions that have answered everything. */
  readonly retiredAfterMs?: number
}
