/**
 * Keeps what is streamed beside the log, for readers in other processes and for whoever takes the session up: a second
 * after it began, and from then on ever more rarely. A text that is said within the second is never kept, only written.
 */
import type { NewEvent } from '../events.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store, StreamedEvent } from '../store/store.ts'
import type { Clock } from '../time.ts'
import type { Tail } from './tail.ts'

const FIRST_MS = 1_000
const MOST_MS = 4_000
/** Those of all sessions that fall due so near to each other share a commit of the store. */
const TOGETHER_MS = 250
const CHARS_A_MS = 250

export class TailKeeper {
  readonly #clock: Clock
  readonly #tail: Tail
  readonly #keep: (events: readonly StreamedEvent[]) => Promise<void>
  #waitMs = FIRST_MS
  #isPlanned = false
  /** Whether the store may have something of the session. */
  #kept = false

  constructor(clock: Clock, tail: Tail, keep: (events: readonly StreamedEvent[]) => Promise<void>) {
    this.#clock = clock
    this.#tail = tail
    this.#keep = keep
  }

  /** Something was said. */
  plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    const due = this.#clock.monotonic() + this.#waitMs
    const wait = Math.ceil(due / TOGETHER_MS) * TOGETHER_MS - this.#clock.monotonic()
    this.#clock.after(wait, () => this.#due(), { background: true })
  }

  /** A commit was made. */
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
    // What is kept is written anew each time: the longer it is, the more rarely.
    this.#waitMs = Math.max(Math.min(2 * this.#waitMs, MOST_MS), this.#tail.chars / CHARS_A_MS)
    this.#kept = true
    this.#put(this.#tail.toKeep())
  }

  /** A store that can't take it now is asked again when more was said. */
  #put(events: readonly StreamedEvent[]): void {
    this.#keep(events).catch(() => {})
  }
}

/** What was kept of a text that nobody goes on with, as the events that they are. */
export async function keptEvents(store: Store, sessionId: SessionId): Promise<readonly NewEvent[]> {
  const streamed = await store.streamed(sessionId)
  // Its owner was a runtime like this one.
  return (streamed?.events ?? []).map(({ at: _, ...event }) => event as NewEvent)
}
