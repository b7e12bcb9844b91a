/** Reading events, and waiting for the next ones. */
import type { SessionId } from '../kernel/ids.ts'
import { Deadline } from '../time.ts'
import { closing } from './claims.ts'
import type { Core } from './core.ts'
import { demandCursor } from './event-pages.ts'
import { type EventPage, kept, spoken } from './live-events.ts'
import { waitForNews } from './news.ts'
import { summaryOf } from './reads.ts'

interface Query {
  readonly sessionId?: string
  readonly after?: string
  readonly limit?: number
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

/** Events after a cursor; where there are none, the first ones within `waitMs`. */
export async function waitForEvents(core: Core, { waitMs = 0, signal, ...query }: Query): Promise<EventPage> {
  const { store, sessions, clock } = core
  const reading = new Reading(core, query)
  const { id } = reading
  const deadline = Deadline.asked(clock, { waitMs })
  const isAnswer = ({ events }: EventPage): boolean => events.length > 0 || deadline.passed || signal?.aborted === true
  for (;;) {
    if (core.closing.signal.aborted) throw closing()
    const heard = reading.heard()
    if (heard !== undefined && isAnswer(heard)) return heard
    const tail = id && sessions.peek(id)?.driver.tail
    const news = waitForNews({ store, sessionId: id, tail, deadline }, signal, core.closing.signal)
    try {
      const page = heard ?? (await reading.read())
      if (isAnswer(page)) return page
      await news
    } finally {
      news.cancel()
    }
  }
}

/** A reader and how far it is. */
class Reading {
  /** Absent: it reads the log of all sessions. */
  readonly id: SessionId | undefined
  readonly #core: Core
  readonly #limit: number
  #after: string | undefined
  #exists: boolean

  constructor(core: Core, { sessionId, after, limit = 100 }: Query) {
    this.#core = core
    this.id = sessionId as SessionId | undefined
    this.#limit = limit
    this.#after = after === '' ? undefined : after
    this.#exists = sessionId === undefined
  }

  /** What is said in this process; undefined where the session is not here, or its records come first. */
  heard(): EventPage | undefined {
    const live = this.id && this.#core.sessions.peek(this.id)
    return live && spoken(live, demandCursor(this.#after), this.#limit)
  }

  /** Records first, then what is said behind the last of them. */
  async read(): Promise<EventPage> {
    const { store, events } = this.#core
    const session = this.id && { sessionId: this.id }
    const page = await events.read({ limit: this.#limit, ...session, ...(this.#after && { after: this.#after }) })
    // What holds no events is not looked through again.
    this.#after = page.cursor
    if (page.events.length > 0 || this.id === undefined) return page
    // Who has events exists: only where there are none the session is looked for.
    if (!this.#exists) await summaryOf(store, this.id)
    this.#exists = true
    return (await this.#said(this.id)) ?? page
  }

  async #said(id: SessionId): Promise<EventPage | undefined> {
    const { sessions, store } = this.#core
    if (sessions.peek(id) !== undefined) return this.heard()
    return kept(store, id, demandCursor(this.#after), this.#limit)
  }
}
