/**
 * The newest records of a session that somebody reads, so that its readers need not ask the store for what this process has
 * just written. There are a few of them, and none where nobody has read for a while.
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
  /** Oldest first, with no record of the session between them; made readable when they are asked for. */
  #rows: (LogRow | EventRow)[] = []
  /** The session's record before the first of them, and its newest one. */
  #from: Position
  #newest: Position
  #readAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, newest: Position) {
    this.#clock = clock
    this.#from = newest
    this.#newest = newest
  }

  /** A record was written. */
  add(row: LogRow): void {
    const before = this.#newest
    this.#newest = row.position
    if (this.#clock.monotonic() - this.#readAt > UNREAD_MS) return this.clear()
    if (this.#rows.length === 0) this.#from = before
    this.#rows.push(row)
    if (this.#rows.length > MOST) this.#from = this.#rows.shift()?.position ?? this.#from
  }

  /** The records behind a position; undefined where there may be others. */
  after(position: Position): readonly EventRow[] | undefined {
    this.#readAt = this.#clock.monotonic()
    if (this.#rows.length === 0 || position < this.#from) return undefined
    const found: EventRow[] = []
    for (const [index, row] of this.#rows.entries()) {
      if (row.position <= position) continue
      // As a store would give it.
      const readable = 'record' in row ? rowOf({ ...row, record: structured(row.record) }) : row
      this.#rows[index] = readable
      found.push(readable)
    }
    return found
  }

  /** Records were changed. */
  clear(): void {
    this.#rows = []
  }
}

function structured<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
