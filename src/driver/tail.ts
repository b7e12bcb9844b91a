/**
 * The tail: events that a session has streamed and no record has yet.
 *
 * 1. Events are numbered within their run. Consecutive pieces of one text are one delta with one number, even if they are
 *    written to several records; a reader's place within it is that number and a count of characters.
 * 2. Readers in this process get an event as soon as it is streamed. An event of a commit under way is read here until the
 *    commit is published, and from its record afterwards.
 * 3. A delta stays here until its text ends, also when other things are committed meanwhile, so that a text is written
 *    once, as a whole.
 * 4. There is no queue per reader: a slow reader gets all that came meanwhile in one piece.
 */
import type { Seen } from '../cursor.ts'
import type { NewEvent } from '../events.ts'
import type { EventRecord } from '../store/records.ts'
import type { StreamedEvent } from '../store/store.ts'

/** An event as a reader gets it. */
export interface TailEvent {
  readonly event: NewEvent
  readonly at: number
  /** The place of a reader that has read this event. */
  readonly seen: Seen
}

/** An event, or a delta in the pieces in which it came. */
interface PendingEvent {
  readonly event: NewEvent
  readonly at: number
  readonly n: number
  /** The characters of the delta that are here: from `from` (those before are written) up to `to`. */
  readonly from: number
  to: number
  readonly pieces: string[]
  /** The event made for the last reader; readers at the same place get the same object. */
  last?: { readonly from: number; readonly to: number; readonly live: TailEvent }
}

/** The end of each text whose pieces are streamed. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ['text.delta', 'text.completed'],
  ['reasoning.delta', 'reasoning.completed'],
])

export class Tail {
  /** Events in a transaction that is not written yet. */
  #taken: readonly PendingEvent[] = []
  #waiting: PendingEvent[] = []
  /** The newest event, also when it is written by now. */
  #newest: PendingEvent | undefined
  readonly #listeners = new Set<() => void>()

  /** A tail made of the events that its owner kept in the store. */
  static of(kept: readonly StreamedEvent[]): Tail {
    const tail = new Tail()
    tail.#waiting = kept.map(({ at, n, from = 0, ...event }) => {
      const text = textOf(event)
      // Only runtimes of this package write here, so the type can be trusted.
      return { event: event as NewEvent, at, n, from, to: from + text.length, pieces: text === '' ? [] : [text] }
    })
    return tail
  }

  /** Whether no event waits to be written. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Total length of the texts that no record has yet. */
  get chars(): number {
    return this.#all().reduce((chars, { from, to }) => chars + to - from, 0)
  }

  add(event: NewEvent, at: number): void {
    const newest = this.#newest
    const isSameRun = newest?.event.runId === event.runId
    const text = textOf(event)
    const isPiece = isSameRun && newest !== undefined && text !== '' && isSameText(newest.event, event)
    const waiting = this.#waiting.at(-1)
    if (isPiece && waiting === newest) {
      waiting.pieces.push(text)
      waiting.to += text.length
    } else {
      const n = isPiece ? newest.n : isSameRun && newest !== undefined ? newest.n + 1 : 1
      const from = isPiece ? newest.to : 0
      const pending: PendingEvent = { event, at, n, from, to: from + text.length, pieces: text === '' ? [] : [text] }
      this.#newest = pending
      this.#waiting.push(pending)
    }
    this.#tell()
  }

  /** Events after a reader's place, oldest first, at most `limit`. */
  since(seen: Seen | undefined, limit: number): readonly TailEvent[] {
    const found: TailEvent[] = []
    for (const pending of this.#all()) {
      if (found.length >= limit) break
      const isSeen = seen !== undefined && pending.n <= seen.n
      if (isSeen && (pending.n < seen.n || pending.to <= seen.chars)) continue
      found.push(tailEventFrom(pending, isSeen ? Math.max(seen.chars, pending.from) : pending.from))
    }
    return found
  }

  /** Calls back after every streamed event and after every commit. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Moves events into a transaction: all except a text that still grows. */
  take(): readonly NewEvent[] {
    return this.#take(this.growing === undefined ? this.#waiting.length : this.#waiting.length - 1)
  }

  /** Moves the growing text as well: it has ended, or its run is over. */
  takeRest(): readonly NewEvent[] {
    return this.#take(this.#waiting.length)
  }

  /** The last delta, if its text has not ended. */
  get growing(): { readonly event: NewEvent; readonly end: string } | undefined {
    const event = this.#waiting.at(-1)?.event
    const end = event && ENDS.get(event.type)
    return event === undefined || end === undefined ? undefined : { event, end }
  }

  /** The transaction was rewound: its last `count` events wait again. */
  giveBack(count: number): void {
    const kept = this.#taken.length - count
    this.#waiting = [...this.#taken.slice(kept), ...this.#waiting]
    this.#taken = this.#taken.slice(0, kept)
  }

  /**
   * The taken events are in a record now. Readers are notified here, because the store's hint may come before this process
   * has published its commit, and a reader that looks then finds nothing new.
   */
  written(): void {
    this.#taken = []
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Drops the waiting events. */
  drop(): void {
    this.#waiting = []
  }

  /** All events, in the form in which the store keeps them. */
  toKeep(): readonly StreamedEvent[] {
    return this.#all().map(pending => ({ ...recordOf(pending), at: pending.at, n: pending.n }))
  }

  #all(): readonly PendingEvent[] {
    return this.#taken.length === 0 ? this.#waiting : [...this.#taken, ...this.#waiting]
  }

  #take(count: number): readonly NewEvent[] {
    if (count === 0) return []
    const taken = this.#waiting.splice(0, count)
    this.#taken = [...this.#taken, ...taken]
    return taken.map(recordOf)
  }
}

/** The text of a delta; empty for other events. */
function textOf({ type, data }: EventRecord): string {
  const text = data?.['text']
  return ENDS.has(type) && typeof text === 'string' ? text : ''
}

function isSameText(one: NewEvent, other: NewEvent): boolean {
  return one.type === other.type && one.turn === other.turn
}

function recordOf(pending: PendingEvent): NewEvent {
  const { event, n, from } = pending
  if (pending.pieces.length === 0) return { ...event, n }
  return { ...event, n, ...(from > 0 && { from }), data: { ...event.data, text: textFrom(pending, from) } }
}

function tailEventFrom(pending: PendingEvent, from: number): TailEvent {
  const { last, to, event, at, n } = pending
  if (last?.from === from && last.to === to) return last.live
  const shown =
    pending.pieces.length === 0 ? event : { ...event, data: { ...event.data, text: textFrom(pending, from) } }
  const live: TailEvent = { event: shown, at, seen: { n, chars: to } }
  pending.last = { from, to, live }
  return live
}

/** The text from a character on. Searched from the end, because most readers are one piece behind. */
function textFrom({ pieces, to }: PendingEvent, from: number): string {
  let at = pieces.length
  let begins = to
  while (at > 0 && begins > from) begins -= pieces[--at]?.length ?? 0
  const text = at === pieces.length - 1 ? (pieces[at] ?? '') : pieces.slice(at).join('')
  return begins < from ? text.slice(from - begins) : text
}
