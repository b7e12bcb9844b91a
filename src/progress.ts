/**
 * Limits reports of progress: tools and executors make any number of them, with any value, and observers get a bounded
 * copy of some.
 */
import { shownOf } from './foreign.ts'
import type { Clock } from './time.ts'

/** A longer report is cut. */
const MAX_CHARS = 16 * 1024
/** How many reports one work may make within a window; further ones are dropped. */
const MAX_REPORTS = 50
const WINDOW_MS = 100

/** Passes on the reports of one work, within the limit, until the work ends. Never throws into the tool. */
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
