/**
 * Rows that are about to get lighter.
 *
 * Steps, inputs, ends and messages are not in reach here: an amendment can take events away or shorten one, nothing else.
 * What is left keeps its place, so that cursors that readers hold go on meaning the same.
 */
import type { EventRecord, Position } from '../../store/records.ts'
import type { Claim, LogRow, Store } from '../../store/store.ts'

/** Rows in one transaction. */
const AT_ONCE = 500

/** What was, or would be, taken off. */
export interface Weight {
  /** Records that changed. */
  readonly records: number
  /** Characters of JSON that went. */
  readonly bytes: number
}

/** An event of a row. */
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

  /** Rows that wait to be written. */
  get size(): number {
    return this.#rows.size
  }

  drop({ row, index }: Spot): void {
    this.#eventsOf(row)[index] = undefined
  }

  /** Has the event say this text. */
  retell({ row, index }: Spot, text: string): void {
    const events = this.#eventsOf(row)
    const event = events[index]
    if (event !== undefined) events[index] = { ...event, data: { ...event.data, text } }
  }

  /**
   * Writes what was collected, the newest rows first: where this ends half way, a reader finds the beginning of a text
   * and then the whole, never the whole and then parts of it.
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
