/** A feed of events, for a reader that stays. */
import { aDuration, aSignal, checkOptions, optional } from '../options.ts'
import type { EventFeed, FeedOptions, FeedPlace } from '../surfaces/operation.ts'
import { Deadline } from '../time.ts'
import type { Core } from './core.ts'
import { checked } from './door.ts'
import { EventReader } from './event-reader.ts'
import type { EventPage } from './live-events.ts'
import { eventRows } from './table/events.ts'

const OPTIONS = { idleMs: optional(aDuration), signal: optional(aSignal) }
const IDLE_MS = 30_000

/** Opens a feed. What is wrong with the place shows here, before anything is delivered. */
export async function follow(core: Core, place: FeedPlace, options: FeedOptions): Promise<EventFeed<EventPage>> {
  checkOptions('follow', options, OPTIONS)
  const { idleMs = IDLE_MS, signal } = options
  const { waitMs: _, ...from } = await checked('events/read', place, eventRows['events/read'].plain)
  // The feed hears the signal: to ask one that many others lead to is dear, and the reader would ask for every token.
  const feed = new Feed(core, new EventReader(core, from), { idleMs, signal })
  await feed.begin()
  return feed
}

class Feed implements EventFeed<EventPage> {
  readonly #core: Core
  readonly #reader: EventReader
  readonly #idleMs: number
  readonly #signal: AbortSignal | undefined
  readonly #close = (): void => this.close()
  #isClosed = false
  /** What there was when the feed was opened; an empty page is no sign of life that its reader waits for. */
  #ready: EventPage | undefined
  #reading: Promise<EventPage | undefined> | undefined

  constructor(
    core: Core,
    reader: EventReader,
    { idleMs, signal }: { idleMs: number; signal: AbortSignal | undefined },
  ) {
    this.#core = core
    this.#reader = reader
    this.#idleMs = idleMs
    this.#signal = signal
    signal?.addEventListener('abort', this.#close, { once: true })
    if (signal?.aborted === true) this.close()
  }

  async begin(): Promise<void> {
    const first = await this.#read(0)
    if (first !== undefined && first.events.length > 0) this.#ready = first
  }

  /** Pages are given in their order: a call that comes while a page is read has the one behind it. */
  next(): Promise<EventPage | undefined> {
    if (this.#reading !== undefined) {
      const after = (): Promise<EventPage | undefined> => this.next()
      return this.#reading.then(after, after)
    }
    const ready = this.#ready
    this.#ready = undefined
    const page = ready === undefined ? this.#read(this.#idleMs) : Promise.resolve(ready)
    this.#reading = page
    const clear = (): void => {
      this.#reading = undefined
    }
    page.then(clear, clear)
    return page
  }

  close(): void {
    this.#isClosed = true
    this.#signal?.removeEventListener('abort', this.#close)
    this.#reader.close()
  }

  /** It may be closed while a page is read. */
  #isOver(): boolean {
    return this.#isClosed
  }

  async #read(waitMs: number): Promise<EventPage | undefined> {
    if (this.#isOver()) return undefined
    try {
      const page = await this.#reader.next(Deadline.in(this.#core.clock, waitMs))
      return this.#isOver() ? undefined : page
    } catch (error) {
      if (this.#isOver()) return undefined
      this.close()
      throw error
    }
  }
}
