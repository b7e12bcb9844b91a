/**
 * Rows of the log that are about to lose events.
 *
 * An amendment can remove an event or shorten one, and nothing else: steps, inputs, ends and messages can't be
 * changed here. The remaining events keep their places, so that the cursors of readers stay valid.
 */
import type { EventRecord, Position } from '../../store/records.ts'
import type { Claim, LogRow, Store } from '../../store/store.ts'

/** How many rows one transaction changes. */
const AT_ONCE = 500

/** What was removed, or would be. */
export interface Weight {
  /** How many records changed. */
  readonly records: number
  /** How many characters of JSON were removed. */
  readonly bytes: number
}

/** The place of an event in a row. */
export interface Spot {
  readonly row: LogRow
  readonly index: number
}

export class Amendments {
  readonly #store: Store
  /** Absent: nothing is written, only counted. */
  readonly #claim: Claim | undefined
  readonly #rows = new Map<Position, { readonly row: LogRow; readonly events: (EventRecord | undefined)[] }>()
  #records = 0
  #bytes = 0

  constructor(store: Store, claim: Claim | undefined) {
    this.#store = store
    this.#claim = claim
  }

  get weight(): Weight {
    return { records: this.#records, bytes: this.#bytes }
  }

  /** How many rows wait to be written. */
  get size(): number {
    return this.#rows.size
  }

  drop({ row, index }: Spot): void {
    this.#eventsOf(row)[index] = undefined
  }

  /** Replaces the text of the event. */
  retell({ row, index }: Spot, text: string): void {
    const events = this.#eventsOf(row)
    const event = events[index]
    if (event !== undefined) events[index] = { ...event, data: { ...event.data, text } }
  }

  /**
   * Writes what was collected, the newest rows first. If this is interrupted, a reader finds the beginning of a text
   * and then the whole; never the whole and then parts of it.
   */
  async write(): Promise<void> {
    const rows = [...this.#rows.values()]
      .map(({ row, events }) => ({ position: row.position, record: withEvents(row, events) }))
      .toSorted((one, other) => other.position - one.position)
    for (const { row } of this.#rows.values()) this.#bytes += JSON.stringify(row.record).length
    for (const { record } of rows) this.#bytes -= JSON.stringify(record).length
    this.#records += rows.length
    this.#rows.clear()
    if (this.#claim === undefined) return
    for (let from = 0; from < rows.length; from += AT_ONCE) {
      await this.#store.amend(this.#claim, rows.slice(from, from + AT_ONCE))
    }
  }

  #eventsOf(row: LogRow): (EventRecord | undefined)[] {
    const known = this.#rows.get(row.position)
    if (known !== undefined) return known.events
    const events = [...(row.record.events ?? [])]
    this.#rows.set(row.position, { row, events })
    return events
  }
}

function withEvents({ record }: LogRow, kept: readonly (EventRecord | undefined)[]): LogRow['record'] {
  const { events: _, ...rest } = record
  const events: EventRecord[] = []
  for (const [index, event] of kept.entries()) {
    if (event === undefined) continue
    const place = event.place ?? index
    events.push(place === events.length ? event : { ...event, place })
  }
  return events.length === 0 ? rest : { ...rest, events }
}
