/** Reading events, and waiting for the next ones. */
import type { Cursor } from '../cursor.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Deadline } from '../time.ts'
import { closing } from './claims.ts'
import type { Core } from './core.ts'
import { demandCursor } from './event-pages.ts'
import { type EventPage, kept, spoken } from './live-events.ts'
import { News } from './news.ts'
import { summaryOf } from './reads.ts'

export interface EventPlace {
  readonly sessionId?: string
  readonly after?: string
  readonly limit?: number
}

/** A reader, how far it is, and what it hears of. Its owner closes it. */
export class EventReader {
  readonly #core: Core
  /** Absent: it reads the log of all sessions. */
  readonly #id: SessionId | undefined
  readonly #limit: number
  readonly #signal: AbortSignal | undefined
  readonly #news: News
  #after: string
  #at: Cursor
  #exists = false
  #isClosed = false

  constructor(core: Core, { sessionId, after = '', limit = 100 }: EventPlace, signal?: AbortSignal) {
    this.#core = core
    this.#id = sessionId as SessionId | undefined
    this.#limit = limit
    this.#signal = signal
    this.#after = after
    this.#at = demandCursor(after)
    this.#news = new News(core.store, this.#id, signal, core.closing.signal)
  }

  /** The next events; where there are none, the first ones that come before the deadline and the signal, or an empty page. */
  async next(until: Deadline): Promise<EventPage> {
    // A session may have gone since the last time.
    this.#exists = this.#id === undefined
    for (;;) {
      if (this.#core.closing.signal.aborted) throw closing()
      const live = this.#id && this.#core.sessions.peek(this.#id)
      this.#news.look(live?.driver.tail)
      const page = (live && this.#heard()) ?? (await this.#read())
      if (page.cursor !== this.#after) this.#go(page.cursor)
      if (page.events.length > 0 || this.#isOver || until.passed) return page
      await this.#news.wait(until)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#news.close()
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#signal?.aborted === true
  }

  #go(after: string): void {
    this.#after = after
    this.#at = demandCursor(after)
  }

  /** What is said in this process; undefined where the session is not here, or its records come first. */
  #heard(): EventPage | undefined {
    const live = this.#id && this.#core.sessions.peek(this.#id)
    return live && spoken(live, this.#at, this.#limit)
  }

  /** Records first, then what is said behind the last of them. */
  async #read(): Promise<EventPage> {
    const { store, events } = this.#core
    const session = this.#id && { sessionId: this.#id }
    const page = await events.read({ limit: this.#limit, ...session, ...(this.#after && { after: this.#after }) })
    // What holds no events is not looked through again.
    this.#go(page.cursor)
    if (page.events.length > 0 || this.#id === undefined) return page
    // A session that has events exists: only where there are none it is looked for.
    if (!this.#exists) await summaryOf(store, this.#id)
    this.#exists = true
    return (await this.#said(this.#id)) ?? page
  }

  async #said(id: SessionId): Promise<EventPage | undefined> {
    const { sessions, store } = this.#core
    return sessions.peek(id) === undefined ? kept(store, id, this.#at, this.#limit) : this.#heard()
  }
}
