/** Splits a stream of bytes into lines of text: bytes in, lines out, no I/O. */
import { MeerkatError } from '../errors.ts'

const NEWLINE = 0x0a

export class LineReader {
  readonly #maxBytes: number
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #pieces: Uint8Array[] = []
  #bytes = 0
  /** Whether the current line is too long: its rest is skipped. */
  #skipping = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that are complete now. A line that can't be accepted is replaced by the error that says why. */
  push(chunk: Uint8Array): readonly (string | MeerkatError)[] {
    const found: (string | MeerkatError)[] = []
    let from = 0
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      found.push(...this.#add(chunk.subarray(from, to)), ...this.#cut())
      from = to + 1
    }
    return [...found, ...this.#add(chunk.subarray(from))]
  }

  /** The last line, where it had no line feed. */
  end(): readonly (string | MeerkatError)[] {
    return this.#bytes === 0 ? [] : this.#cut()
  }

  /** Adds a piece to the current line, within the limit. */
  #add(piece: Uint8Array): readonly MeerkatError[] {
    if (this.#skipping) return []
    this.#bytes += piece.length
    this.#pieces.push(piece)
    if (this.#bytes <= this.#maxBytes) return []
    this.#pieces = []
    this.#skipping = true
    return [
      new MeerkatError('too-large', `a message has at most ${this.#maxBytes} bytes`, {
        details: { maxBytes: this.#maxBytes },
      }),
    ]
  }

  #cut(): readonly (string | MeerkatError)[] {
    const wasSkipping = this.#skipping
    const line = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    this.#skipping = false
    if (wasSkipping) return []
    try {
      return [this.#decoder.decode(line)]
    } catch (error) {
      return [new MeerkatError('parse-error', 'the message is not UTF-8', { cause: error })]
    }
  }
}
