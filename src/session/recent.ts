/**
 * The newest records of a session that is being read, so that its readers need not ask the store for what this process
 * has just written. A few are kept, and none once the session was not read for a while.
 */
import type { Position } from '../store/records.ts'
import type { LogRow } from '../store/store.ts'
import type { Clock } from '../time.ts'
import type { EventRow } from './event-answer.ts'
import { rowOf } from './event-pages.ts'

const MOST = 8
const UNREAD_MS = 5_000

export class Recent {
  readonly #clock: Clock
  /** Oldest first, without gaps; a record is parsed when a reader asks for it. */
  #rows: (LogRow | EventRow)[] = []
  /** The position of the session's record before the first of them, and of its newest one. */
  #from: Position
  #newest: Position
  #readAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, newest: Position) {
    this.#clock = clock
    this.#from = newest
    this.#newest = newest
  }

  /** Takes a record that was written. */
  add(row: LogRow): void {
    const before = this.#newest
    this.#newest = row.position
    if (this.#clock.monotonic() - this.#readAt > UNREAD_MS) return this.clear()
    if (this.#rows.length === 0) this.#from = before
    this.#rows.push(row)
    if (this.#rows.length > MOST) this.#from = this.#rows.shift()?.position ?? this.#from
  }

  /** The records behind a position; undefined where there may be others that are not kept here. */
  after(position: Position): readonly EventRow[] | undefined {
    this.#readAt = this.#clock.monotonic()
    if (this.#rows.length === 0 || position < this.#from) return undefined
    const found: EventRow[] = []
    for (const [index, row] of this.#rows.entries()) {
      if (row.position <= position) continue
      // As the store would return it.
      const readable = 'record' in row ? rowOf({ ...row, record: structured(row.record) }) : row
      this.#rows[index] = readable
      found.push(readable)
    }
    return found
  }

  /** Forgets them, because records were changed. */
  clear(): void {
    this.#rows = []
  }
}

function structured<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
