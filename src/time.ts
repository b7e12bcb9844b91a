/**
 * Time as a seam: one clock, and one deadline that every wait of a run inherits.
 *
 * Nothing in the project waits without a deadline, and nothing but a clock knows what time it is, so tests drive both.
 */

/** A clock and its timers. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once, `delayMs` from now; returns the way to call it off. Does not keep the process alive by itself if `background`. */
  after(delayMs: number, callback: () => void, options?: { readonly background?: boolean }): () => void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback, options) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS))
    if (options?.background === true) timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Longer delays overflow the platform's timers and would fire at once. */
const MAX_TIMER_MS = 2_147_483_647

/** A point in time by which something has to have happened, and whatever is derived from it. */
export class Deadline {
  readonly #clock: Clock
  /** Milliseconds since the epoch; Infinity for none. */
  readonly at: number

  constructor(clock: Clock, at: number) {
    this.#clock = clock
    this.at = at
  }

  /** `timeoutMs` from now on the clock. */
  static in(clock: Clock, timeoutMs: number): Deadline {
    return new Deadline(clock, clock.now() + timeoutMs)
  }

  /** Milliseconds left, at least 0. */
  get remainingMs(): number {
    return Math.max(0, this.at - this.#clock.now())
  }

  get passed(): boolean {
    return this.remainingMs === 0
  }

  /** The nearer of this and `timeoutMs` from now: a stage's own limit can shorten the run's, never lengthen it. */
  within(timeoutMs: number): Deadline {
    return new Deadline(this.#clock, Math.min(this.at, this.#clock.now() + timeoutMs))
  }

  /** Calls back when the deadline passes; returns the way to call it off. */
  onPassed(callback: () => void): () => void {
    return this.at === Number.POSITIVE_INFINITY ? () => {} : this.#clock.after(this.remainingMs, callback)
  }
}
