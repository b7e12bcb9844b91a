/**
 * A place among a session's events, as text.
 *
 * `4711`: behind that record. `4711.3`: behind its event 3. `4711~5.120`: behind that record, and of what the current
 * run streamed after it (which may be in no record yet), behind event 4 and 120 characters of event 5. A streamed event
 * keeps its number when it is written, so the place stays the same afterwards, and in every process.
 */

/** How much of a run's stream a reader has seen. */
export interface Seen {
  /** The number of the last event that was seen. */
  readonly n: number
  /** How many characters of its text were seen. */
  readonly chars: number
}

export interface Cursor {
  readonly position: number
  /** The last event of the record that was seen; undefined: all. */
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

/** The place as text: a record, or one of its events (`4711.3`), and what was seen of the stream behind it. */
export function cursorAt(place: number | string, seen: Seen | undefined): string {
  return seen === undefined ? String(place) : `${place}~${seen.n}.${seen.chars}`
}

/** The record that a place stands in or behind. */
export function recordOf(cursor: string): string {
  return /^\d*/.exec(cursor)?.[0] ?? ''
}

/** Whether it is the place of an event that was streamed, and not of one in a record. */
export function isStreamed(cursor: string): boolean {
  return cursor.includes('~')
}

/** Whether everything of that record was seen. */
export function isBehindRecord(cursor: string): boolean {
  return /^\d+(?:~|$)/.test(cursor)
}
