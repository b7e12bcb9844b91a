/** What the region `transcript` holds. */

export interface Transcript {
  /** Messages committed; the next one gets this index. */
  readonly length: number
  /** Index of the newest compaction's summary; 0 if there was none. */
  readonly contextFrom: number
}
