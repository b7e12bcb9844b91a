/**
 * The life of a simulated process. When it ends nothing of it goes on: its promises stay pending, its timers are gone, and
 * its answers reach no client.
 */
import type { Clock } from '../../time.ts'

export class Life {
  #over = false
  readonly #ends = new Set<() => void>()

  get over(): boolean {
    return this.#over
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    for (const end of this.#ends) end()
    this.#ends.clear()
  }

  onEnd(callback: () => void): () => void {
    this.#ends.add(callback)
    return () => this.#ends.delete(callback)
  }

  /** Resolves with the result of the work while the process lives; after its end it stays pending. */
  async hears<T>(work: Promise<T>): Promise<T> {
    try {
      const value = await work
      if (!this.#over) return value
    } catch (error) {
      if (!this.#over) throw error
    }
    return never()
  }
}

/** A promise that stays pending. */
export function never(): Promise<never> {
  return new Promise(() => {})
}

/** A process's clock: its time of day may be wrong and may jump; its timers run like those of all processes. */
export class ProcessClock implements Clock {
  readonly #base: Clock
  readonly #life: Life
  /** How far the wall clock is ahead, ms. */
  skewMs = 0

  constructor(base: Clock, life: Life) {
    this.#base = base
    this.#life = life
  }

  now(): number {
    return Math.floor(this.#base.now() + this.skewMs)
  }

  monotonic(): number {
    return this.#base.monotonic()
  }

  after(delayMs: number, callback: () => void): () => void {
    if (this.#life.over) return () => {}
    const off = (): void => {
      callOff()
      forget()
    }
    const callOff = this.#base.after(Math.ceil(delayMs), () => {
      forget()
      callback()
    })
    const forget = this.#life.onEnd(callOff)
    return off
  }
}
