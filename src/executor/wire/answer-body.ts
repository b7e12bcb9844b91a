/**
 * Reads the body of an answer by its protocol, and passes it on as a clean event stream.
 *
 * Enforces: the body ends when the answer is complete, and the connection with it; only a little is read before the
 * package takes it.
 */
import { ChatAnswer } from './chat.ts'
import { BodyReader, DONE, type WireEvent } from './events.ts'
import { answerTooLarge, WIRE_LIMITS, type WireLimits } from './fault.ts'
import { OtherAnswer } from './other.ts'
import type { Sink } from './patient-fetch.ts'
import { PlainText } from './plain-text.ts'
import type { WireCall } from './wire-call.ts'

/** A token comes in an event of some 200 characters. */
const MAX_FORWARDED = 16 * WIRE_LIMITS.maxAnswerChars

/** How long the usage may take after a finish and, where the usage is known, anything else. */
const GRACE_MS = 500
const SHORT_GRACE_MS = 200

export interface AnswerOptions extends WireCall {
  /** Whether it is the chat-completions protocol. */
  readonly isChat: boolean
}

/** The body of an answer whose bytes come from a stream. */
export function answerBody(body: ReadableStream<Uint8Array>, options: AnswerOptions): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const answer = new AnswerBody(options)
  answer.from(reason => reader.cancel(reason))
  const readAll = async (): Promise<void> => {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (answer.push(next.value)) continue
        await new Promise<void>(resolve => answer.resumeBy(resolve))
      }
      answer.end()
    } catch (error) {
      answer.fail(error)
    }
  }
  void readAll()
  return answer.stream
}

const encoder = new TextEncoder()

/** Takes the bytes of an answer as they come, and makes the stream that the package reads. */
export class AnswerBody implements Sink {
  readonly stream: ReadableStream<Uint8Array>
  readonly #decoder = new TextDecoder()
  readonly #reader: BodyReader
  readonly #chat: ChatAnswer | undefined
  readonly #limits: WireLimits
  readonly #other = new OtherAnswer()
  #cancelSource: ((reason?: unknown) => Promise<void>) | undefined
  #resumeSource = (): void => {}
  /** Text that the package has not taken yet. */
  #out: string[] = []
  #outChars = 0
  #isPaused = false
  #failure: { readonly error: unknown } | undefined
  #isOver = false
  /** The connection has no more bytes. */
  #hasEnded = false
  /** How many bytes came behind the answer. */
  #excess = 0
  /** Text that was announced and is not passed on yet. */
  readonly #told: PlainText | undefined
  /** How much was passed on of a protocol that is not measured here, and how much came since the last was passed on. */
  #chars = 0
  #silentChars = 0
  /** Set again by everything that comes after the finish. */
  #grace: NodeJS.Timeout | undefined
  #wake = (): void => {}

  constructor(options: AnswerOptions) {
    this.#limits = options.limits
    this.#told = options.said && new PlainText(options.said)
    this.#chat = options.isChat ? new ChatAnswer(options) : undefined
    this.#reader = new BodyReader(
      event => this.#take(event),
      options.limits.maxAnswerChars,
      () => answerTooLarge(options.limits),
    )
    this.stream = new ReadableStream<Uint8Array>(
      { pull: controller => this.#pull(controller), cancel: reason => this.#cancel(reason) },
      { highWaterMark: 0 },
    )
  }

  /** Sets how the connection is told that the rest is not wanted. */
  from(cancel: (reason?: unknown) => Promise<void>): void {
    this.#cancelSource = cancel
    if (this.#isOver) this.#leave()
  }

  resumeBy(resume: () => void): void {
    this.#resumeSource = resume
  }

  push(bytes: Uint8Array): boolean {
    if (this.#isOver) this.#drop(bytes.length)
    else this.#act(() => this.#push(this.#decoder.decode(bytes, { stream: true })))
    this.#isPaused = !this.#isOver && this.#outChars > MOST_WAITING
    return !this.#isPaused
  }

  /** No more bytes come. */
  end(): void {
    this.#hasEnded = true
    if (!this.#isOver) this.#act(() => this.#close())
  }

  /** The connection broke. A finished answer is not lost with it. */
  fail(error: unknown): void {
    this.#hasEnded = true
    if (this.#isOver) return
    if (this.#grace === undefined) this.#act(() => this.#refuse(error))
    else this.#act(() => this.#close(false))
  }

  /** Processes what came, and wakes the package. */
  #act(work: () => void): void {
    try {
      work()
      if (this.#progress === 'whole') this.#isOver = true
      if (this.#isOver) this.#release()
    } catch (error) {
      this.#refuse(error)
    }
    if (this.#isOver) this.#leave()
    if (this.#isOver || this.#out.length > 0) this.#wake()
  }

  #refuse(error: unknown): void {
    this.#isOver = true
    this.#failure = { error }
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#out.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    const text = this.#out.join('')
    this.#out = []
    this.#outChars = 0
    if (text !== '') controller.enqueue(encoder.encode(text))
    if (this.#failure !== undefined) controller.error(this.#failure.error)
    else if (this.#isOver) controller.close()
    if (this.#isPaused) this.#resume()
  }

  #resume(): void {
    this.#isPaused = false
    this.#resumeSource()
  }

  async #cancel(reason: unknown): Promise<void> {
    this.#isOver = true
    this.#hasEnded = true
    clearTimeout(this.#grace)
    this.#wake()
    await this.#cancelSource?.(reason)
  }

  get #progress(): ChatAnswer['progress'] {
    return (this.#chat ?? this.#other).progress
  }

  #push(text: string): void {
    const before = this.#out.length
    this.#reader.push(text)
    this.#silentChars = this.#out.length > before ? 0 : this.#silentChars + text.length
    if (this.#silentChars > MAX_FORWARDED) throw answerTooLarge(this.#limits)
  }

  /** The body has ended: text that is still held belongs to it. */
  #close(isWhole: boolean = true): void {
    if (isWhole) this.#reader.push(this.#decoder.decode())
    this.#reader.end()
    this.#end('closed')
  }

  #take(event: WireEvent): void {
    if (this.#isOver || this.#progress === 'whole') return
    if (event.data.trim() === DONE) return this.#end('done')
    const before = this.#out.length
    if (this.#chat === undefined) {
      if (this.#other.take(event)) this.#forward(event)
    } else this.#takeChat(this.#chat, event)
    if (this.#progress === 'finishing' && (this.#grace === undefined || this.#out.length > before)) this.#wait()
  }

  #takeChat(chat: ChatAnswer, { event, json, data }: WireEvent): void {
    if (json === undefined && /^\s*[{[]/.test(data)) {
      // Malformed JSON: the client reports it itself, and nothing that follows could mend the answer.
      this.#release()
      this.#hand(eventText(data))
      this.#isOver = true
      return
    }
    if (json === undefined && HEARTBEAT.test(data)) return
    // Data that is no JSON says in words what went wrong.
    const isError = event === 'error' || json === undefined
    for (const frame of isError ? chat.fail(json ?? data) : chat.take(json)) {
      const full = this.#told?.take(frame)
      if (full === undefined) this.#put(frame)
      else for (const one of full) this.#hand(eventText(JSON.stringify(one)))
    }
    // An answer in one piece is complete, whatever it says.
    if (this.#reader.isJson && isCompletion(json)) this.#end('done')
  }

  #forward({ data, event }: WireEvent): void {
    this.#chars += data.length
    if (this.#chars > MAX_FORWARDED) throw answerTooLarge(this.#limits)
    this.#hand(eventText(data, event))
  }

  #end(said: 'done' | 'closed'): void {
    if (this.#chat === undefined) this.#other.end()
    else for (const frame of this.#chat.end(said)) this.#put(frame)
  }

  #put(frame: unknown): void {
    this.#release()
    this.#hand(eventText(JSON.stringify(frame)))
  }

  /** Passes on the text that was announced. */
  #release(): void {
    for (const frame of this.#told?.release() ?? []) this.#hand(eventText(JSON.stringify(frame)))
  }

  #hand(text: string): void {
    this.#out.push(text)
    this.#outChars += text.length
  }

  /** The answer counts as complete once nothing more comes for a while. */
  #wait(): void {
    clearTimeout(this.#grace)
    const isKnown = (this.#chat ?? this.#other).knowsUsage
    const quiet = (): void => {
      if (!this.#isOver) this.#act(() => this.#close(false))
    }
    this.#grace = setTimeout(quiet, isKnown ? SHORT_GRACE_MS : GRACE_MS)
  }

  /** Keeps the connection for other requests if its body ends just now, and drops it otherwise. */
  #leave(): void {
    clearTimeout(this.#grace)
    if (this.#isPaused) this.#resume()
    if (this.#hasEnded || this.#cancelSource === undefined) return
    this.#grace = setTimeout(() => this.#drop(), DRAIN_MS)
  }

  /** Drops bytes behind the answer; the connection is dropped once there are too many. */
  #drop(bytes: number = MAX_DRAINED): void {
    this.#excess += bytes
    if (this.#excess < MAX_DRAINED || this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#grace)
    this.#cancelSource?.().catch(() => undefined)
  }
}

/** With this many characters waiting for the package, no more is read. */
const MOST_WAITING = 64 * 1024

/** Long enough for the end of a body that is already on its way. */
const DRAIN_MS = 200
const MAX_DRAINED = 64 * 1024

/** Data that only keeps a connection alive. */
const HEARTBEAT = /^\s*(?::.*|ping|pong|keep-?alive|heartbeat|null|undefined)\s*$/i

function isCompletion(json: unknown): boolean {
  return typeof json === 'object' && json !== null && Reflect.get(json, 'object') !== 'chat.completion.chunk'
}

function eventText(data: string, event?: string): string {
  const lines = data.split('\n').map(line => `data: ${line}\n`)
  return `${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`
}
