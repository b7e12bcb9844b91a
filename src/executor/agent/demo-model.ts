/**
 * `demo/agent`: a deterministic agent without a language model. It implements the provider interface, so streaming,
 * tools, retries and cancels take the same way as with a real model.
 */
import type { LanguageModelV4 } from '@ai-sdk/provider'
import { aClock, aDelay, checkOptions, type Fields, optional } from '../../options.ts'
import { type Clock, systemClock } from '../../time.ts'
import { type DemoStep, demoStep } from './demo-script.ts'
import { pause } from './demo-tools.ts'
import { valueFor } from './demo-value.ts'
import type { CallOptions, StreamPart } from './model.ts'

export interface DemoOptions {
  readonly clock?: Clock
  /** The wait between two words; default 15 ms. Counting takes four times as long, slow counting twenty times. */
  readonly wordDelayMs?: number
}

const OPTIONS: Fields<DemoOptions> = { clock: optional(aClock), wordDelayMs: optional(aDelay) }

/** Makes the demo model. */
export function demoModel(options: DemoOptions = {}): LanguageModelV4 {
  checkOptions('demoModel', options, OPTIONS)
  const { clock = systemClock, wordDelayMs = 15 } = options
  const failedOnce = new Set<string>()
  const stream = (options: CallOptions): ReadableStream<StreamPart> => {
    const parts = speak(options, { clock, wordDelayMs, failedOnce })
    return new ReadableStream<StreamPart>({
      pull: async controller => {
        const next = await parts.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
      cancel: async () => void (await parts.return(undefined)),
    })
  }
  return {
    specificationVersion: 'v4',
    provider: 'demo',
    modelId: 'demo/agent',
    supportedUrls: {},
    doStream: async options => ({ stream: stream(options) }),
    doGenerate: async () => {
      throw new Error('the demo model only streams')
    },
  }
}

interface Voice {
  readonly clock: Clock
  readonly wordDelayMs: number
  readonly failedOnce: Set<string>
}

async function* speak(options: CallOptions, voice: Voice): AsyncGenerator<StreamPart, void, void> {
  yield { type: 'stream-start', warnings: [] }
  const step = demoStep(
    options.prompt,
    (options.tools ?? []).map(({ name }) => name),
  )
  if (step.type === 'fail') return yield* fail(step, options, voice)
  let words = 0
  const speech = step.type === 'call' ? callParts(step, options, voice) : answerParts(step, options, voice)
  for await (const part of speech) {
    if (part.type === 'text-delta' || part.type === 'reasoning-delta') words++
    yield part
  }
  yield finish(step.type === 'call' ? 'tool-calls' : 'stop', options, words)
}

async function* fail(
  { retryable, key }: Extract<DemoStep, { type: 'fail' }>,
  options: CallOptions,
  { failedOnce }: Voice,
): AsyncGenerator<StreamPart, void, void> {
  if (retryable && failedOnce.delete(key)) {
    yield* words('text', 'I had a hiccup, and the runtime called me again.')
    yield finish('stop', options, 10)
    return
  }
  if (retryable) failedOnce.add(key)
  const type = retryable ? 'server_error' : 'invalid_request_error'
  yield { type: 'error', error: { message: 'you asked me to fail', type } }
  yield finish('error', options, 0)
}

async function* callParts(
  step: Extract<DemoStep, { type: 'call' }>,
  options: CallOptions,
  voice: Voice,
): AsyncGenerator<StreamPart, void, void> {
  yield* words('text', step.say, voice, voice.wordDelayMs, options.abortSignal)
  const before = options.prompt.length
  for (const [index, { name, args }] of step.calls.entries()) {
    yield { type: 'tool-call', toolCallId: `demo-${before}-${index}`, toolName: name, input: JSON.stringify(args) }
  }
}

const PACES = { usual: 1, counting: 4, slow: 20 } as const

async function* answerParts(
  step: Extract<DemoStep, { type: 'say' }>,
  options: CallOptions,
  voice: Voice,
): AsyncGenerator<StreamPart, void, void> {
  const { responseFormat, abortSignal } = options
  const delayMs = voice.wordDelayMs * PACES[step.pace]
  if (step.think !== undefined) yield* words('reasoning', step.think, voice, voice.wordDelayMs, abortSignal)
  const structured = responseFormat?.type === 'json' && !/\bbadly\b/i.test(step.text)
  const text = structured ? JSON.stringify(valueFor(responseFormat.schema, step.text)) : step.text
  yield* words('text', text, voice, delayMs, abortSignal)
}

/** A block of text, word by word. */
async function* words(
  type: 'text' | 'reasoning',
  text: string,
  voice?: Voice,
  delayMs = 0,
  signal?: AbortSignal,
): AsyncGenerator<StreamPart, void, void> {
  if (text === '') return
  const id = `${type}-0`
  yield { type: `${type}-start`, id }
  for (const [index, delta] of (text.match(/\s*\S+\s*$|\s*\S+/g) ?? [text]).entries()) {
    if (voice !== undefined && delayMs > 0 && index > 0) await pause(voice.clock, delayMs, signal)
    yield { type: `${type}-delta`, id, delta }
  }
  yield { type: `${type}-end`, id }
}

const CHARS_PER_TOKEN = 4

function finish(unified: 'stop' | 'tool-calls' | 'error', { prompt }: CallOptions, output: number): StreamPart {
  const input = Math.ceil(JSON.stringify(prompt).length / CHARS_PER_TOKEN)
  return {
    type: 'finish',
    finishReason: { unified, raw: undefined },
    usage: {
      inputTokens: { total: input, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: output, text: output, reasoning: undefined },
    },
  }
}
