/**
 * Replies as plain data: an answer is a list of steps and an ending, so that every failure in the middle of a stream is
 * an ordinary answer with something changed (`failure.ts`).
 */
import type { Gate } from './gate.ts'
import { type ChatRequest, type RecordedRequest, textOf } from './request.ts'

export interface ToolCallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function: { readonly name?: string; readonly arguments: string }
}

export interface Delta {
  readonly content?: string
  readonly reasoning_content?: string
  readonly refusal?: string
  readonly tool_calls?: readonly ToolCallDelta[]
}

export type Step =
  | { readonly type: 'delta'; readonly delta: Delta }
  | { readonly type: 'wait'; readonly gate: Gate }
  /** The payload of one SSE event as it stands, for what a correct server would never send. */
  | { readonly type: 'raw'; readonly data: string }

export interface UsageSpec {
  readonly input: number
  readonly output: number
  readonly cached?: number
  readonly reasoning?: number
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter'

/**
 * `done`: as a correct server. `cut`: the socket is destroyed after the steps. `stall`: nothing more is sent and the
 * connection stays open. `eof`: the response ends cleanly but without finish reason and `[DONE]`, as proxies do it.
 */
export type Ending = 'done' | 'cut' | 'stall' | 'eof'

export interface Answer {
  readonly type: 'answer'
  readonly steps: readonly Step[]
  readonly finishReason: FinishReason
  /** `null`: a server that never tells its usage. */
  readonly usage: UsageSpec | null
  readonly ending: Ending
  /** The gate before the first byte, status line included. */
  readonly firstByteAfter?: Gate
}

export interface HttpReply {
  readonly type: 'http'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly firstByteAfter?: Gate
}

/** The connection is closed without a single byte of response. */
export interface Dropped {
  readonly type: 'drop'
  readonly firstByteAfter?: Gate
}

export type Reply = Answer | HttpReply | Dropped

export type ReplyFunction = (body: ChatRequest, request: RecordedRequest) => ScriptedReply | Promise<ScriptedReply>

export type ScriptedReply = Reply | ReplyFunction

export interface TextOptions {
  /** Each string is one streamed chunk; a gate holds back what follows it. */
  readonly chunks: readonly (string | Gate)[]
  readonly reasoning?: readonly string[]
  readonly usage?: UsageSpec | null
  readonly finishReason?: FinishReason
}

export interface ToolCallSpec {
  readonly id: string
  readonly name: string
  /** Any JSON value; leave it out for `{}`. */
  readonly args?: unknown
  /** The argument string as it stands, for arguments that are not JSON. */
  readonly rawArgs?: string
}

export interface ToolCallsOptions {
  readonly usage?: UsageSpec | null
  readonly finishReason?: FinishReason
  /** Text chunks before the calls. */
  readonly text?: readonly string[]
  /** Characters in an argument fragment; 7 unless told, so that most arguments come in several. */
  readonly fragmentLength?: number
  /** Send the calls' fragments in turns instead of one call after the other. */
  readonly interleave?: boolean
}

const DEFAULT_USAGE: UsageSpec = { input: 12, output: 5 }

const FRAGMENT_LENGTH = 7

function delta(value: Delta): Step {
  return { type: 'delta', delta: value }
}

/** Cuts between code points, never inside one. */
export function fragments(text: string, length: number): string[] {
  const points = Array.from(text)
  const parts: string[] = []
  for (let at = 0; at < points.length; at += length) parts.push(points.slice(at, at + length).join(''))
  return parts
}

export function text(options: TextOptions | string): Answer {
  const {
    chunks,
    reasoning = [],
    usage = DEFAULT_USAGE,
    finishReason = 'stop',
  }: TextOptions = typeof options === 'string' ? { chunks: [options] } : options
  const steps = [
    ...reasoning.map(part => delta({ reasoning_content: part })),
    ...chunks.map((part): Step => (typeof part === 'string' ? delta({ content: part }) : { type: 'wait', gate: part })),
  ]
  return { type: 'answer', steps, finishReason, usage, ending: 'done' }
}

/** A structured output: the JSON text of `value` in fragments. */
export function json(value: unknown, options: { readonly usage?: UsageSpec | null } = {}): Answer {
  return text({ chunks: fragments(JSON.stringify(value), FRAGMENT_LENGTH), ...options })
}

/** The model declines: `refusal` instead of `content`. */
export function refusal(message: string): Answer {
  return { ...text({ chunks: [] }), steps: fragments(message, FRAGMENT_LENGTH).map(part => delta({ refusal: part })) }
}

function callDeltas(call: ToolCallSpec, index: number, fragmentLength: number): Step[] {
  const args = call.rawArgs ?? JSON.stringify(call.args ?? {})
  const start: ToolCallDelta = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }
  const rest = fragments(args, fragmentLength).map(part => ({ index, function: { arguments: part } }))
  return [start, ...rest].map(part => delta({ tool_calls: [part] }))
}

function inTurns<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(list => list.length))
  return Array.from({ length: longest }, (_, at) => lists.flatMap(list => list.slice(at, at + 1))).flat()
}

export function toolCalls(calls: readonly ToolCallSpec[], options: ToolCallsOptions = {}): Answer {
  const perCall = calls.map((call, index) => callDeltas(call, index, options.fragmentLength ?? FRAGMENT_LENGTH))
  return {
    type: 'answer',
    steps: [
      ...(options.text ?? []).map(part => delta({ content: part })),
      ...(options.interleave === true ? inTurns(perCall) : perCall.flat()),
    ],
    finishReason: options.finishReason ?? 'tool_calls',
    usage: options.usage === undefined ? DEFAULT_USAGE : options.usage,
    ending: 'done',
  }
}

/** Answers nothing at all, but correctly: no content, finish reason `stop`. */
export function empty(): Answer {
  return text({ chunks: [] })
}

/** Holds the reply back, status line included, until the gate opens. */
export function slow<T extends Reply>(reply: T, firstByteAfter: Gate): T {
  return { ...reply, firstByteAfter }
}

/** Says back what the user said last, or what the tools answered. */
export const echo: ReplyFunction = body => text({ chunks: fragments(textOf(body.messages.at(-1)), FRAGMENT_LENGTH) })
