/** Gives other work its turn of the event loop between slices of long work. */

/** Resolves in a later turn of the event loop. It takes microseconds where there is no other work. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/**
 * Lets its callers continue one in a turn, in the order in which they came: however many there are, timers, sockets and
 * requests wait for only one of them at a time.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []

  /** Resolves in a turn of the event loop in which no other caller of this object continues. */
  next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) setImmediate(this.#goOn)
    })
  }

  readonly #goOn = (): void => {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) setImmediate(this.#goOn)
  }
}
