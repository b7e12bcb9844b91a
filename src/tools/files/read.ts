/** Reads text files by lines. Bounded: in lines, in characters, and in how much of a file is looked at. */
import { cutText } from '../../foreign.ts'
import { toolFailure } from '../failure.ts'
import { kindOf, sizeText } from './kinds.ts'
import { type OpenFile, quoted, type Roots } from './roots.ts'

export interface LineRange {
  /** The first line, from 1 on. */
  readonly from: number
  readonly most: number
  readonly signal: AbortSignal
}

/** The longest answer. */
const MAX_CHARS = 100_000
/** Longer lines are cut. */
const MAX_LINE_CHARS = 2000
/** Behind this nothing of a file is looked at: a line there is not worth the time. */
const MAX_BYTES = 256 * 1024 * 1024
/** Up to here a file is read to its end, to say how many lines it has. */
const COUNTED_BYTES = 8 * 1024 * 1024
const CHUNK_BYTES = 64 * 1024

/** The lines of a file, as the model is told them. */
export async function readLines(roots: Roots, path: string, range: LineRange): Promise<string> {
  const file = await roots.file(path)
  try {
    return await told(file, range)
  } finally {
    await file.handle.close()
  }
}

async function told({ handle, stats, shown }: OpenFile, range: LineRange): Promise<string> {
  const first = Buffer.alloc(CHUNK_BYTES)
  const { bytesRead } = await handle.read(first, 0, CHUNK_BYTES, 0)
  const begin = first.subarray(0, bytesRead)
  const { kind, encoding, what } = kindOf(begin)
  const size = sizeText(stats.size)
  if (bytesRead === 0) return `${quoted(shown)} is empty`
  if (kind !== 'text') return `${quoted(shown)} is ${what} of ${size}, and no text`
  const lines = new Lines(range)
  const decoder = new TextDecoder(encoding)
  let at = 0
  let chunk = begin
  while (chunk.length > 0 && at < MAX_BYTES) {
    range.signal.throwIfAborted()
    at += chunk.length
    lines.add(decoder.decode(chunk, { stream: true }))
    if (lines.isFull && at > COUNTED_BYTES) break
    const next = await handle.read(first, 0, CHUNK_BYTES, at)
    chunk = first.subarray(0, next.bytesRead)
  }
  const isWhole = chunk.length === 0
  if (isWhole) lines.end(decoder.decode())
  return lines.told(quoted(shown), { size, isWhole })
}

/** Takes the lines of a range out of a text that comes in pieces. */
class Lines {
  readonly #range: LineRange
  readonly #taken: string[] = []
  #chars = 0
  /** The number of the line that is being read. */
  #number = 1
  #line = ''
  /** Its length, also of what is not kept. */
  #length = 0
  #lastWasReturn = false
  #returns = 0
  #damaged = false

  constructor(range: LineRange) {
    this.#range = range
  }

  /** Whether nothing more is taken. */
  get isFull(): boolean {
    return this.#taken.length >= this.#range.most || this.#chars >= MAX_CHARS
  }

  add(text: string): void {
    if (text.includes('�')) this.#damaged = true
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#keep(text, start, end)
      this.#finish()
      start = end + 1
    }
    this.#keep(text, start, text.length)
  }

  end(rest: string): void {
    this.add(rest)
    if (this.#length > 0) this.#finish()
  }

  told(name: string, { size, isWhole }: { readonly size: string; readonly isWhole: boolean }): string {
    const { from } = this.#range
    const count = this.#number - 1
    if (this.#taken.length === 0) {
      if (isWhole) throw toolFailure('not-found', `${name} has ${count} lines, and none from line ${from} on`)
      throw toolFailure('too-large', `line ${from} of ${name} (${size}) is too far behind its beginning to be read`)
    }
    const last = from + this.#taken.length - 1
    const of = isWhole ? `${count}` : 'more'
    const rest = isWhole && last >= count ? '' : `; read on with from_line ${last + 1}`
    const notes = [
      ...(this.#returns > 0 ? [this.#returns === count ? 'line ends are CRLF' : 'some line ends are CRLF'] : []),
      ...(this.#damaged ? ['it is not all UTF-8: what could not be read is shown as �'] : []),
    ]
    const head = `${name}: lines ${from} to ${last} of ${of} (${size}${notes.map(note => `; ${note}`).join('')})${rest}`
    return [head, ...this.#taken.map((line, index) => `${from + index}\t${line}`)].join('\n')
  }

  #keep(text: string, start: number, end: number): void {
    if (end === start) return
    this.#lastWasReturn = text.charCodeAt(end - 1) === 13
    this.#length += end - start
    const room = MAX_LINE_CHARS + 1 - this.#line.length
    if (room > 0 && this.#number >= this.#range.from && !this.isFull)
      this.#line += text.slice(start, Math.min(end, start + room))
  }

  #finish(): void {
    if (this.#number >= this.#range.from && !this.isFull) {
      const line = this.#lastWasReturn && this.#length <= this.#line.length ? this.#line.slice(0, -1) : this.#line
      const kept = cutText(line, MAX_LINE_CHARS)
      const left = this.#length - kept.length
      this.#taken.push(line.length > MAX_LINE_CHARS ? `${kept} [… ${left} more characters]` : kept)
      this.#chars += kept.length + 8
    }
    if (this.#lastWasReturn) this.#returns++
    this.#number++
    this.#line = ''
    this.#length = 0
    this.#lastWasReturn = false
  }
}
