/** How long data that no operation needs any more is kept, in milliseconds. What is absent is kept for ever. */
import { demandDurations } from '../../time.ts'

export interface RetentionPolicy {
  /** Pieces of streamed texts, counted from the end of their run; the whole texts stay. */
  readonly deltasAfterMs?: number
  /** Events, apart from those that say how runs ended. */
  readonly eventsAfterMs?: number
  /** Destroyed sessions, with all their data. */
  readonly destroyedAfterMs?: number
  /** Retired sessions that have no unfinished work. */
  readonly retiredAfterMs?: number
}

/** `invalid-params` names the age that is invalid. */
export function demandRetention({
  deltasAfterMs,
  eventsAfterMs,
  destroyedAfterMs,
  retiredAfterMs,
}: RetentionPolicy): void {
  demandDurations({ deltasAfterMs, eventsAfterMs, destroyedAfterMs, retiredAfterMs })
}
