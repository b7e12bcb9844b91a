/** A real client for the tests of the server: `@ai-sdk/openai-compatible`, and what its streams come to. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  APICallError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4StreamPart,
} from '@ai-sdk/provider'

const look: NonNullable<LanguageModelV4CallOptions['tools']>[number] = {
  type: 'function',
  name: 'look',
  inputSchema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
}

export function model(url: string): LanguageModelV4 {
  const settings = { name: 'test', apiKey: 'sk-test', includeUsage: true, supportsStructuredOutputs: true }
  return createOpenAICompatible({ ...settings, baseURL: url })('test-model')
}

export function ask(said: string, more: Partial<LanguageModelV4CallOptions> = {}): LanguageModelV4CallOptions {
  return { prompt: [{ role: 'user', content: [{ type: 'text', text: said }] }], tools: [look], ...more }
}

export interface Streamed {
  readonly parts: readonly LanguageModelV4StreamPart[]
  readonly text: string
  /** What the stream was errored with. */
  readonly thrown: unknown
}

export async function stream(
  target: LanguageModelV4,
  options: LanguageModelV4CallOptions = ask('hello'),
  onPart: (part: LanguageModelV4StreamPart) => void = () => {},
): Promise<Streamed> {
  const { stream: source } = await target.doStream(options)
  const parts: LanguageModelV4StreamPart[] = []
  const said = (): string => parts.map(part => (part.type === 'text-delta' ? part.delta : '')).join('')
  try {
    for await (const part of source) {
      parts.push(part)
      onPart(part)
    }
    return { parts, text: said(), thrown: undefined }
  } catch (thrown) {
    return { parts, text: said(), thrown }
  }
}

type Part<T extends LanguageModelV4StreamPart['type']> = Extract<LanguageModelV4StreamPart, { type: T }>

export function ofType<T extends LanguageModelV4StreamPart['type']>({ parts }: Streamed, type: T): Part<T>[] {
  return parts.filter((part): part is Part<T> => part.type === type)
}

export async function failureOf(work: PromiseLike<unknown>): Promise<APICallError> {
  const error: unknown = await work.then(
    () => 'no failure',
    (reason: unknown) => reason,
  )
  if (!APICallError.isInstance(error)) throw new Error(`expected an APICallError, got ${String(error)}`)
  return error
}
