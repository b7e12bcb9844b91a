/** A text that grows by small pieces. As one string it would take ten times its size until it is read. */
export class GrowingText {
  readonly #long: string[] = []
  #short: string[] = []

  add(piece: string): void {
    this.#short.push(piece)
    if (this.#short.length < PIECES) return
    this.#long.push(this.#short.join(''))
    this.#short = []
  }

  toString(): string {
    return this.#long.join('') + this.#short.join('')
  }
}

const PIECES = 4096
