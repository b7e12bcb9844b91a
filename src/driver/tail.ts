/**
 * What a session streams and no record has yet.
 *
 * 1. Events are numbered within their run. Pieces of one text that follow each other are one delta with one number,
 *    however it comes to lie in records; what was seen of it is that number and so many characters.
 * 2. Readers of this process see an event in the moment in which it is said. One that is in a commit under way is seen
 *    here until the commit is published, and from then on in its record.
 * 3. A delta waits for the end of its text: what is committed meanwhile for other reasons leaves it here, so that a text
 *    is written once, when it is whole.
 * 4. There is no queue a reader. A slow one finds here, in one piece, what came meanwhile.
 */
import type { Seen } from '../cursor.ts'
import type { NewEvent } from '../events.ts'
import type { EventRecord } from '../store/records.ts'
import type { StreamedEvent } from '../store/store.ts'

/** An event as a reader gets it. */
export interface TailEvent {
  readonly event: NewEvent
  readonly at: number
  /** What was seen once this was. */
  readonly seen: Seen
}

/** An event, or a delta in the pieces in which it came. */
interface PendingEvent {
  readonly event: NewEvent
  readonly at: number
  readonly n: number
  /** Characters of the delta that are written already, and up to where it goes. */
  readonly from: number
  to: number
  readonly pieces: string[]
  /** What the last reader got: others at its place get the same. */
  last?: { readonly from: number; readonly to: number; readonly live: TailEvent }
}

/** The end of each text whose pieces are streamed. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ['text.delta', 'text.completed'],
  ['reasoning.delta', 'reasoning.completed'],
])

export class Tail {
  /** In a transaction that is not written yet. */
  #taken: readonly PendingEvent[] = []
  #waiting: PendingEvent[] = []
  /** The newest event, wherever it is by now. */
  #newest: PendingEvent | undefined
  readonly #listeners = new Set<() => void>()

  /** What was kept of a tail. */
  static of(kept: readonly StreamedEvent[]): Tail {
    const tail = new Tail()
    tail.#waiting = kept.map(({ at, n, from = 0, ...event }) => {
      const text = textOf(event)
      // It was written by a runtime like this one.
      return { event: event as NewEvent, at, n, from, to: from + text.length, pieces: text === '' ? [] : [text] }
    })
    return tail
  }

  /** Whether nothing waits to be written. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** How long the texts are that no record has yet. */
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
      const said: PendingEvent = { event, at, n, from, to: from + text.length, pieces: text === '' ? [] : [text] }
      this.#newest = said
      this.#waiting.push(said)
    }
    this.#tell()
  }

  /** What came behind a place, oldest first, about as much as is asked for. */
  since(seen: Seen | undefined, limit: number): readonly TailEvent[] {
    const found: TailEvent[] = []
    for (const said of this.#all()) {
      if (found.length >= limit) break
      const isSeen = seen !== undefined && said.n <= seen.n
      if (isSeen && (said.n < seen.n || said.to <= seen.chars)) continue
      found.push(tailEventFrom(said, isSeen ? Math.max(seen.chars, said.from) : said.from))
    }
    return found
  }

  /** Calls back whenever something is said, or written. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Moves what can be written into a transaction: all but a text that still grows. */
  take(): readonly NewEvent[] {
    return this.#take(this.growing === undefined ? this.#waiting.length : this.#waiting.length - 1)
  }

  /** Moves what is left, too: the text is whole, or its run is over. */
  takeRest(): readonly NewEvent[] {
    return this.#take(this.#waiting.length)
  }

  /** The delta at the end, of a text whose end was not said yet. */
  get growing(): { readonly event: NewEvent; readonly end: string } | undefined {
    const event = this.#waiting.at(-1)?.event
    const end = event && ENDS.get(event.type)
    return event === undefined || end === undefined ? undefined : { event, end }
  }

  /** The transaction was taken back, with so many of these events. */
  giveBack(count: number): void {
    const kept = this.#taken.length - count
    this.#waiting = [...this.#taken.slice(kept), ...this.#waiting]
    this.#taken = this.#taken.slice(0, kept)
  }

  /**
   * A record was written, with what was taken. Readers are told here: the store's hint may come a moment before this
   * process acts on its own commit, and who looks then finds nothing new.
   */
  written(): void {
    this.#taken = []
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Forgets what waits. */
  drop(): void {
    this.#waiting = []
  }

  /** Everything, to be kept beside the log. */
  toKeep(): readonly StreamedEvent[] {
    return this.#all().map(said => ({ ...recordOf(said), at: said.at, n: said.n }))
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

/** What a delta adds; nothing for other events. */
function textOf({ type, data }: EventRecord): string {
  const text = data?.['text']
  return ENDS.has(type) && typeof text === 'string' ? text : ''
}

function isSameText(one: NewEvent, other: NewEvent): boolean {
  return one.type === other.type && one.turn === other.turn
}

function recordOf(said: PendingEvent): NewEvent {
  const { event, n, from } = said
  if (said.pieces.length === 0) return { ...event, n }
  return { ...event, n, ...(from > 0 && { from }), data: { ...event.data, text: textFrom(said, from) } }
}

function tailEventFrom(said: PendingEvent, from: number): TailEvent {
  const { last, to, event, at, n } = said
  if (last?.from === from && last.to === to) return last.live
  const shown = said.pieces.length === 0 ? event : { ...event, data: { ...event.data, text: textFrom(said, from) } }
  const live: TailEvent = { event: shown, at, seen: { n, chars: to } }
  said.last = { from, to, live }
  return live
}

/** The text from a character on. Looked for from its end: readers are mostly one piece behind. */
function textFrom({ pieces, to }: PendingEvent, from: number): string {
  let at = pieces.length
  let begins = to
  while (at > 0 && begins > from) begins -= pieces[--at]?.length ?? 0
  const text = at === pieces.length - 1 ? (pieces[at] ?? '') : pieces.slice(at).join('')
  return begins < from ? text.slice(from - begins) : text
}
