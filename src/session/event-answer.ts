/**
 * Collects the events of records into one answer, for a reader that may already have seen some of them as they were
 * streamed.
 *
 * A streamed event is written to a record later. A reader that has seen it does not get it again; of a text that the
 * reader has seen in part, it gets the rest. That ends with the run, because the next run counts its events from the
 * start again.
 */
import { type Cursor, cursorAt, type Seen } from '../cursor.ts'
import type { EventView } from '../events.ts'
import type { EventRecord, Position } from '../store/records.ts'
import { RUN_ENDS } from './reads.ts'

/** The events of one record. */
export interface EventRow {
  readonly position: Position
  /** About how many characters they are, as JSON. */
  readonly chars: number
  readonly events: readonly EventView[]
  /** For each event, its number and offset in the stream; absent where none was streamed. */
  readonly streamed?: readonly (Pick<EventRecord, 'n' | 'from'> | undefined)[]
}

/** An answer of about this many characters is full, however few events it has. */
const ANSWER_CHARS = 1024 * 1024

export class Answer {
  readonly events: EventView[] = []
  cursor: string
  readonly #limit: number
  readonly #from: Cursor
  #seen: Seen | undefined
  #chars = 0

  /** @param after The cursor as the reader gave it. */
  constructor(limit: number, from: Cursor, after: string = '0') {
    this.#limit = limit
    this.#from = from
    this.#seen = from.seen
    this.cursor = after
  }

  /** Adds the row's events; true when the answer is full. */
  take(row: EventRow): boolean {
    const { position, events } = row
    const { event } = this.#from
    let index = position === this.#from.position && event !== undefined ? seenOf(row, event) : 0
    for (; index < events.length && this.events.length < this.#limit; index++) this.#tell(row, index)
    const isWhole = index >= events.length
    const last = events[index - 1]
    if (isWhole) this.cursor = cursorAt(position, this.#seen)
    else if (last !== undefined)
      this.cursor = this.#seen === undefined ? last.cursor : cursorAt(last.cursor, this.#seen)
    this.#chars += row.chars
    return !isWhole || this.events.length >= this.#limit || this.#chars >= ANSWER_CHARS
  }

  #tell({ events, streamed }: EventRow, index: number): void {
    const event = events[index]
    if (event === undefined) return
    const seen = this.#seen
    if (seen === undefined) {
      this.events.push(event)
      return
    }
    const { n, from = 0 } = streamed?.[index] ?? {}
    if (n !== undefined) {
      const unseen = unseenOf(event, n, from, seen)
      if (unseen === undefined) return
      this.#seen = undefined
      this.events.push(unseen)
      return
    }
    if (event.type === 'run.started' || Object.hasOwn(RUN_ENDS, event.type)) this.#seen = undefined
    this.events.push(this.#seen === undefined ? event : { ...event, cursor: cursorAt(event.cursor, seen) })
  }
}

/** The part of a streamed event that the reader has not seen; undefined: none. */
function unseenOf(event: EventView, n: number, from: number, seen: Seen): EventView | undefined {
  if (n !== seen.n) return n < seen.n ? undefined : event
  if (event.type !== 'text.delta' && event.type !== 'reasoning.delta') return undefined
  const skip = Math.max(0, seen.chars - from)
  if (skip >= event.text.length) return undefined
  return skip === 0 ? event : { ...event, text: event.text.slice(skip) }
}

/** How many events of a record the reader has before this place. */
function seenOf({ events }: EventRow, place: number): number {
  return events.filter(({ cursor }) => Number(cursor.slice(cursor.indexOf('.') + 1)) <= place).length
}
