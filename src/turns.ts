/** Turns of the event loop for work that is long: a slice of it, then everybody else. */

/** Resolves in a later turn of the event loop. It costs microseconds where nobody else has anything to do. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/**
 * Those who wait here go on one a turn, in the order in which they came: however many there are, timers, sockets and
 * requests wait for a slice of one of them.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []

  /** Resolves in a turn of the event loop that is the caller's alone among those who wait here. */
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
