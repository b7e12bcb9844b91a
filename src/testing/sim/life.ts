/**
 * The life of a simulated process. When it ends nothing of it goes on: whatever it waits for never comes, its timers are
 * gone, and what it was about to say is not heard.
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

  /** What the work comes to, as long as there is somebody to hear it; else nothing, ever. */
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

/** A wait that has no end. */
export function never(): Promise<never> {
  return new Promise(() => {})
}

/** A process's view of time: its wall clock may be wrong and may jump; its timers run as everybody's do. */
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
