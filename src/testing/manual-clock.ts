/** A clock that moves only when a test says so. */
import { aDelay, aNumber, checkArgument, type Field } from '../options.ts'
import { type Clock, isDuration, LATEST_TIME } from '../time.ts'

const aTime: Field = {
  wanted: 'a time in milliseconds since 1970',
  fits: value => isDuration(value, 0, LATEST_TIME),
}

interface Timer {
  /** On the monotonic clock. */
  readonly at: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  #passed = 0
  /** The time of day at the start, moved by jumps. */
  #epoch: number
  #timers: readonly Timer[] = []
  readonly #waiters: (() => void)[] = []

  constructor(startAt: number = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    checkArgument('manualClock', 'startAt', startAt, aTime)
    this.#epoch = startAt
  }

  now(): number {
    return this.#epoch + this.#passed
  }

  monotonic(): number {
    return this.#passed
  }

  /** Moves the time of day while no monotonic time passes, like a correction of the clock, or a suspended machine. */
  jump(ms: number): void {
    checkArgument('jump', 'ms', ms, aNumber)
    this.#epoch += ms
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#passed + Math.max(0, delayMs), callback }
    this.#timers = [...this.#timers, timer]
    for (const wake of this.#waiters.splice(0)) wake()
    return () => {
      this.#timers = this.#timers.filter(one => one !== timer)
    }
  }

  /** The remaining time of each pending timer, the soonest first, ms. */
  get pending(): readonly number[] {
    return this.#timers.map(({ at }) => at - this.#passed).toSorted((a, b) => a - b)
  }

  /** Resolves once a timer with this delay is pending. */
  async waiting(delayMs: number): Promise<void> {
    while (!this.pending.includes(delayMs)) {
      await new Promise<void>(resolve => {
        this.#waiters.push(resolve)
      })
    }
  }

  /** Advances the time, and calls the due timers in order. */
  advance(ms: number): void {
    checkArgument('advance', 'ms', ms, aDelay)
    const until = this.#passed + ms
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#passed = Math.max(this.#passed, next.at)
      this.#timers = this.#timers.filter(one => one !== next)
      next.callback()
    }
    this.#passed = until
  }

  /** Lets everything run that does not wait for the clock: pending promises, and input and output that is ready. */
  async idle(rounds: number = 20): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await new Promise<void>(resolve => {
        setImmediate(resolve)
      })
    }
  }
}

/** A clock that stands still until `advance` is called. */
export function manualClock(startAt?: number): ManualClock {
  return new ManualClock(startAt)
}
