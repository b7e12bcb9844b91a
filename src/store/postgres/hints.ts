/**
 * Hints between stores: a notification for each batch, and a poll for notifications that a lost connection missed.
 *
 * The listening connection only receives, so it would never notice that the server is gone. Therefore the store sends
 * notifications to itself, and opens a new connection when one of them does not arrive in time.
 *
 * A notification is the batch's newest position (0 for mail and releases) and a JSON text: `o` the store that sent it,
 * `s` the sessions (absent: any), `a` what it is about. A store ignores its own; it has notified its listeners itself.
 */
import { randomUUID } from 'node:crypto'
import type { SessionId } from '../../kernel/ids.ts'
import { Listeners } from '../listeners.ts'
import type { Hint } from '../store.ts'
import type { Client } from './client.ts'

const POLL_EVERY_MS = 1000
/** How often a store that gets no notification of its own sends one to itself. */
const BEAT_EVERY_MS = 2000
/** How long its own notification may take to arrive. */
const BEAT_LIMIT_MS = 2000
/** A notification may hold 8000 bytes; sessions are named as far as they fit. */
const NOTICE_BYTES = 7000
/** After this many polls without an answer, one a second, the server counts as silent. */
const PATIENCE = 3

interface Notice {
  readonly o: string
  readonly s?: readonly SessionId[]
  /** `beat`: to the store itself, about nothing. */
  readonly a?: 'mail' | 'free' | 'registry' | 'beat'
}

interface Seen {
  readonly tail: number
  readonly mail: string
  /** How many notifications about mail had come by then. */
  readonly mailHeard: number
}

export class Hints {
  readonly #client: Client
  readonly #channel: string
  readonly #origin: string = randomUUID().slice(0, 8)
  readonly #listeners = new Listeners()
  #poll: NodeJS.Timeout | undefined
  #unlisten: (() => void) | undefined
  /** Whether the server could not be reached lately: the connection that listens may be dead without knowing. */
  #deaf = false
  /** Whether the store's own notification did not arrive in time. */
  #silent = false
  /** Polls since the last one that the server answered. */
  #unanswered = 0
  /** Since when the listening connection exists (`stands`), or is being opened. */
  #listening: { readonly since: number; readonly stands: boolean } = { since: 0, stands: false }
  /** When the last notification of this store arrived, and since when one is awaited. */
  #echoedAt = 0
  #saidAt: number | undefined
  #heard = 0
  /** Notifications about mail so far. */
  #mailHeard = 0
  #seen: Seen | undefined

  constructor(client: Client, channel: string) {
    this.#client = client
    this.#channel = channel
  }

  get origin(): string {
    return this.#origin
  }

  /** Why hints come late, if they do. */
  get trouble(): string | undefined {
    if (this.#poll === undefined) return undefined
    if (this.#unanswered > PATIENCE) return 'the database server does not answer: whatever needs it waits'
    if (!this.#silent && !this.#deaf) return undefined
    return 'the connection that hears what other processes do is silent: what goes through them takes up to a second longer'
  }

  /** Starts to listen to others with the first listener, and stops with the last. */
  add(listener: (hint: Hint) => void): () => void {
    const remove = this.#listeners.add(listener)
    this.#start()
    return () => {
      remove()
      if (this.#listeners.size === 0) this.stop()
    }
  }

  stop(): void {
    clearInterval(this.#poll)
    this.#poll = undefined
    this.#seen = undefined
    this.#silent = false
    this.#unanswered = 0
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  notify(hint: Hint): void {
    this.#listeners.notify(hint)
  }

  /** Called when this store has committed up to a position and notified its listeners. */
  wrote(position: number): void {
    this.#heard = Math.max(this.#heard, position)
  }

  notice(sessions: readonly string[], about?: Notice['a']): string {
    const named: Notice = {
      o: this.#origin,
      ...(sessions.length > 0 ? { s: sessions as readonly SessionId[] } : {}),
      ...(about === undefined ? {} : { a: about }),
    }
    const text = JSON.stringify(named)
    if (Buffer.byteLength(text) <= NOTICE_BYTES) return text
    const { s: _, ...any } = named
    return JSON.stringify(any)
  }

  #start(): void {
    if (this.#poll !== undefined) return
    this.#poll = setInterval(() => void this.#look(), POLL_EVERY_MS).unref()
    void this.#look()
    this.#listen()
  }

  #listen(): void {
    this.#unlisten?.()
    this.#saidAt = undefined
    this.#listening = { since: performance.now(), stands: false }
    this.#unlisten = this.#client.listen(this.#channel, text => this.#hear(text))
  }

  #hear(text: string | undefined): void {
    if (this.#poll === undefined) return
    // A new connection: earlier notifications are lost. It has to prove that it receives, like any other.
    if (text === undefined) {
      this.#listening = { since: performance.now(), stands: true }
      this.#echoedAt = Number.NEGATIVE_INFINITY
      this.#saidAt = undefined
      return this.notify({})
    }
    const space = text.indexOf(' ')
    this.wrote(Number(text.slice(0, space)))
    const { o, s, a }: Notice = JSON.parse(text.slice(space + 1)) as Notice
    if (a === 'mail') this.#mailHeard += 1
    if (o === this.#origin) return this.#echoed()
    if (a === 'beat') return
    const about = a === undefined ? {} : { about: a }
    if (s === undefined) this.notify(about)
    else for (const sessionId of s) this.notify({ sessionId, ...about })
  }

  #echoed(): void {
    this.#silent = false
    this.#saidAt = undefined
    this.#echoedAt = performance.now()
  }

  /** Sends itself a notification now and again, and treats a connection on which it does not arrive as dead. */
  async #beat(): Promise<void> {
    const now = performance.now()
    const { since, stands } = this.#listening
    if (!stands) {
      // The client goes on trying by itself.
      if (now - since > BEAT_LIMIT_MS) this.#silent = true
    } else if (this.#saidAt === undefined) {
      if (now - this.#echoedAt < BEAT_EVERY_MS) return
      this.#saidAt = now
      await this.#client.read('SELECT pg_notify($1, $2)', [this.#channel, `0 ${this.notice([], 'beat')}`])
    } else if (now - this.#saidAt > BEAT_LIMIT_MS) {
      this.#silent = true
      this.#listen()
    }
  }

  async #look(): Promise<void> {
    const before = this.#seen
    this.#unanswered += 1
    try {
      const [row] = await this.#client.read(
        `SELECT coalesce((SELECT max(position) FROM log), 0) AS tail,
           (SELECT count(*) || ' ' || count(answer) || ' ' || coalesce(max(n), 0) FROM letters) AS mail`,
      )
      const now: Seen = { tail: Number(row?.['tail']), mail: String(row?.['mail']), mailHeard: this.#mailHeard }
      this.#seen = now
      this.#unanswered = 0
      if (this.#deaf && this.#poll !== undefined) this.#listen()
      this.#deaf = false
      if (this.#poll !== undefined) await this.#beat()
      if (before === undefined || this.#poll === undefined) return
      if (now.tail > Math.max(before.tail, this.#heard)) this.notify({})
      if (now.mail !== before.mail && now.mailHeard === before.mailHeard) this.notify({ about: 'mail' })
    } catch {
      // A hint can't report a fault; a reader that it wakes meets the fault itself.
      this.#deaf = true
    }
  }
}
