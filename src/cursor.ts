/**
 * A place among a session's events, as text.
 *
 * `4711`: everything up to that record. `4711.3`: its event 3 and what is before it. `4711~5.120`: that record, and of
 * what the run in progress streamed behind it, which may be in no record yet, everything before event 5 of the run and
 * 120 characters of that one. What was streamed keeps its number when it is written, so the place is the same place
 * from then on, in every process.
 */

/** How much was seen of what a run streams. */
export interface Seen {
  /** Number of the last event that was seen. */
  readonly n: number
  /** Characters of its text that were seen. */
  readonly chars: number
}

export interface Cursor {
  readonly position: number
  /** The last event of the record that was seen; absent: all of it. */
  readonly event: number | undefined
  readonly seen: Seen | undefined
}

const CURSOR = /^(\d{1,15})(?:\.(\d{1,6}))?(?:~(\d{1,9})\.(\d{1,10}))?$/

/** The place; undefined where the text is none. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text)
  if (match === null) return undefined
  const [, position, event, n, chars] = match
  return {
    position: Number(position),
    event: event === undefined ? undefined : Number(event),
    seen: n === undefined ? undefined : { n: Number(n), chars: Number(chars) },
  }
}

/** The place as text: a record, or an event of it as `4711.3`, and what was seen of what is streamed behind it. */
export function cursorAt(place: number | string, seen: Seen | undefined): string {
  return seen === undefined ? String(place) : `${place}~${seen.n}.${seen.chars}`
}

/** The record that a place stands in or behind. */
export function recordOf(cursor: string): string {
  return /^\d*/.exec(cursor)?.[0] ?? ''
}

/** Whether everything of that record was seen. */
export function isBehindRecord(cursor: string): boolean {
  return /^\d+(?:~|$)/.test(cursor)
}
