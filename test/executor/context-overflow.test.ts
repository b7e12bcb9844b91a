/** Conversations that are too long: recognised as the servers say it, made shorter, and never in the way of the next. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { describe, expect, test } from 'vitest'
import { type AgentOptions, agent, type LanguageModel } from '../../src/executor/agent/index.ts'
import { saysTooLong } from '../../src/executor/agent/overflow.ts'
import { createRuntime } from '../../src/index.ts'
import { memory } from '../../src/store/memory.ts'
import { systemClock } from '../../src/time.ts'
import { lookup, textOf } from '../support/agent-run.ts'
import { FakePort } from '../support/fake-port.ts'
import {
  body,
  closed,
  DONE,
  event,
  finish,
  type RawAnswer,
  RawProvider,
  type RawRequest,
  say,
  usage,
} from '../support/raw-provider.ts'

const TOLD: readonly [string, string, string?][] = [
  [
    'OpenAI',
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens. Please reduce the length of the messages.",
  ],
  ['OpenAI responses', 'Your input exceeds the context window of this model. Please adjust your input and try again.'],
  [
    'OpenAI strings',
    "Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760.",
    'string_above_max_length',
  ],
  [
    'OpenAI at once',
    'Request too large for gpt-4o in organization org on tokens per min (TPM): Limit 30000, Requested 50000. The input or output tokens must be reduced in order to run successfully.',
  ],
  [
    'Azure',
    "This model's maximum context length is 8192 tokens, however you requested 9000 tokens (8000 in your prompt; 1000 for the completion). Please reduce your prompt; or completion length.",
    'context_length_exceeded',
  ],
  ['Anthropic', 'prompt is too long: 213462 tokens > 200000 maximum'],
  [
    'Anthropic with an output',
    'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again',
  ],
  ['Anthropic 413', 'Request exceeds the maximum size', 'request_too_large'],
  ['Bedrock', 'Input is too long for requested model.'],
  ['Google', 'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).'],
  [
    'vLLM',
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in the messages, Please reduce the length of the messages.",
  ],
  [
    'vLLM, the prompt',
    'The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.',
  ],
  ['llama.cpp', 'the request exceeds the available context size, try increasing it', 'exceed_context_size_error'],
  [
    'llama.cpp with counts',
    'request (14429 tokens) exceeds the available context size (8192 tokens), try increasing it',
  ],
  [
    'llama.cpp, earlier',
    'the request exceeds the available context size. try increasing the context size or enable context shift',
  ],
  ['llama-cpp-python', 'Requested tokens (2285) exceed context window of 2048'],
  ['Ollama', 'the input length exceeds the context length'],
  ['Ollama cloud', 'prompt too long; exceeded max context length by 4000 tokens'],
  [
    'LiteLLM',
    'litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - too many',
  ],
  [
    'LM Studio',
    'The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input',
  ],
  [
    'LM Studio, overflow',
    'Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.',
  ],
  ['LM Studio, size', 'Context size has been exceeded.'],
  [
    'TGI',
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1000 `max_new_tokens`',
  ],
  ['TGI, inputs', 'Input validation error: `inputs` must have less than 1024 tokens. Given: 5000'],
  ['Mistral', 'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length'],
  ['Groq', 'Please reduce the length of the messages or completion.'],
  [
    'DeepSeek',
    "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (70000 in the messages, 0 in the completion).",
  ],
  ['xAI', "This model's maximum prompt length is 131072 but the request contains 537812 tokens."],
  [
    'OpenRouter',
    "This endpoint's maximum context length is 1048576 tokens. However, you requested about 1293741 tokens (1227853 of text input, 5 of tool input, 65535 in the output).",
  ],
  ['MiniMax', 'invalid params, context window exceeds limit'],
  ['Kimi', 'Your request exceeded model token limit: 262144 (requested: 300000)'],
  ['Copilot', 'prompt token count of 70000 exceeds the limit of 64000'],
  ['Qwen', '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]'],
]

describe('how servers say it', () => {
  test.each(TOLD)('%s', (_, message, code) => {
    expect(saysTooLong(message, code === undefined ? [] : [code])).toBe(true)
  })

  test.each([
    'Rate limit reached for gpt-4o in organization org on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.',
    'Too many tokens, please wait before trying again.',
    'You exceeded your current quota, please check your plan and billing details.',
    'max_tokens is too large: 100000. This model supports at most 16384 completion tokens.',
    "Invalid schema for function 'look': context is not of type object.",
    'The model `m` does not exist',
    'The server is overloaded, try again later.',
    'The file search tool is not available for this model.',
    'Number of request tokens has exceeded your per-minute rate limit',
  ])('not so: %s', message => {
    expect(saysTooLong(message, [])).toBe(false)
  })
})

describe('through the packages of providers', () => {
  const key = { apiKey: 'k' }
  const words = "This model's maximum context length is 8192 tokens."
  const anthropic = {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' },
  }
  const google = 'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).'
  const failed = { type: 'response.failed', response: { error: { code: 'context_length_exceeded', message: words } } }

  test.each<[string, (url: string) => LanguageModel, RawAnswer]>([
    [
      'OpenAI chat',
      baseURL => createOpenAI({ ...key, baseURL }).chat('m'),
      body(400, { error: { message: words, code: 'context_length_exceeded' } }),
    ],
    [
      'OpenAI responses',
      baseURL => createOpenAI({ ...key, baseURL })('m'),
      body(400, { error: { message: words, code: 'context_length_exceeded' } }),
    ],
    [
      'OpenAI responses, in the stream',
      baseURL => createOpenAI({ ...key, baseURL })('m'),
      closed(
        event({ type: 'response.created', response: { id: 'r', created_at: 1, model: 'm' } }),
        event({ ...failed, sequence_number: 1 }),
      ),
    ],
    [
      'OpenAI responses, an error event',
      baseURL => createOpenAI({ ...key, baseURL })('m'),
      closed(
        event({ type: 'error', code: 'context_length_exceeded', message: words, param: null, sequence_number: 1 }),
      ),
    ],
    ['Anthropic', baseURL => createAnthropic({ ...key, baseURL })('m'), body(400, anthropic)],
    [
      'Anthropic, in the stream',
      baseURL => createAnthropic({ ...key, baseURL })('m'),
      closed(event(anthropic, 'error')),
    ],
    ['Anthropic, in a 200', baseURL => createAnthropic({ ...key, baseURL })('m'), body(200, anthropic)],
    [
      'Google',
      baseURL => createGoogle({ ...key, baseURL })('m'),
      body(400, { error: { code: 400, message: google, status: 'INVALID_ARGUMENT' } }),
    ],
    [
      'Google, a list',
      baseURL => createGoogle({ ...key, baseURL })('m'),
      body(400, [{ error: { code: 400, message: google, status: 'INVALID_ARGUMENT' } }]),
    ],
    [
      'Google, in a 200',
      baseURL => createGoogle({ ...key, baseURL })('m'),
      body(200, [{ error: { code: 400, message: google, status: 'INVALID_ARGUMENT' } }]),
    ],
  ])('%s', async (_, model, answer) => {
    await using provider = await RawProvider.start(answer)
    const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
    const output = await agent({ model: model(provider.url), retryDelayMs: 1 }).apply(port)
    expect(output).toMatchObject({ type: 'failed', error: { code: 'context-too-long' } })
    expect(provider.requests).toHaveLength(1)
  })
})

const TOO_LONG = {
  error: {
    code: 400,
    message: 'the request exceeds the available context size, try increasing it',
    type: 'exceed_context_size_error',
  },
}

/** A server whose model takes so many characters, and counts tokens or not. */
function small(maxChars: number, counts?: readonly [number, number]): RawAnswer {
  return (response, request) => {
    if (request.text.length > maxChars) return body(400, TOO_LONG)(response, request)
    const text = isSummary(request) ? 'in short' : 'fine'
    return closed(say(text), finish(), ...(counts === undefined ? [] : [usage(...counts)]), DONE)(response, request)
  }
}

const isSummary = ({ text }: RawRequest): boolean => text.includes('You sum up the beginning')

async function conversation(provider: RawProvider, options: Partial<AgentOptions> = {}) {
  const executor = agent({ model: 'compatible/m', baseUrl: provider.url, env: {}, retryDelayMs: 1, ...options })
  const runtime = await createRuntime({ store: memory(), executor })
  const session = await runtime.sessions.open('s')
  const ask = async (content: Parameters<typeof session.send>[0]) => {
    const sent = await session.send(content)
    return await sent.result
  }
  return { runtime, ask, [Symbol.asyncDispose]: () => runtime.close() }
}

describe('what becomes of the session', () => {
  test('a conversation that has grown too long is summed up, and asked again', async () => {
    await using provider = await RawProvider.start(small(8000))
    await using it = await conversation(provider)
    for (let turn = 0; turn < 12; turn++) {
      expect(await it.ask(`turn ${turn}: ${'word '.repeat(300)}`)).toMatchObject({ outcome: 'completed', text: 'fine' })
    }
    expect(provider.requests.some(isSummary)).toBe(true)
  })

  test('an input that can not fit ends failed and named, and the next one completes', async () => {
    await using provider = await RawProvider.start(small(20_000))
    await using it = await conversation(provider)
    expect(await it.ask('hello')).toMatchObject({ outcome: 'completed' })
    for (let round = 0; round < 3; round++) {
      expect(await it.ask('x'.repeat(50_000))).toMatchObject({ outcome: 'failed', error: { code: 'context-too-long' } })
      expect(await it.ask('and now?')).toMatchObject({ outcome: 'completed', text: 'fine' })
      expect(await it.ask('and then?')).toMatchObject({ outcome: 'completed', text: 'fine' })
    }
  })

  test('the very first input does not fit: one call, and the session goes on', async () => {
    await using provider = await RawProvider.start(small(20_000))
    await using it = await conversation(provider)
    expect(await it.ask('x'.repeat(50_000))).toMatchObject({ outcome: 'failed', error: { code: 'context-too-long' } })
    expect(provider.requests).toHaveLength(1)
    expect(await it.ask('and now?')).toMatchObject({ outcome: 'completed', text: 'fine' })
  })

  test('where summing up is forbidden, long inputs and results of before are shortened in what is sent', async () => {
    await using provider = await RawProvider.start(small(20_000))
    await using it = await conversation(provider, { compaction: false })
    expect(await it.ask('x'.repeat(50_000))).toMatchObject({ outcome: 'failed', error: { code: 'context-too-long' } })
    expect(await it.ask('and now?')).toMatchObject({ outcome: 'completed', text: 'fine' })
    expect(provider.requests.some(isSummary)).toBe(false)
  })

  test.each([undefined, false] as const)(
    'many short turns in a model that takes little, with compaction %s',
    async compaction => {
      await using provider = await RawProvider.start(small(2500))
      await using it = await conversation(provider, compaction === undefined ? {} : { compaction })
      for (let turn = 0; turn < 20; turn++) {
        expect(await it.ask(`turn ${turn}: ${'word '.repeat(60)}`)).toMatchObject({
          outcome: 'completed',
          text: 'fine',
        })
      }
    },
  )

  test('a summary that is itself too long', async () => {
    await using provider = await RawProvider.start((response, request) => {
      if (isSummary(request)) return closed(say('x'.repeat(5000)), finish(), DONE)(response, request)
      return small(3000)(response, request)
    })
    await using it = await conversation(provider)
    for (let turn = 0; turn < 8; turn++) {
      expect(await it.ask('word '.repeat(200))).toMatchObject({ outcome: 'completed', text: 'fine' })
    }
  })

  test('results of tools in the same run are shortened', async () => {
    const call = { index: 0, id: 'c', type: 'function', function: { name: 'look', arguments: '{"place":"a"}' } }
    await using provider = await RawProvider.start((response, request) => {
      const isFirst = !request.text.includes('"role":"tool"')
      const answer = isFirst ? closed(delta([call]), finish('tool_calls'), DONE) : small(20_000)
      return answer(response, request)
    })
    const tools = [lookup(() => 'x'.repeat(100_000))]
    await using it = await conversation(provider, { tools })
    expect(await it.ask('look')).toMatchObject({ outcome: 'completed', text: 'fine' })
    expect(provider.requests).toHaveLength(3)
  })

  test('a model that stops before its first word because its context is full', async () => {
    await using provider = await RawProvider.start((response, request) => {
      const isFull = request.text.length > 8000 && !isSummary(request)
      return (isFull ? closed(finish('model_context_window_exceeded'), DONE) : small(8000))(response, request)
    })
    await using it = await conversation(provider)
    for (let turn = 0; turn < 6; turn++)
      expect(await it.ask('word '.repeat(400))).toMatchObject({ outcome: 'completed', text: 'fine' })
  })

  test('an image that is too large does not come with the next input', async () => {
    const message =
      'messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes'
    await using provider = await RawProvider.start((response, request) => {
      const isRefused = request.text.includes('image_url')
      return (isRefused ? body(400, { error: { message } }) : small(100_000))(response, request)
    })
    await using it = await conversation(provider)
    const image = { type: 'file', mediaType: 'image/png', data: 'aGk=' } as const
    expect(await it.ask([image])).toMatchObject({ outcome: 'failed', error: { code: 'context-too-long' } })
    expect(await it.ask('and now?')).toMatchObject({ outcome: 'completed', text: 'fine' })
  })

  test('an error in a 200 is recognised too', async () => {
    await using provider = await RawProvider.start((response, request) =>
      request.text.length > 8000 ? body(200, TOO_LONG)(response, request) : small(8000)(response, request),
    )
    await using it = await conversation(provider)
    for (let turn = 0; turn < 6; turn++)
      expect(await it.ask('word '.repeat(400))).toMatchObject({ outcome: 'completed' })
  })
})

describe('compaction by length', () => {
  test.each<[string, readonly [number, number] | undefined]>([
    ['counts nothing', undefined],
    ['counts 0', [0, 0]],
    ['counts only what it had not cached', [7, 5]],
  ])('where the server %s', async (_, counts) => {
    await using provider = await RawProvider.start(small(1_000_000, counts))
    await using it = await conversation(provider, { compaction: { thresholdTokens: 1500, keepTurns: 1 } })
    for (let turn = 0; turn < 8; turn++)
      expect(await it.ask('word '.repeat(300))).toMatchObject({ outcome: 'completed' })
    expect(provider.requests.some(isSummary)).toBe(true)
    expect(Math.max(...provider.requests.filter(one => !isSummary(one)).map(({ text }) => text.length))).toBeLessThan(
      10_000,
    )
  })

  test('a session in one process that was never asked is estimated', async () => {
    await using provider = await RawProvider.start(small(1_000_000, [0, 0]))
    const executor = agent({
      model: 'compatible/m',
      baseUrl: provider.url,
      env: {},
      compaction: { thresholdTokens: 100 },
    })
    const context = [0, 1, 2, 3].map(index => ({ role: 'user' as const, content: 'word '.repeat(100), index }))
    const port = new FakePort({ clock: systemClock, context })
    expect(textOf(await executor.apply(port))).toBe('fine')
    expect(port.of('compact')).toHaveLength(1)
  })
})

function delta(calls: readonly unknown[]): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: null }] })}\n\n`
}
