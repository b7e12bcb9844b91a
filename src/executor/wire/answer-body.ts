/**
 * The body of an answer, read as its protocol and handed on as an event stream without surprises.
 *
 * Enforces: the body ends when the answer is whole, and the connection with it; no more is read than somebody takes.
 */
import { ChatAnswer } from './chat.ts'
import { BodyReader, DONE, type WireEvent } from './events.ts'
import { answerTooLarge, WIRE_LIMITS, type WireLimits } from './fault.ts'
import { OtherAnswer } from './other.ts'
import { PlainText } from './plain-text.ts'
import type { WireCall } from './wire-call.ts'

/** A token comes in an event of some 200 characters. */
const MAX_FORWARDED = 16 * WIRE_LIMITS.maxAnswerChars

/** How long after a finish the usage may take, and how long anything where it is known. */
const GRACE_MS = 500
const SHORT_GRACE_MS = 200

export interface AnswerOptions extends WireCall {
  /** Whether it is the chat-completions protocol. */
  readonly isChat: boolean
}

export function answerBody(body: ReadableStream<Uint8Array>, options: AnswerOptions): ReadableStream<Uint8Array> {
  const answer = new AnswerBody(body.getReader(), options)
  return new ReadableStream<Uint8Array>(
    {
      pull: async controller => {
        const { text, isOver } = await answer.next()
        if (text !== '') controller.enqueue(encoder.encode(text))
        if (isOver) controller.close()
      },
      cancel: reason => answer.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

const encoder = new TextEncoder()

type Reader = ReadableStreamDefaultReader<Uint8Array>

class AnswerBody {
  readonly #source: Reader
  readonly #decoder = new TextDecoder()
  readonly #reader: BodyReader
  readonly #chat: ChatAnswer | undefined
  readonly #limits: WireLimits
  readonly #other = new OtherAnswer()
  #out: string[] = []
  #isOver = false
  /** Told, and not handed on yet. */
  readonly #told: PlainText | undefined
  /** What was handed on of a protocol whose answers are not measured here, and what came since anything was handed on. */
  #chars = 0
  #silentChars = 0
  #callOff = (): void => {}
  /** Resolves once nothing more is waited for; made anew by everything that comes after the finish. */
  #grace: Promise<'quiet'> | undefined

  constructor(source: Reader, options: AnswerOptions) {
    this.#source = source
    this.#limits = options.limits
    this.#told = options.said && new PlainText(options.said)
    this.#chat = options.isChat ? new ChatAnswer(options) : undefined
    this.#reader = new BodyReader(
      event => this.#take(event),
      options.limits.maxAnswerChars,
      () => answerTooLarge(options.limits),
    )
  }

  /** What comes next, once there is something or nothing more will come. */
  async next(): Promise<{ readonly text: string; readonly isOver: boolean }> {
    try {
      while (this.#out.length === 0 && !this.#isOver) await this.#read()
    } catch (error) {
      this.#leave()
      throw error
    }
    if (this.#isOver) this.#leave()
    const text = this.#out.join('')
    this.#out = []
    return { text, isOver: this.#isOver }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#callOff()
    await this.#source.cancel(reason)
  }

  get #progress(): ChatAnswer['progress'] {
    return (this.#chat ?? this.#other).progress
  }

  async #read(): Promise<void> {
    const next = await this.#nextBytes()
    if (next === 'quiet' || next.done) {
      if (next !== 'quiet') this.#reader.push(this.#decoder.decode())
      this.#reader.end()
      this.#end('closed')
    } else this.#push(this.#decoder.decode(next.value, { stream: true }))
    if (this.#progress === 'whole') this.#isOver = true
    if (this.#isOver) this.#release()
  }

  #push(text: string): void {
    this.#reader.push(text)
    this.#silentChars = this.#out.length > 0 ? 0 : this.#silentChars + text.length
    if (this.#silentChars > MAX_FORWARDED) throw answerTooLarge(this.#limits)
  }

  /** What comes; `quiet` once the answer is complete and nothing more has to be waited for. */
  async #nextBytes(): Promise<Awaited<ReturnType<Reader['read']>> | 'quiet'> {
    const read = this.#source.read()
    if (this.#grace === undefined) return await read
    // An answer that was finished is not lost with its connection.
    return await Promise.race([read.catch(() => 'quiet' as const), this.#grace])
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
      // Broken JSON: the client says so in its own words. Nothing that follows could mend the answer.
      this.#release()
      this.#out.push(eventText(data))
      this.#isOver = true
      return
    }
    if (json === undefined && HEARTBEAT.test(data)) return
    // What is no JSON at all is what went wrong, in words.
    const isError = event === 'error' || json === undefined
    for (const frame of isError ? chat.fail(json ?? data) : chat.take(json)) {
      const full = this.#told?.take(frame)
      if (full === undefined) this.#put(frame)
      else for (const one of full) this.#out.push(eventText(JSON.stringify(one)))
    }
    // A completion in one piece is whole, whatever it says.
    if (this.#reader.isJson && isCompletion(json)) this.#end('done')
  }

  #forward({ data, event }: WireEvent): void {
    this.#chars += data.length
    if (this.#chars > MAX_FORWARDED) throw answerTooLarge(this.#limits)
    this.#out.push(eventText(data, event))
  }

  #end(said: 'done' | 'closed'): void {
    if (this.#chat === undefined) this.#other.end()
    else for (const frame of this.#chat.end(said)) this.#put(frame)
  }

  #put(frame: unknown): void {
    this.#release()
    this.#out.push(eventText(JSON.stringify(frame)))
  }

  /** Hands on what was told. */
  #release(): void {
    for (const frame of this.#told?.release() ?? []) this.#out.push(eventText(JSON.stringify(frame)))
  }

  #wait(): void {
    this.#callOff()
    const quiet = Promise.withResolvers<'quiet'>()
    const isKnown = (this.#chat ?? this.#other).knowsUsage
    const timer = setTimeout(() => quiet.resolve('quiet'), isKnown ? SHORT_GRACE_MS : GRACE_MS)
    this.#callOff = () => clearTimeout(timer)
    this.#grace = quiet.promise
  }

  /** Lets the connection be used again if its body ends just now, and drops it otherwise. */
  #leave(): void {
    this.#callOff()
    void drained(this.#source)
  }
}

/** Long enough for the end of a body that is already on its way. */
const DRAIN_MS = 200
const MAX_DRAINED = 64 * 1024

async function drained(source: Reader): Promise<void> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), DRAIN_MS)
  try {
    for (let bytes = 0; bytes < MAX_DRAINED; ) {
      const next = await Promise.race([source.read(), late.promise])
      if (next === 'late' || next.done) break
      bytes += next.value.length
    }
  } catch {
    // Nobody waits for it any more.
  }
  clearTimeout(timer)
  await source.cancel().catch(() => undefined)
}

/** Data that only keeps a connection alive. */
const HEARTBEAT = /^\s*(?::.*|ping|pong|keep-?alive|heartbeat|null|undefined)\s*$/i

function isCompletion(json: unknown): boolean {
  return typeof json === 'object' && json !== null && Reflect.get(json, 'object') !== 'chat.completion.chunk'
}

function eventText(data: string, event?: string): string {
  const lines = data.split('\n').map(line => `data: ${line}\n`)
  return `${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`
}
