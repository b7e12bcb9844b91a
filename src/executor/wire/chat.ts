/**
 * An answer of the chat-completions protocol as it should have come, made from what came.
 *
 * Frames go on as they are, but without what no client expects: roles that don't exist, numbers that are strings, choices
 * that are null. Tool calls, the finish and the usage follow once the answer is whole.
 *
 * Enforces: an answer is whole when the protocol says so, by `[DONE]` or a finish reason, whatever the connection does.
 */
import { isRecord } from '../agent/parts.ts'
import { answerTooLarge, type WireLimits } from './fault.ts'
import { isError, isFilled, saidIn } from './said.ts'
import { ToolDeltas } from './tool-deltas.ts'

type Json = Readonly<Record<string, unknown>>

/** How far an answer is: `whole` ends it now, `finishing` unless a little more comes. */
export type Progress = 'open' | 'finishing' | 'whole'

export interface ChatOptions {
  readonly limits: WireLimits
  /** The tools that the request offers. */
  readonly toolNames: readonly string[]
  /** Called for what is heard but not handed on yet. */
  readonly heard: () => void
}

export class ChatAnswer {
  readonly #options: ChatOptions
  readonly #calls: ToolDeltas
  #envelope: Json | undefined
  #finish: string | undefined
  #usage: Json | undefined
  /** The frame that it came in: packages read more of it. */
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

  /** Whether nothing but the usage could still come. */
  get knowsUsage(): boolean {
    return this.#usage !== undefined
  }

  /** Takes one frame; answers what goes on. */
  take(frame: unknown): readonly Json[] {
    if (this.#isOver) return []
    if (Array.isArray(frame)) return frame.flatMap(one => this.take(one))
    if (!isRecord(frame)) return []
    this.#isRead = true
    if (isError(frame)) return this.fail(frame)
    const isCounted = this.#keepUsage(frame)
    const { choices } = frame
    const choice: unknown = Array.isArray(choices) ? choices.find(isRecord) : choices
    // The usage is the last thing that the protocol has behind a finish.
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

  /** The stream says that it is over, or ended: answers what is still owed. */
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

  /** What a choice adds, without the calls, which are kept; undefined if it adds nothing. */
  #deltaOf(choice: Json): Json | undefined {
    const { delta, message } = choice
    if (!isRecord(delta)) {
      // A message is the answer as a whole; behind deltas it says again what they said.
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

  /** Whether the frame says what the answer cost. */
  #keepUsage(frame: Json): boolean {
    const { usage, x_groq: groq } = frame
    const counted = countsOf(usage) ?? (isRecord(groq) ? countsOf(groq['usage']) : undefined)
    if (counted === undefined) return false
    this.#usage = counted
    this.#counted = frame
    return true
  }
}

/** The codes of a stream that ended too early, and of what was none: a page of some proxy. */
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

/** Of which a client expects numbers. */
const COUNTS = ['prompt_tokens', 'completion_tokens', 'total_tokens']
const DETAILS = ['prompt_tokens_details', 'completion_tokens_details']

/** A usage without what is no number and should be: it was not measured. Undefined where nothing was. */
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
