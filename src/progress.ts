/**
 * What tools and executors say of how far work is: foreign values, as often as they like. Observers get a bounded copy of
 * some.
 */
import { shownOf } from './foreign.ts'
import type { Clock } from './time.ts'

/** Longest report that is shown whole. */
const MAX_CHARS = 16 * 1024
/** Reports that one work may make within a window; what is more is dropped, as the docs say of every report. */
const MAX_REPORTS = 50
const WINDOW_MS = 100

/** Passes the reports of one work on, as many as can be of use, until it ends. Never throws into the tool. */
export class Progress {
  readonly #clock: Clock
  readonly #show: (data: unknown) => void
  #windowAt = Number.NEGATIVE_INFINITY
  #reports = 0
  #ended = false

  constructor(clock: Clock, show: (data: unknown) => void) {
    this.#clock = clock
    this.#show = show
  }

  readonly report = (data: unknown): void => {
    if (this.#ended) return
    const now = this.#clock.monotonic()
    if (now - this.#windowAt >= WINDOW_MS || now < this.#windowAt) {
      this.#windowAt = now
      this.#reports = 0
    }
    if (++this.#reports > MAX_REPORTS) return
    this.#show(shownOf(data, MAX_CHARS))
  }

  end(): void {
    this.#ended = true
  }
}
