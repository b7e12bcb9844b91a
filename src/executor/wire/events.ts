/**
 * Reads the values in a response body: server-sent events as servers really send them, or bare JSON.
 *
 * Enforces: no more than `maxChars` of one event are held, whatever the body contains; the work is linear in its
 * length.
 */
import { Brackets } from './brackets.ts'

/** One event. */
export interface WireEvent {
  /** The type of the event, where the server names it. */
  readonly event?: string
  /** The data as it was sent. */
  readonly data: string
  /** The data as JSON; undefined where it is none. */
  readonly json: unknown
}

export interface WireReader {
  push(text: string): void
  /** The body has ended: the text that is held is an event too. */
  end(): void
}

type OnEvent = (event: WireEvent) => void

/**
 * Reads a body whose first character tells its kind: JSON begins with a bracket, an event stream never does.
 *
 * @param tooLong Makes the error that is thrown once more than `maxChars` are held.
 */
export class BodyReader implements WireReader {
  readonly #make: (isJson: boolean) => WireReader
  #reader: WireReader | undefined

  constructor(onEvent: OnEvent, maxChars: number, tooLong: () => Error) {
    const held = { maxChars, tooLong }
    this.#make = isJson => (isJson ? new JsonReader(onEvent, held) : new EventReader(onEvent, held))
  }

  /** Whether the body is bare JSON, as far as that is known. */
  get isJson(): boolean {
    return this.#reader instanceof JsonReader
  }

  push(text: string): void {
    if (this.#reader === undefined) {
      const rest = text.trimStart()
      if (rest === '') return
      this.#reader = this.#make(rest.startsWith('{') || rest.startsWith('['))
    }
    this.#reader.push(text)
  }

  end(): void {
    this.#reader?.end()
  }
}

interface Held {
  readonly maxChars: number
  readonly tooLong: () => Error
}

/** Collects the fields of an event, line by line, until the event ends. */
class EventReader implements WireReader {
  readonly #onEvent: OnEvent
  readonly #held: Held
  #line = ''
  #afterCr = false
  #event: string | undefined
  #data: string[] = []
  #dataChars = 0

  constructor(onEvent: OnEvent, held: Held) {
    this.#onEvent = onEvent
    this.#held = held
  }

  push(text: string): void {
    const ends = /\r\n|\r|\n/g
    let from = this.#afterCr && text.startsWith('\n') ? 1 : 0
    if (text !== '') this.#afterCr = text.endsWith('\r')
    ends.lastIndex = from
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const line = this.#line + text.slice(from, end.index)
      this.#line = ''
      from = ends.lastIndex
      this.#onLine(line)
    }
    this.#line += text.slice(from)
    if (this.#line.length + this.#dataChars > this.#held.maxChars) throw this.#held.tooLong()
  }

  end(): void {
    if (this.#line !== '') this.#onLine(this.#line)
    this.#line = ''
    this.#dispatch()
  }

  #onLine(line: string): void {
    if (line.trim() === '') return this.#dispatch()
    // Some servers put the JSON of an error between the events, as a line of its own.
    if (line.startsWith('{')) return this.#emit(line)
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    switch (field.trim()) {
      case 'event':
        this.#event = value.trim()
        return
      case 'data':
        return this.#onData(value)
      case 'error':
        // llama.cpp names the field of an error so.
        this.#event = 'error'
        return this.#emit(value)
      default:
        return
    }
  }

  #onData(value: string): void {
    // A complete value is passed on at once: not every server sends the blank line that has to follow.
    if (this.#data.length === 0) {
      const json = wholeIn(value)
      if (json !== undefined) return this.#tell(value, json === DONE ? undefined : json)
    }
    this.#dataChars += value.length
    if (this.#dataChars > this.#held.maxChars) throw this.#held.tooLong()
    this.#data.push(value)
  }

  #dispatch(): void {
    const lines = this.#data
    this.#data = []
    this.#dataChars = 0
    const data = lines.join('\n')
    // Several lines that are each complete were meant as one event each.
    if (lines.length > 1 && parse(data) === undefined && lines.some(isWhole)) for (const line of lines) this.#emit(line)
    else this.#emit(data)
    this.#event = undefined
  }

  #emit(data: string): void {
    if (data.trim() !== '') this.#tell(data, parse(data))
  }

  #tell(data: string, json: unknown): void {
    const event = this.#event
    this.#onEvent(event === undefined || event === '' ? { data, json } : { event, data, json })
  }
}

/** Reads JSON values that follow each other. */
class JsonReader implements WireReader {
  readonly #onEvent: OnEvent
  readonly #held: Held
  readonly #brackets = new Brackets()
  #text = ''

  constructor(onEvent: OnEvent, held: Held) {
    this.#onEvent = onEvent
    this.#held = held
  }

  push(text: string): void {
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (!this.#brackets.closes(text.charCodeAt(at))) continue
      this.#emit(this.#text + text.slice(from, at + 1))
      from = at + 1
      this.#text = ''
    }
    this.#text += text.slice(from)
    if (this.#text.length > this.#held.maxChars) throw this.#held.tooLong()
  }

  end(): void {
    this.#emit(this.#text)
    this.#text = ''
  }

  #emit(data: string): void {
    if (data.trim() !== '') this.#onEvent({ data, json: parse(data) })
  }
}

/** The data with which a stream says that it has ended. */
export const DONE = '[DONE]'

const isWhole = (data: string): boolean => wholeIn(data) !== undefined

/** The object in a text, or the word that says that the stream has ended; undefined: neither. */
function wholeIn(data: string): unknown {
  const text = data.trim()
  if (text === DONE) return DONE
  return text.startsWith('{') && text.endsWith('}') ? parse(text) : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
