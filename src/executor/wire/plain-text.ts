/**
 * The frames of a chat answer that only carry a piece of text or reasoning, which are nearly all of them.
 *
 * A frame takes some fifty microseconds to pass through a provider's package. So these pieces are announced at once,
 * and handed to the package later, in a few large frames, before any frame that follows. The first frame of another
 * kind ends this, because only the package knows its place among the pieces.
 */
import { isRecord } from '../agent/parts.ts'
import type { WireCall } from './wire-call.ts'

type Json = Readonly<Record<string, unknown>>
type Kind = 'text' | 'reasoning'

/** Held text is handed to the package at this length at the latest. */
const MOST_CHARS = 16 * 1024

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['content', 'text'],
  ['reasoning_content', 'reasoning'],
  ['reasoning', 'reasoning'],
])

interface Held {
  readonly name: string
  readonly frame: Json
  readonly choice: Json
  readonly pieces: string[]
  chars: number
}

export class PlainText {
  readonly #said: NonNullable<WireCall['said']>
  #held: Held | undefined
  /** How many characters were handed on without being announced. */
  #owed = 0
  #isOver = false

  constructor(said: NonNullable<WireCall['said']>) {
    this.#said = said
  }

  /** Announces a plain frame, and answers the frames to hand on now; undefined for any other frame. */
  take(frame: Json): readonly Json[] | undefined {
    const plain = this.#isOver ? undefined : plainOf(frame)
    if (plain === undefined) {
      this.#isOver = true
      return undefined
    }
    const { name, text, choice } = plain
    if (!this.#said(KINDS.get(name) ?? 'text', text, this.#owed)) {
      this.#owed += text.length
      return [...this.release(), frame]
    }
    const full = this.#held?.name === name ? [] : this.release()
    this.#held ??= { name, frame, choice, pieces: [], chars: 0 }
    this.#held.pieces.push(text)
    this.#held.chars += text.length
    return this.#held.chars < MOST_CHARS ? full : [...full, ...this.release()]
  }

  /** The frames with the text that was announced and not handed on. */
  release(): readonly Json[] {
    if (this.#held === undefined) return []
    const { name, frame, choice, pieces } = this.#held
    this.#held = undefined
    return [{ ...frame, choices: [{ ...choice, delta: { [name]: pieces.join('') } }] }]
  }
}

function plainOf({
  choices,
}: Json): { readonly name: string; readonly text: string; readonly choice: Json } | undefined {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  if (!isRecord(choice) || !isRecord(choice['delta']) || choice['finish_reason'] !== null) return undefined
  if (isRecord(choice['logprobs'])) return undefined
  const { delta } = choice
  let name: string | undefined
  for (const key in delta) {
    if (name !== undefined || !KINDS.has(key)) return undefined
    name = key
  }
  const text = name === undefined ? undefined : delta[name]
  return name === undefined || typeof text !== 'string' ? undefined : { name, text, choice }
}
