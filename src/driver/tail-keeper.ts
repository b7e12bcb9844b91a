/**
 * Stores a session's tail beside its log, for readers in other processes and for the session's next owner: one second after
 * streaming began, then more and more rarely. A text that ends within that second goes to the log alone.
 */
import type { NewEvent } from '../events.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store, StreamedEvent } from '../store/store.ts'
import type { Clock } from '../time.ts'
import type { Tail } from './tail.ts'

const FIRST_MS = 1_000
const MOST_MS = 4_000
/** Writes are due at multiples of this, so that the tails of many sessions share a commit of the store. */
const TOGETHER_MS = 250
const CHARS_A_MS = 250

export class TailKeeper {
  readonly #clock: Clock
  readonly #tail: Tail
  readonly #keep: (events: readonly StreamedEvent[]) => Promise<void>
  #waitMs = FIRST_MS
  #isPlanned = false
  /** Whether the store may have a kept tail of the session. */
  #kept = false

  constructor(clock: Clock, tail: Tail, keep: (events: readonly StreamedEvent[]) => Promise<void>) {
    this.#clock = clock
    this.#tail = tail
    this.#keep = keep
  }

  /** An event was streamed: plans a write unless one is planned. */
  plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    const due = this.#clock.monotonic() + this.#waitMs
    const wait = Math.ceil(due / TOGETHER_MS) * TOGETHER_MS - this.#clock.monotonic()
    this.#clock.after(wait, () => this.#due(), { background: true })
  }

  /** A commit was made: a tail that is empty now has nothing to keep. */
  written(): void {
    if (!this.#tail.isEmpty) return
    this.#waitMs = FIRST_MS
    if (!this.#kept) return
    this.#kept = false
    this.#put([])
  }

  #due(): void {
    this.#isPlanned = false
    if (this.#tail.isEmpty) return
    // Each write stores the whole tail again, so a longer tail is written more rarely.
    this.#waitMs = Math.max(Math.min(2 * this.#waitMs, MOST_MS), this.#tail.chars / CHARS_A_MS)
    this.#kept = true
    this.#put(this.#tail.toKeep())
  }

  /** A failed write is not repeated: the next streamed event plans another. */
  #put(events: readonly StreamedEvent[]): void {
    this.#keep(events).catch(() => {})
  }
}

/** The kept events of a text that a former owner streamed and did not live to end. */
export async function keptEvents(store: Store, sessionId: SessionId): Promise<readonly NewEvent[]> {
  const streamed = await store.streamed(sessionId)
  // Only runtimes of this package write here, so the type can be trusted.
  return (streamed?.events ?? []).map(({ at: _, ...event }) => event as NewEvent)
}
