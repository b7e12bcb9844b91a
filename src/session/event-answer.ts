/**
 * An answer made of the events of records, for a reader at its place.
 *
 * What a reader saw of a stream before it was written is in a record later: it is passed over there, and of a text that
 * was seen in part the rest is told. A run's end ends that: the next run's numbers begin again.
 */
import { type Cursor, cursorAt, type Seen } from '../cursor.ts'
import type { EventView } from '../events.ts'
import type { EventRecord, Position } from '../store/records.ts'
import { RUN_ENDS } from './reads.ts'

/** The events of one record. */
export interface EventRow {
  readonly position: Position
  /** About how many characters they are. */
  readonly chars: number
  readonly events: readonly EventView[]
  /** Which of them were streamed, and as what; absent where none was. */
  readonly streamed?: readonly (Pick<EventRecord, 'n' | 'from'> | undefined)[]
}

/** From about how many characters on an answer is long enough, however few events those are. */
const ANSWER_CHARS = 1024 * 1024

export class Answer {
  readonly events: EventView[] = []
  cursor: string
  readonly #limit: number
  readonly #from: Cursor
  #seen: Seen | undefined
  #chars = 0

  /** @param after The place as the reader named it. */
  constructor(limit: number, from: Cursor, after: string = '0') {
    this.#limit = limit
    this.#from = from
    this.#seen = from.seen
    this.cursor = after
  }

  /** True when nothing more fits. */
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

/** What a reader has not seen of an event that was streamed. */
function unseenOf(event: EventView, n: number, from: number, seen: Seen): EventView | undefined {
  if (n !== seen.n) return n < seen.n ? undefined : event
  if (event.type !== 'text.delta' && event.type !== 'reasoning.delta') return undefined
  const skip = Math.max(0, seen.chars - from)
  if (skip >= event.text.length) return undefined
  return skip === 0 ? event : { ...event, text: event.text.slice(skip) }
}

/** How many of a record's events stand at this place or before it. */
function seenOf({ events }: EventRow, place: number): number {
  return events.filter(({ cursor }) => Number(cursor.slice(cursor.indexOf('.') + 1)) <= place).length
}
