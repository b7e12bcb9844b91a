/** Lets a few callers act at a time, in the order in which they came, each in a turn of the event loop of its own. */
import { setImmediate } from 'node:timers/promises'

export class Gate {
  readonly #width: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(width: number) {
    this.#width = width
  }

  /** Acts as soon as fewer than the limit are acting. */
  async pass<T>(act: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#width) this.#inside++
    else await new Promise<void>(resolve => void this.#waiting.push(resolve))
    try {
      await setImmediate()
      return await act()
    } finally {
      // The next caller takes this one's place, so the count stays.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}
