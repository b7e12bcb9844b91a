/** The trace of a simulation, one line a step: the last lines for people, and a hash to compare two simulations. */

/** Number of lines in a report. */
const SHOWN = 60

export class Trace {
  readonly #lines: string[] = []
  readonly #keepAll: boolean
  #count = 0
  #hash = 0x811c9dc5

  constructor(keepAll: boolean) {
    this.#keepAll = keepAll
  }

  add(line: string): void {
    this.#count++
    for (let index = 0; index < line.length; index++) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), 0x01000193)
    }
    this.#lines.push(`${String(this.#count).padStart(5)} ${line}`)
    if (!this.#keepAll && this.#lines.length > 2 * SHOWN) this.#lines.splice(0, SHOWN)
  }

  /** Equal for equal traces. */
  get hash(): string {
    return `${this.#count}-${(this.#hash >>> 0).toString(16).padStart(8, '0')}`
  }

  get lines(): readonly string[] {
    return this.#keepAll ? this.#lines : this.#lines.slice(-SHOWN)
  }
}
