/**
 * The frames of a chat answer that only say a piece of text or thought: nearly all of them.
 *
 * The way through a package takes some fifty microseconds a frame. So what these say is told at once, and handed on to
 * the package in few large frames, before whatever comes behind it. The first frame that is anything else ends that: its
 * place among the pieces is the package's to tell.
 */
import { isRecord } from '../agent/parts.ts'
import type { WireCall } from './wire-call.ts'

type Json = Readonly<Record<string, unknown>>
type Kind = 'text' | 'reasoning'

/** Handed on at the latest when it is so long. */
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
  /** Characters that were handed on untold. */
  #owed = 0
  #isOver = false

  constructor(said: NonNullable<WireCall['said']>) {
    this.#said = said
  }

  /** Tells a plain frame, and answers what is to be handed on now; undefined for any other frame. */
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

  /** What was told and not handed on. */
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
