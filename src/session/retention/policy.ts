/** How long what nobody needs any more is kept, in milliseconds. What is absent is kept for ever. */
import { demandDurations } from '../../time.ts'

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

/** `invalid-params` names the age that is none. */
export function demandRetention({
  deltasAfterMs,
  eventsAfterMs,
  destroyedAfterMs,
  retiredAfterMs,
}: RetentionPolicy): void {
  demandDurations({ deltasAfterMs, eventsAfterMs, destroyedAfterMs, retiredAfterMs })
}
