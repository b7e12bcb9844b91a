/**
 * Makes models of all versions of the AI SDK's provider interface usable as version 4.
 *
 * Versions 2 and 3 differ in files within a prompt, and version 2 in how a stream ends; the rest is the same.
 */
import type { LanguageModelV2, LanguageModelV3, LanguageModelV4 } from '@ai-sdk/provider'
import { MeerkatError } from '../../errors.ts'
import { type Fetch, wireFetch } from '../wire/fetch.ts'
import { isRecord } from './parts.ts'

/** A model of any provider. */
export type LanguageModel = LanguageModelV2 | LanguageModelV3 | LanguageModelV4

/** The part of a model that the agent uses. */
export type StreamingModel = Pick<LanguageModelV4, 'provider' | 'modelId' | 'doStream'>

type CallOptions = Parameters<LanguageModelV4['doStream']>[0]
type StreamResult = Awaited<ReturnType<LanguageModelV4['doStream']>>
type StreamPart = StreamResult['stream'] extends ReadableStream<infer Part> ? Part : never

export type { CallOptions, StreamPart }

/** The model as version 4, over a `fetch` that tolerates what providers really send. */
export function asStreamingModel(given: LanguageModel): StreamingModel {
  const model = overWireFetch(given)
  // A JavaScript caller may pass any value.
  const version: unknown = model.specificationVersion
  if (model.specificationVersion === 'v4') return model
  if (version !== 'v2' && version !== 'v3') {
    throw new MeerkatError(
      'unsupported',
      `the model ${model.modelId} speaks provider interface ${String(version)}; v2, v3 and v4 are supported`,
    )
  }
  return {
    provider: model.provider,
    modelId: model.modelId,
    doStream: async options => {
      // With its file parts converted, the prompt is valid for the older interfaces.
      const older = { ...options, prompt: options.prompt.map(withOlderFiles) } as never
      const { stream } = await model.doStream(older)
      const upgrade = new TransformStream<object, StreamPart>({
        transform: (part, controller) => controller.enqueue(newerPart(part)),
      })
      return { stream: (stream as ReadableStream<object>).pipeThrough(upgrade) }
    },
  }
}

/**
 * The same model with our `fetch` around its own. The packages of the AI SDK keep a model's settings in `config`; a
 * model without one, or without a `fetch` in it, stays as it is.
 */
function overWireFetch<Model extends LanguageModel>(model: Model): Model {
  const config: unknown = Reflect.get(model, 'config')
  if (!isRecord(config) || Object.getPrototypeOf(config) !== Object.prototype) return model
  const { fetch: own, provider } = config
  if (typeof provider !== 'string' || !(own === undefined || isFetch(own))) return model
  // Everything else is inherited from the model.
  const over = Object.create(model, { config: { value: { ...config, fetch: wireFetch(own) } } }) as Model
  return over
}

function isFetch(value: unknown): value is Fetch {
  return typeof value === 'function'
}

function withOlderFiles(message: CallOptions['prompt'][number]): unknown {
  if (message.role === 'system') return message
  const content = message.content.map(part => {
    if (part.type !== 'file') return part
    const { data } = part
    if (data.type === 'data') return { ...part, data: data.data }
    return data.type === 'url' ? { ...part, data: data.url } : part
  })
  return { ...message, content }
}

function newerPart(part: object): StreamPart {
  const { type, finishReason, usage } = part as { type?: unknown; finishReason?: unknown; usage?: unknown }
  // All other parts have the form of version 4 already.
  if (type !== 'finish' || typeof finishReason !== 'string') return part as StreamPart
  return {
    type: 'finish',
    finishReason: { unified: isFinish(finishReason) ? finishReason : 'other', raw: finishReason },
    usage: newerUsage(isRecord(usage) ? usage : {}),
  }
}

const FINISHES = ['stop', 'length', 'content-filter', 'tool-calls', 'error', 'other'] as const

function isFinish(reason: string): reason is (typeof FINISHES)[number] {
  return FINISHES.some(finish => finish === reason)
}

function newerUsage(usage: Record<string, unknown>): Extract<StreamPart, { type: 'finish' }>['usage'] {
  const count = (name: string): number | undefined => (typeof usage[name] === 'number' ? usage[name] : undefined)
  const cacheRead = count('cachedInputTokens')
  return {
    inputTokens: { total: count('inputTokens'), noCache: undefined, cacheRead, cacheWrite: undefined },
    outputTokens: { total: count('outputTokens'), text: undefined, reasoning: count('reasoningTokens') },
  }
}

/** Whether a value has the form of a model of the provider interface. */
export function isLanguageModel(value: unknown): value is LanguageModel {
  return (
    typeof value === 'object' &&
    value !== null &&
    'specificationVersion' in value &&
    'doStream' in value &&
    typeof value.doStream === 'function'
  )
}
