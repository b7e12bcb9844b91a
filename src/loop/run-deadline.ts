/** The deadline of a run. An input that joins may bring it nearer, and none puts it off. */
import { type Clock, Deadline } from '../time.ts'

export class RunDeadline {
  readonly #onPassed: () => void
  #now: Deadline
  #off: () => void = () => {}

  /** None, until it is set. */
  constructor(clock: Clock, onPassed: () => void) {
    this.#onPassed = onPassed
    this.#now = Deadline.in(clock, Number.POSITIVE_INFINITY)
  }

  get now(): Deadline {
    return this.#now
  }

  /** The run may take this long from now on, and no longer than it might before. */
  shorten(limitMs: number): void {
    this.#off()
    this.#now = this.#now.within(limitMs)
    this.#off = this.#now.onPassed(this.#onPassed)
  }

  /** The run is over. */
  end(): void {
    this.#off()
  }
}
