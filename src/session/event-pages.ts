/**
 * Reads the events of the log in pages that readers share.
 *
 * Readers that catch up at the same place get the same page: it is read and parsed once, and remembered for a moment.
 * It is frozen, because other readers get the same object. Pages of sessions whose records this process changed or
 * removed are forgotten at once; a change by another process is seen a moment later.
 */
import { type Cursor, parseCursor } from '../cursor.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { EventView } from '../events.ts'
import type { SessionId } from '../kernel/ids.ts'
import { PAGE_BYTES, PAGE_ROWS } from '../store/pages.ts'
import type { Position } from '../store/records.ts'
import type { LogRow, Store } from '../store/store.ts'
import type { Clock } from '../time.ts'
import { Turns } from '../turns.ts'
import { Answer, type EventRow } from './event-answer.ts'
import { eventsOf, iso } from './reads.ts'

interface Piece {
  readonly of: SessionId | undefined
  /** The page has every record behind `after`, up to and including its last position. */
  readonly after: Position
  readonly last: Position
  readonly at: number
  readonly rows: readonly EventRow[]
}

/** How many pages are remembered; each has about a page of text. */
const REMEMBERED = 16
const REMEMBERED_MS = 2_000

export class EventPages {
  readonly #store: Store
  readonly #clock: Clock
  readonly #turns = new Turns()
  readonly #reading = new Map<string, Promise<Piece | undefined>>()
  #pieces: readonly Piece[] = []
  /** Rises with every `forget`: a page whose read began before is not remembered. */
  #era = 0

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Events after a cursor, oldest first, and the cursor to go on from. Fewer than `limit` where they are long. */
  async read(query: {
    readonly sessionId?: SessionId
    readonly after?: string
    readonly limit: number
  }): Promise<{ readonly events: readonly EventView[]; readonly cursor: string }> {
    const place = demandCursor(query.after)
    const answer = new Answer(query.limit, place, query.after)
    for (let after = place.event === undefined ? place.position : place.position - 1; ; ) {
      const rows = await this.#next(query.sessionId, after)
      const last = rows.at(-1)
      const full = rows.some(row => answer.take(row))
      if (last === undefined || full) return { events: answer.events, cursor: answer.cursor }
      after = last.position
    }
  }

  /** The next page behind a position, read in a turn of the event loop of its own; empty at the end. */
  async #next(of: SessionId | undefined, after: Position): Promise<readonly EventRow[]> {
    await this.#turns.next()
    const known = this.#known(of, after)
    if (known !== undefined) return known.rows.filter(({ position }) => position > after)
    const key = `${after} ${of ?? ''}`
    const reading = this.#reading.get(key) ?? this.#read(of, after)
    this.#reading.set(key, reading)
    try {
      return (await reading)?.rows ?? []
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key)
    }
  }

  /** Forgets pages, because records were changed or removed. */
  forget(): void {
    this.#era++
    this.#pieces = []
    this.#reading.clear()
  }

  async #read(of: SessionId | undefined, after: Position): Promise<Piece | undefined> {
    const era = this.#era
    const query = { after, limit: PAGE_ROWS, maxBytes: PAGE_BYTES, ...(of !== undefined && { sessionId: of }) }
    const rows = await readable(this.#store, query)
    const last = rows.at(-1)
    if (last === undefined) return undefined
    const piece = { of, after, last: last.position, at: this.#clock.now(), rows }
    if (era === this.#era) this.#pieces = [piece, ...this.#pieces.slice(0, REMEMBERED - 1)]
    return piece
  }

  #known(of: SessionId | undefined, after: Position): Piece | undefined {
    const now = this.#clock.now()
    const isFresh = ({ at }: Piece): boolean => Math.abs(now - at) < REMEMBERED_MS
    if (!this.#pieces.every(isFresh)) this.#pieces = this.#pieces.filter(isFresh)
    return this.#pieces.find(piece => piece.of === of && piece.after <= after && after < piece.last)
  }
}

/**
 * The rows with their events. An unreadable record becomes an event that says so: it must not keep readers from the
 * records behind it, least of all the readers of all sessions.
 */
async function readable(store: Store, query: Parameters<Store['read']>[0]): Promise<readonly EventRow[]> {
  try {
    const rows = await store.read(query)
    return rows.map(rowOf)
  } catch (error) {
    const { code, message, details = {} } = asMeerkatError(error)
    const { record, sessionId = query.sessionId } = details
    if (code !== 'internal' || typeof record !== 'number' || record <= query.after) throw error
    const place = { cursor: `${record}.0`, sessionId: sessionId as SessionId, at: iso(0) }
    return [eventRow(record, [{ ...place, type: 'record.unreadable', reason: message }])]
  }
}

/** The events of a record. */
export function rowOf(row: LogRow): EventRow {
  return { ...eventRow(row.position, eventsOf(row)), ...streamedIn(row) }
}

function eventRow(position: Position, events: readonly EventView[]): EventRow {
  return { position, events, chars: freeze(events) }
}

/** Freezes plain JSON, deeply; answers its length in characters, about. */
function freeze(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  let chars = 2
  for (const [key, inner] of Object.entries(value)) chars += key.length + freeze(inner)
  Object.freeze(value)
  return chars
}

/** Which events of a record were streamed before they were written. */
function streamedIn({ record: { events = [] } }: LogRow): Pick<EventRow, 'streamed'> {
  if (!events.some(({ n }) => n !== undefined)) return {}
  return {
    streamed: events.map(({ n, from }) => (n === undefined ? undefined : { n, ...(from !== undefined && { from }) })),
  }
}

/** The cursor that a reader gave. `invalid-params` if it is none. */
export function demandCursor(text: string | undefined): Cursor {
  if (text === undefined || text === '') return { position: 0, event: undefined, seen: undefined }
  const cursor = parseCursor(text)
  if (cursor !== undefined) return cursor
  const details = { issues: [{ path: 'after', message: 'not a cursor' }] }
  throw new MeerkatError(
    'invalid-params',
    `after: "${text.slice(0, 40)}" is not a cursor; use one that an event or a page gave`,
    { details },
  )
}
