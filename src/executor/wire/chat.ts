/**
 * Repairs answers of the chat-completions protocol.
 *
 * Frames are passed on, without fields that no client expects: unknown roles, numbers as strings, choices that are
 * null. Tool calls, the finish and the usage follow once the answer is complete.
 *
 * Enforces: an answer is complete when the protocol says so, by `[DONE]` or a finish reason, whatever the connection
 * does.
 */
import { isRecord } from '../agent/parts.ts'
import { answerTooLarge, type WireLimits } from './fault.ts'
import { isError, isFilled, saidIn } from './said.ts'
import { ToolDeltas } from './tool-deltas.ts'

type Json = Readonly<Record<string, unknown>>

/** How far an answer is. `whole`: it ends now. `finishing`: it ends unless more comes soon. */
export type Progress = 'open' | 'finishing' | 'whole'

export interface ChatOptions {
  readonly limits: WireLimits
  /** The names of the tools that the request offers. */
  readonly toolNames: readonly string[]
  /** Called for text that is read but not passed on yet. */
  readonly heard: () => void
}

export class ChatAnswer {
  readonly #options: ChatOptions
  readonly #calls: ToolDeltas
  #envelope: Json | undefined
  #finish: string | undefined
  #usage: Json | undefined
  /** The frame that had the usage, because packages read more fields of it. */
  #counted: Json = {}
  #isOver = false
  #isRead = false
  #isRefusedOrSaid = false
  #heldChars = 0

  constructor(options: ChatOptions) {
    this.#options = options
    this.#calls = new ToolDeltas(options.toolNames, options.limits)
  }

  get progress(): Progress {
    if (this.#isOver) return 'whole'
    return this.#finish === undefined ? 'open' : 'finishing'
  }

  /** Whether nothing but the usage is still to come. */
  get knowsUsage(): boolean {
    return this.#usage !== undefined
  }

  /** Takes one frame; answers the frames to pass on. */
  take(frame: unknown): readonly Json[] {
    if (this.#isOver) return []
    if (Array.isArray(frame)) return frame.flatMap(one => this.take(one))
    if (!isRecord(frame)) return []
    this.#isRead = true
    if (isError(frame)) return this.fail(frame)
    const isCounted = this.#keepUsage(frame)
    const { choices } = frame
    const choice: unknown = Array.isArray(choices) ? choices.find(isRecord) : choices
    // With the usage after a finish, the answer is complete.
    if (!isRecord(choice)) return isCounted && this.#finish !== undefined ? this.end('done') : []
    if (isFilled(choice['error'])) return this.fail(choice['error'])
    this.#envelope ??= envelopeOf(frame)
    const reason = choice['finish_reason']
    if (typeof reason === 'string' && reason.trim() !== '' && reason !== 'null') this.#finish = reason
    const delta = this.#deltaOf(choice)
    return delta === undefined ? [] : [this.#frame(delta, null, frame, choice)]
  }

  /** The provider reports an error instead of the rest. */
  fail(error: unknown): readonly Json[] {
    if (this.#isOver) return []
    this.#isOver = true
    const { message, codes, status } = saidIn(error)
    const [code] = codes
    return [
      { error: { message: message ?? 'an error without a message', type: codes.join(' '), code: status ?? code } },
    ]
  }

  /** The stream ended; answers the frames that are still owed. */
  end(said: 'done' | 'closed'): readonly Json[] {
    if (this.#isOver) return []
    const calls = this.#calls.whole()
    if (this.#finish === undefined && said === 'closed') {
      return this.fail({ message: 'the stream ended early', code: this.#isRead ? STREAM_CUT : NO_STREAM })
    }
    this.#isOver = true
    const finish = this.#finish ?? (calls.length > 0 ? 'tool_calls' : 'stop')
    const usage = this.#usage === undefined ? {} : { usage: this.#usage }
    const last = { ...this.#frame({}, finish, this.#counted), ...usage }
    return calls.length === 0 ? [last] : [this.#frame({ tool_calls: calls }, null), last]
  }

  #frame(delta: Json, finish: string | null, { usage: _u, error: _e, ...frame }: Json = {}, choice: Json = {}): Json {
    const { message: _m, delta: _d, ...rest } = choice
    return { ...frame, ...this.#envelope, choices: [{ ...rest, index: 0, delta, finish_reason: finish }] }
  }

  /** What a choice adds, apart from tool calls, which are kept; undefined: nothing. */
  #deltaOf(choice: Json): Json | undefined {
    const { delta, message } = choice
    if (!isRecord(delta)) {
      // A `message` is the complete answer; after deltas it only repeats them.
      return isRecord(message) && !this.#isRefusedOrSaid && this.#calls.isEmpty ? this.#contentOf(message) : undefined
    }
    return this.#contentOf(delta)
  }

  #contentOf({ tool_calls: calls, function_call: call, role: _, ...delta }: Json): Json | undefined {
    if (Array.isArray(calls) ? calls.length > 0 : isRecord(calls)) this.#hold(calls)
    else if (isRecord(call)) this.#hold([{ index: 0, function: call }])
    const texts = { ...textOf('reasoning_content', delta), ...textOf('reasoning', delta), ...textOf('refusal', delta) }
    const content = contentOf(delta['content'])
    const { content: _c, reasoning_content: _r, reasoning: _s, refusal: _f, ...rest } = delta
    const said = { ...texts, ...(content === undefined ? {} : { content }) }
    if (Object.keys(said).length === 0 && Object.keys(rest).length === 0) return undefined
    if (Object.keys(said).length > 0) this.#isRefusedOrSaid = true
    return { ...rest, ...said }
  }

  #hold(calls: unknown): void {
    const chars = this.#calls.add(calls)
    if (chars === 0) return
    this.#heldChars += chars
    if (this.#heldChars > this.#options.limits.maxAnswerChars) throw answerTooLarge(this.#options.limits)
    this.#options.heard()
  }

  /** Keeps the usage of a frame; answers whether it has one. */
  #keepUsage(frame: Json): boolean {
    const { usage, x_groq: groq } = frame
    const counted = countsOf(usage) ?? (isRecord(groq) ? countsOf(groq['usage']) : undefined)
    if (counted === undefined) return false
    this.#usage = counted
    this.#counted = frame
    return true
  }
}

/** Codes of a stream that ended too early, and of a body that was none, such as a proxy's page. */
export const STREAM_CUT = 'stream_cut'
export const NO_STREAM = 'no_stream'

function envelopeOf({ id, created, model }: Json): Json {
  return {
    id: typeof id === 'string' ? id : 'answer',
    object: 'chat.completion.chunk',
    created: typeof created === 'number' ? created : 0,
    model: typeof model === 'string' ? model : '',
  }
}

function textOf(name: string, delta: Json): Json {
  const text = delta[name]
  return typeof text === 'string' && text !== '' ? { [name]: text } : {}
}

/** A text, or the parts of one that have a type. */
function contentOf(content: unknown): unknown {
  if (typeof content === 'string') return content === '' ? undefined : content
  const parts: readonly unknown[] = Array.isArray(content) ? content : [content]
  const typed = parts.flatMap(part => (typeof part === 'string' ? [{ type: 'text', text: part }] : [part]))
  const known = typed.filter(part => isRecord(part) && typeof part['type'] === 'string')
  return known.length === 0 ? undefined : known
}

/** Fields that a client expects to be numbers. */
const COUNTS = ['prompt_tokens', 'completion_tokens', 'total_tokens']
const DETAILS = ['prompt_tokens_details', 'completion_tokens_details']

/** The usage, without counts that are no numbers: those count as unmeasured. Undefined where none is left. */
function countsOf(usage: unknown): Json | undefined {
  if (!isRecord(usage) || !COUNTS.some(name => isCount(usage[name]))) return undefined
  const kept = Object.entries(usage).filter(([name, value]) => {
    if (COUNTS.includes(name)) return isCount(value)
    return !DETAILS.includes(name) || isRecord(value)
  })
  return Object.fromEntries<unknown>(
    kept.map(([name, value]) => [name, DETAILS.includes(name) && isRecord(value) ? numbersOf(value) : value]),
  )
}

function numbersOf(details: Json): Json {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => isCount(value)))
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}
