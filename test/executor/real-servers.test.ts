/** Providers as they really are: answers that are whole although their connection, their form or their words are odd. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { describe, expect, test } from 'vitest'
import { type AgentOptions, agent } from '../../src/executor/agent/index.ts'
import type { ApplyOutput } from '../../src/executor/executor.ts'
import { systemClock } from '../../src/time.ts'
import { lookup, saying, textOf } from '../support/agent-run.ts'
import { FakePort, type FakeRun } from '../support/fake-port.ts'
import {
  body,
  closed,
  DONE,
  delta,
  event,
  finish,
  open,
  type RawAnswer,
  RawProvider,
  say,
  usage,
} from '../support/raw-provider.ts'

interface Ran {
  readonly output: ApplyOutput
  readonly port: FakePort
  readonly provider: RawProvider
}

/** A run of the agent on `compatible/m` at a server that answers so, on the real clock. */
async function ran(
  answers: readonly RawAnswer[],
  options: Partial<AgentOptions> = {},
  run: FakeRun = {},
): Promise<Ran> {
  await using provider = await RawProvider.start(...answers)
  const executor = agent({ model: 'compatible/m', baseUrl: provider.url, env: {}, retryDelayMs: 1, ...options })
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000, ...run })
  const output = await executor.apply(port)
  return { output, port, provider }
}

describe('the end of an answer is what the protocol says', () => {
  test.each<[string, RawAnswer]>([
    ['[DONE]', open(say('fine'), finish(), DONE)],
    ['[DONE] without a blank line behind it', open(say('fine'), finish(), 'data: [DONE]\n')],
    ['[DONE] without a finish reason', open(say('fine'), DONE)],
    ['a finish reason', open(say('fine'), finish())],
    ['a finish reason without a blank line behind it', open(say('fine'), `${finish().trimEnd()}\n`)],
    ['a finish reason and the usage', open(say('fine'), finish(), usage(3, 4))],
    ['a finish reason with the last text', open(delta({ content: 'fine' }, 'stop'))],
  ])('%s, on a connection that stays open', async (_, answer) => {
    const { output, provider } = await ran([answer])
    expect(textOf(output)).toBe('fine')
    expect(output.type).toBe('completed')
    expect(provider.requests).toHaveLength(1)
    await provider.gone[0]
  })

  test('a finish reason, and then nothing but heartbeats', async () => {
    let timer: NodeJS.Timeout | undefined
    const { output, provider } = await ran([
      response => {
        void open(say('fine'), finish())(response, { path: '', body: {}, text: '' })
        timer = setInterval(() => response.write(': keep-alive\n\n'), 20)
        response.once('close', () => clearInterval(timer))
      },
    ])
    expect(textOf(output)).toBe('fine')
    expect(provider.requests).toHaveLength(1)
  })

  test('a finish reason, and then the connection breaks', async () => {
    const { output, provider } = await ran([
      response => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(say('fine') + finish(), () => response.destroy())
      },
    ])
    expect(textOf(output)).toBe('fine')
    expect(provider.requests).toHaveLength(1)
  })

  test('the usage that comes a little later is counted', async () => {
    const { output } = await ran([
      response => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(say('fine') + finish())
        setTimeout(() => response.write(usage(30, 4)), 100)
      },
    ])
    expect(output).toMatchObject({ usage: { inputTokens: 30, outputTokens: 4 } })
  })

  test('tool calls are made once the answer is whole, whatever its connection does', async () => {
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"place":"here"}' } }
    const tools = [lookup()]
    const { output, port } = await ran([open(delta({ tool_calls: [call] }), DONE), open(say('fine'), DONE)], { tools })
    expect(textOf(output)).toBe('fine')
    expect(port.of('outcomes')).toMatchObject([{ outcomes: [{ output: 'seen: here' }] }])
  })

  test.each(['text/html', 'text/event-stream'])('a page instead of a stream, called %s', async type => {
    const { output } = await ran([body(200, '<html><body>please log in</body></html>', { 'content-type': type })], {
      retries: 0,
    })
    expect(output).toMatchObject({
      type: 'failed',
      error: { code: 'malformed-answer', message: saying('a proxy before it') },
    })
  })

  test('half an answer without an end is asked for again', async () => {
    const { output, provider } = await ran([closed(say('ha')), closed(say('whole'), finish(), DONE)])
    expect(textOf(output)).toBe('whole')
    expect(provider.requests).toHaveLength(2)
  })
})

describe('other protocols', () => {
  const key = { apiKey: 'k' }
  const response = { id: 'r', created_at: 1, model: 'm' }
  const openaiStream = [
    event({ type: 'response.created', response }),
    event({ type: 'response.output_item.added', output_index: 0, item: { type: 'message', id: 'i' } }),
    event({ type: 'response.output_text.delta', item_id: 'i', delta: 'fine' }),
    event({ type: 'response.output_item.done', output_index: 0, item: { type: 'message', id: 'i' } }),
    event({ type: 'response.completed', response: { usage: { input_tokens: 3, output_tokens: 4 } } }),
  ]
  const message = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    usage: { input_tokens: 3, output_tokens: 1 },
  }
  const anthropicStream = [
    event({ type: 'message_start', message }, 'message_start'),
    event({ type: 'ping' }, 'ping'),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, 'content_block_start'),
    event(
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'fine' } },
      'content_block_delta',
    ),
    event({ type: 'content_block_stop', index: 0 }, 'content_block_stop'),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } }, 'message_delta'),
    event({ type: 'message_stop' }, 'message_stop'),
  ]
  const googleStream = [
    event({
      candidates: [{ content: { parts: [{ text: 'fine' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 },
    }),
  ]
  const models = {
    'OpenAI responses': [({ url }: RawProvider) => createOpenAI({ ...key, baseURL: url })('m'), openaiStream],
    'OpenAI chat': [
      ({ url }: RawProvider) => createOpenAI({ ...key, baseURL: url }).chat('m'),
      [say('fine'), finish(), DONE],
    ],
    Anthropic: [({ url }: RawProvider) => createAnthropic({ ...key, baseURL: url })('m'), anthropicStream],
    Google: [({ url }: RawProvider) => createGoogle({ ...key, baseURL: url })('m'), googleStream],
  } as const

  test.each(Object.entries(models))('%s: whole on a connection that stays open', async (_, [model, stream]) => {
    await using provider = await RawProvider.start(open(...stream))
    const output = await agent({ model: model(provider) }).apply(new FakePort({ clock: systemClock, maxRunMs: 20_000 }))
    expect(textOf(output)).toBe('fine')
    expect(provider.requests).toHaveLength(1)
    await provider.gone[0]
  })

  test.each(Object.entries(models))('%s: an error on a connection that stays open', async (_, [model]) => {
    const error = { type: 'invalid_request_error', message: 'the dog ate it', code: 'invalid_request_error' }
    await using provider = await RawProvider.start(
      open(event({ ...error, type: 'error', error, sequence_number: 1 }, 'error')),
    )
    const output = await agent({ model: model(provider) }).apply(new FakePort({ clock: systemClock, maxRunMs: 20_000 }))
    expect(output).toMatchObject({ type: 'failed', error: { message: saying('the dog ate it') } })
    expect(provider.requests).toHaveLength(1)
  })
})

describe('a tolerant reader', () => {
  test.each<[string, readonly (string | Uint8Array)[]]>([
    ['empty data', ['data:\n\n', 'data: \n\n', say('fine'), 'data:\n\n', finish(), DONE]],
    [
      'comments and pings',
      [': ping\n\n', 'event: ping\ndata: {}\n\n', say('fine'), 'data: ping\n\n', ':\n', finish(), DONE],
    ],
    ['CRLF', [(say('fine') + finish() + DONE).replaceAll('\n', '\r\n')]],
    ['CR', [(say('fine') + finish() + DONE).replaceAll('\n', '\r')]],
    ['a byte order mark', ['\uFEFF', say('fine'), finish(), DONE]],
    ['no space behind the colon', [(say('fine') + finish() + DONE).replaceAll('data: ', 'data:')]],
    ['no blank lines', [(say('fine') + finish() + DONE).replaceAll('\n\n', '\n')]],
    ['lines of JSON without fields', [(say('fine') + finish()).replaceAll('data: ', '').replaceAll('\n\n', '\n')]],
    ['pretty-printed data', [`data: {"choices":\ndata: [{"delta":{"content":"fine"}}]}\n\n`, finish(), DONE]],
    [
      'choices that are missing',
      [event({ usage: null }), say('fine'), finish(), event({ usage: { prompt_tokens: 1 } }), DONE],
    ],
    [
      'choices that are null',
      [event({ choices: null }), say('fine'), finish(), event({ choices: null, usage: null }), DONE],
    ],
    [
      'choices that are empty',
      [event({ choices: [] }), say('fine'), finish(), event({ choices: [], usage: {} }), DONE],
    ],
    ['usage that is text', [say('fine'), finish(), event({ choices: [], usage: { prompt_tokens: '3' } }), DONE]],
    [
      'fields of other types',
      [event({ id: 7, created: 'now', model: null, choices: [{ delta: { role: 'model', content: 'fine' } }] }), DONE],
    ],
    ['null instead of a frame', ['data: null\n\n', 'data: 7\n\n', say('fine'), finish(), DONE]],
    ['an error that is null', [event({ error: null, choices: [{ delta: { content: 'fine' } }] }), finish(), DONE]],
    ['an empty finish reason all along', [delta({ content: 'fi' }, ''), delta({ content: 'ne' }, ''), finish(), DONE]],
    ['content in parts', [delta({ content: [{ type: 'text', text: 'fine' }] }), finish(), DONE]],
    [
      'the whole message again at the end',
      [say('fine'), event({ choices: [{ message: { content: 'fine' }, finish_reason: 'stop' }] }), DONE],
    ],
    ['text after the finish reason', [delta({ content: 'fi' }, 'stop'), delta({ content: 'ne' }, 'stop'), DONE]],
  ])('%s', async (_, pieces) => {
    const { output, provider } = await ran([closed(...pieces)])
    expect(textOf(output)).toBe('fine')
    expect(output.type).toBe('completed')
    expect(provider.requests).toHaveLength(1)
  })

  test('bytes of one character in several pieces', async () => {
    const bytes = new TextEncoder().encode(say('née 🦦 fine') + finish() + DONE)
    const { output } = await ran([
      async response => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const byte of bytes)
          await new Promise<void>(resolve => response.write(Uint8Array.of(byte), () => resolve()))
        response.end()
      },
    ])
    expect(textOf(output)).toBe('née 🦦 fine')
  })

  const completion = {
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4 },
  }

  test.each<[string, RawAnswer]>([
    ['at once', body(200, completion)],
    ['without saying what it is', body(200, completion, { 'content-type': 'text/plain' })],
    ['as an event stream', body(200, completion, { 'content-type': 'text/event-stream' })],
    ['pretty-printed', body(200, JSON.stringify(completion, null, 2))],
    ['as one event', closed(event(completion), DONE)],
    ['on a connection that stays open', response => void response.writeHead(200).write(JSON.stringify(completion))],
  ])('a completion where a stream was asked for, %s', async (_, answer) => {
    const { output, provider } = await ran([answer])
    expect(textOf(output)).toBe('fine')
    expect(output).toMatchObject({ usage: { inputTokens: 3, outputTokens: 4 } })
    expect(provider.requests).toHaveLength(1)
  })

  test('a completion with tool calls where a stream was asked for', async () => {
    const calls = ['a', 'b'].map(place => ({
      id: place,
      type: 'function',
      function: { name: 'look', arguments: `{"place":"${place}"}` },
    }))
    const message = { role: 'assistant', content: null, tool_calls: calls }
    const answer = { ...completion, choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }
    const { output, port } = await ran([body(200, answer), body(200, completion)], { tools: [lookup()] })
    expect(textOf(output)).toBe('fine')
    expect(port.of('outcomes').flatMap(({ outcomes }) => outcomes.map(one => one.output))).toEqual([
      'seen: a',
      'seen: b',
    ])
  })
})

describe("the provider's words reach the user", () => {
  const words = 'the dog ate it'
  const errors: readonly [string, unknown][] = [
    ['an object', { error: { message: words, type: 'invalid_request_error', code: 'x' } }],
    ['a string', { error: words, code: 400 }],
    ['nested', { error: { error: { message: words, code: 400 } } }],
    ['a list', [{ error: { message: words, code: 400, status: 'INVALID_ARGUMENT' } }]],
    ["FastAPI's detail", { detail: [{ loc: ['body'], msg: words, type: 'invalid_request' }] }],
    ["vLLM's older form", { object: 'error', message: words, type: 'BadRequestError', code: 400 }],
    [
      "a router's",
      {
        error: {
          message: 'Provider returned error',
          code: 400,
          metadata: { raw: JSON.stringify({ error: { message: words } }) },
        },
      },
    ],
    ['JSON in a string', { error: { message: JSON.stringify({ error: { message: words } }), code: 400 } }],
  ]

  test.each(errors)('%s, with a status', async (_, error) => {
    const { output, provider } = await ran([body(400, error)])
    expect(output).toMatchObject({ type: 'failed', error: { code: 'bad-request', message: saying(words) } })
    expect(provider.requests).toHaveLength(1)
  })

  test.each(errors)('%s, in a 200', async (_, error) => {
    const { output, provider } = await ran([body(200, error)])
    expect(output).toMatchObject({ type: 'failed', error: { code: 'bad-request', message: saying(words) } })
    expect(provider.requests).toHaveLength(1)
  })

  test.each(errors)('%s, in the middle of a stream that stays open', async (_, error) => {
    const { output, provider } = await ran([open(say('ha'), event(error))])
    expect(output).toMatchObject({ type: 'failed', error: { code: 'bad-request', message: saying(words) } })
    expect(textOf(output)).toBe('ha')
    expect(provider.requests).toHaveLength(1)
  })

  test.each<[string, string]>([
    ['an error event', `event: error\ndata: {"message":"${words}","code":400}\n\n`],
    ['a line of its own', `{"error":{"message":"${words}","code":400}}\n`],
    ["llama.cpp's field", `error: {"code":400,"message":"${words}","type":"invalid_request_error"}\n\n`],
    ['an error of the choice', event({ choices: [{ error: { message: words, code: 400 }, finish_reason: 'error' }] })],
  ])('%s', async (_, text) => {
    const { output } = await ran([open(say('ha'), text)])
    expect(output).toMatchObject({ type: 'failed', error: { message: saying(words) } })
  })

  test('an error that another attempt may mend is tried again', async () => {
    const { output, provider } = await ran([
      body(200, { error: { message: 'busy', code: 503 } }),
      closed(say('fine'), DONE),
    ])
    expect(textOf(output)).toBe('fine')
    expect(provider.requests).toHaveLength(2)
  })

  test.each<[string, number]>([
    ["model 'm' not found", 1],
    ['invalid api key', 1],
    ['temporarily overloaded', 3],
  ])('nothing but words, in a 200: %s', async (said, calls) => {
    const { output, provider } = await ran([body(200, { error: said })])
    expect(output).toMatchObject({ type: 'failed', error: { message: saying(said) } })
    expect(provider.requests).toHaveLength(calls)
  })

  test.each([
    ['authentication_error', 'unauthorized'],
    ['model_not_found', 'model-not-found'],
    ['invalid_request_error', 'bad-request'],
    ['rate_limit_error', 'rate-limited'],
  ])('nothing but a code, in a 200: %s', async (type, code) => {
    const { output } = await ran([body(200, { error: { type, message: words } })])
    expect(output).toMatchObject({ type: 'failed', error: { code } })
  })

  test('an event where a refusal was', async () => {
    const { output } = await ran([
      body(400, event({ error: { message: words } }) + DONE, { 'content-type': 'text/event-stream' }),
    ])
    expect(output).toMatchObject({ error: { message: saying(`400: ${words}`) } })
  })

  test('plain text with a status', async () => {
    const { output } = await ran([body(400, words, { 'content-type': 'text/plain' })])
    expect(output).toMatchObject({ error: { message: saying(words) } })
  })
})
