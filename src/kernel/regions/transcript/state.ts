/** The slice of the region `transcript`. */

export interface Transcript {
  /** Number of committed messages, which is the next message's index. */
  readonly length: number
  /** Index of the newest compaction's summary; 0 if there was none. */
  readonly contextFrom: number
}
