/** Reads events, and waits for the next ones. */
import type { Cursor } from '../cursor.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Deadline } from '../time.ts'
import { closing, unlessClosing } from './claims.ts'
import type { Core } from './core.ts'
import { demandCursor } from './event-pages.ts'
import { HintListener } from './hints.ts'
import { type EventPage, storedStream, streamedEvents } from './live-events.ts'
import { summaryOf } from './reads.ts'

export interface EventPlace {
  readonly sessionId?: string
  readonly after?: string
  readonly limit?: number
}

/** A reader of events and its place. The code that makes it has to close it. */
export class EventReader {
  readonly #core: Core
  /** Undefined: it reads the log of all sessions. */
  readonly #id: SessionId | undefined
  readonly #limit: number
  readonly #signal: AbortSignal | undefined
  readonly #hints: HintListener
  #after: string
  #at: Cursor
  #exists = false
  #isClosed = false

  constructor(core: Core, { sessionId, after = '', limit = 100 }: EventPlace, signal?: AbortSignal) {
    // A store that is closed has no hints to listen to.
    if (core.closing.signal.aborted) throw closing()
    this.#core = core
    this.#id = sessionId as SessionId | undefined
    this.#limit = limit
    this.#signal = signal
    this.#after = after
    this.#at = demandCursor(after)
    this.#hints = new HintListener(core.store, this.#id, signal, core.closing.signal)
  }

  /** The next events; where there are none, the first that come before the deadline or the signal, or an empty page. */
  async next(until: Deadline): Promise<EventPage> {
    // The session may have been removed since the last page.
    this.#exists = this.#id === undefined
    for (;;) {
      if (this.#core.closing.signal.aborted) throw closing()
      const live = this.#id && this.#core.sessions.peek(this.#id)
      this.#hints.look(live?.driver.tail)
      const page = (live && this.#heard()) ?? (await unlessClosing(this.#core, this.#read()))
      if (page.cursor !== this.#after) this.#go(page.cursor)
      if (page.events.length > 0 || this.#isOver || until.passed) return page
      await this.#hints.wait(until)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#hints.close()
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#signal?.aborted === true
  }

  #go(after: string): void {
    this.#after = after
    this.#at = demandCursor(after)
  }

  /**
   * The events streamed in this process; undefined where the session is not loaded here, or the reader has records to
   * read first.
   */
  #heard(): EventPage | undefined {
    const live = this.#id && this.#core.sessions.peek(this.#id)
    return live && streamedEvents(live, this.#at, this.#limit)
  }

  /** Reads the records, and then what is streamed behind the last of them. */
  async #read(): Promise<EventPage> {
    const { store, events } = this.#core
    const session = this.#id && { sessionId: this.#id }
    const page = await events.read({ limit: this.#limit, ...session, ...(this.#after && { after: this.#after }) })
    // Records without events are not searched again.
    this.#go(page.cursor)
    if (page.events.length > 0 || this.#id === undefined) return page
    // A session with events exists; only without any is it looked for.
    if (!this.#exists) await summaryOf(store, this.#id)
    this.#exists = true
    return (await this.#said(this.#id)) ?? page
  }

  async #said(id: SessionId): Promise<EventPage | undefined> {
    const { sessions, store } = this.#core
    return sessions.peek(id) === undefined ? storedStream(store, id, this.#at, this.#limit) : this.#heard()
  }
}
