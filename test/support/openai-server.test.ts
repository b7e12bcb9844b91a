/** The test server held against a real client, `@ai-sdk/openai-compatible`: what tests script is what a provider does. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, InvalidResponseDataError, JSONParseError, type LanguageModelV4 } from '@ai-sdk/provider'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ask, failureOf, model, ofType, stream } from './openai/client.ts'
import * as openai from './openai-server.ts'

const { gate, text, toolCalls } = openai

let server: openai.OpenAiServer
let target: LanguageModelV4

beforeEach(async () => {
  server = await openai.startOpenAiServer()
  target = model(server.url)
})

afterEach(async () => {
  await server.close()
  server.assertOrderly()
})

const three = text({ chunks: ['one ', 'two ', 'three'], usage: { input: 20, output: 3, cached: 8 } })

describe('answers', () => {
  test('a text streams chunk by chunk, with reasoning, finish reason and usage', async () => {
    server.script([{ ...three, steps: [...text({ chunks: [], reasoning: ['hm'] }).steps, ...three.steps] }])
    const answer = await stream(target)
    expect(ofType(answer, 'text-delta').map(part => part.delta)).toEqual(['one ', 'two ', 'three'])
    expect(ofType(answer, 'reasoning-delta').map(part => part.delta)).toEqual(['hm'])
    expect(ofType(answer, 'finish')).toMatchObject([
      {
        finishReason: { unified: 'stop', raw: 'stop' },
        usage: { inputTokens: { total: 20, cacheRead: 8, noCache: 12 }, outputTokens: { total: 3 } },
      },
    ])
    expect(await server.requests[0]?.ended).toBe('answered')
  })

  test('usage is streamed only to who asks for it', async () => {
    server.script([three, text({ chunks: ['x'], usage: null })])
    const silent = createOpenAICompatible({ name: 'test', baseURL: server.url })('test-model')
    const { stream: source } = await silent.doStream(ask('hello'))
    const parts = await Array.fromAsync(source)
    expect(parts.at(-1)).toMatchObject({ type: 'finish', usage: { inputTokens: { total: undefined } } })
    expect(ofType(await stream(target), 'finish')[0]?.usage.inputTokens.total).toBeUndefined()
  })

  test.each([{ interleave: false }, { interleave: true }])(
    'parallel tool calls stream in fragments %o',
    async options => {
      const calls = [
        { id: 'call_1', name: 'look', args: { place: 'the cellar of the old house' } },
        { id: 'call_2', name: 'look', args: { place: 'café ☕' } },
      ]
      server.script([toolCalls(calls, { ...options, text: ['let me see'] })])
      const answer = await stream(target)
      expect(ofType(answer, 'tool-call').map(part => [part.toolCallId, part.input])).toEqual(
        calls.map(call => [call.id, JSON.stringify(call.args)]),
      )
      expect(ofType(answer, 'tool-input-delta').length).toBeGreaterThan(4)
      expect(answer.text).toBe('let me see')
      expect(ofType(answer, 'finish')[0]?.finishReason.unified).toBe('tool-calls')
    },
  )

  test('the same replies answer without streaming', async () => {
    server.script([three, toolCalls([{ id: 'call_1', name: 'look', args: { place: 'here' } }]), openai.empty()])
    const said = await target.doGenerate(ask('hello'))
    expect(said.content).toEqual([{ type: 'text', text: 'one two three' }])
    expect(said.usage.inputTokens.total).toBe(20)
    const called = await target.doGenerate(ask('look'))
    expect(called.content).toMatchObject([{ type: 'tool-call', toolCallId: 'call_1', input: '{"place":"here"}' }])
    expect((await target.doGenerate(ask('nothing'))).content).toEqual([])
  })

  test('a structured output arrives with the schema in the request', async () => {
    server.script([openai.json({ answer: 42 })])
    const schema = { type: 'object', properties: { answer: { type: 'integer' } } } as const
    const { content } = await target.doGenerate(ask('?', { responseFormat: { type: 'json', name: 'reply', schema } }))
    expect(content).toEqual([{ type: 'text', text: '{"answer":42}' }])
    expect(server.requests[0]?.body.response_format?.json_schema).toMatchObject({ name: 'reply', schema })
  })

  test.each([
    ['length', openai.lengthLimited(three), 'length'],
    ['content_filter', openai.contentFiltered(three), 'content-filter'],
    ['a refusal', openai.refusal('I will not.'), 'content-filter'],
    ['an empty answer', openai.empty(), 'stop'],
  ] as const)('%s ends with its finish reason', async (_, reply, unified) => {
    server.script([reply])
    expect(ofType(await stream(target), 'finish')[0]?.finishReason.unified).toBe(unified)
  })

  test('a reply function sees the request, and the fallback answers when the scripts are used up', async () => {
    server.script(
      [body => text(`${body.messages.length} message`)],
      request => openai.lastUserText(request.body) === 'count',
    )
    server.script([openai.echo])
    expect((await stream(target, ask('say this'))).text).toBe('say this')
    expect((await stream(target, ask('count'))).text).toBe('1 message')
    expect(server.unused).toBe(0)
  })

  test('what went wrong inside a call reaches the client as it was scripted', async () => {
    server.script([
      openai.invalidJsonArgs('c1', 'look'),
      openai.schemaViolation('c2', 'look'),
      openai.unknownTool('c3', 'vanish'),
    ])
    const inputs: [string, string][] = []
    for (let turn = 0; turn < 3; turn += 1) {
      inputs.push(
        ...ofType(await stream(target), 'tool-call').map(({ toolName, input }): [string, string] => [toolName, input]),
      )
    }
    expect(inputs).toEqual([
      ['look', '{"query": "unfinis'],
      ['look', '{"place":{"unexpected":true}}'],
      ['vanish', '{}'],
    ])
  })
})

describe('failures before the first byte', () => {
  test.each([
    [401, false, 'Incorrect API key provided.'],
    [404, false, 'The model does not exist or you do not have access to it.'],
    [500, true, 'The server had an error while processing your request.'],
  ])('status %i', async (code, isRetryable, message) => {
    server.script([openai.status(code)])
    expect(await failureOf(target.doStream(ask('hello')))).toMatchObject({ statusCode: code, isRetryable, message })
  })

  test('what looks retryable and is not, and what looks final and is a full context', async () => {
    server.script([openai.quotaExceeded(), openai.contextLengthExceeded()])
    const quota = { statusCode: 429, isRetryable: true, data: { error: { code: 'insufficient_quota' } } }
    expect(await failureOf(target.doStream(ask('a')))).toMatchObject(quota)
    const context = { statusCode: 400, isRetryable: false, data: { error: { code: 'context_length_exceeded' } } }
    expect(await failureOf(target.doStream(ask('b')))).toMatchObject(context)
  })

  test('429 with retry-after as seconds, milliseconds and date', async () => {
    const date = new Date('2030-01-02T03:04:05Z')
    server.script([
      openai.status(429, { retryAfter: 3 }),
      openai.status(429, { retryAfterMs: 250 }),
      openai.status(429, { retryAfter: date }),
    ])
    const headers = async (): Promise<unknown> => (await failureOf(target.doStream(ask('hello')))).responseHeaders
    expect(await headers()).toMatchObject({ 'retry-after': '3' })
    expect(await headers()).toMatchObject({ 'retry-after-ms': '250' })
    expect(await headers()).toMatchObject({ 'retry-after': 'Wed, 02 Jan 2030 03:04:05 GMT' })
  })

  test("a proxy's page, a broken body and a dropped connection", async () => {
    server.script([openai.htmlPage(), openai.malformedBody(), openai.drop()])
    expect(await failureOf(target.doGenerate(ask('a')))).toMatchObject({ statusCode: 502, isRetryable: true })
    expect((await failureOf(target.doGenerate(ask('b')))).cause).toBeInstanceOf(JSONParseError)
    expect(await failureOf(target.doGenerate(ask('c')))).toMatchObject({ statusCode: undefined, isRetryable: true })
    expect(await server.requests[2]?.ended).toBe('cut')
  })

  test('a slow first byte is held by its gate', async () => {
    const first = gate()
    server.script([openai.slow(three, first)])
    const answer = stream(target)
    await first.reached
    first.open()
    expect((await answer).text).toBe('one two three')
  })

  test('an abort before the first byte', async () => {
    const first = gate()
    const abort = new AbortController()
    server.script([openai.slow(three, first)])
    const answer = target.doStream(ask('hello', { abortSignal: abort.signal }))
    await first.reached
    abort.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
    expect(await server.requests[0]?.ended).toBe('client-closed')
  })
})

describe('failures in the middle of a stream', () => {
  test('gates hold chunks back', async () => {
    const middle = gate()
    server.script([text({ chunks: ['before', middle, ' after'] })])
    const seen: string[] = []
    const answer = await stream(target, ask('hello'), part => {
      if (part.type !== 'text-delta') return
      seen.push(part.delta)
      middle.open()
    })
    expect(seen).toEqual(['before', ' after'])
    expect(answer.thrown).toBeUndefined()
  })

  test('a cut throws a retryable error and no finish part comes', async () => {
    const seen = gate()
    server.script([openai.cut(text({ chunks: ['one ', 'two ', seen, 'three'] }), 2)])
    const answer = await stream(target, ask('hello'), part => {
      if (part.type === 'text-delta' && part.delta === 'two ') seen.open()
    })
    expect(answer.text).toBe('one two ')
    expect(answer.thrown).toSatisfy(error => APICallError.isInstance(error) && error.isRetryable)
    expect(ofType(answer, 'finish')).toEqual([])
    expect(await server.requests[0]?.ended).toBe('cut')
  })

  test('a clean end without finish reason is an error part, and a half tool call comes as if it were whole', async () => {
    server.script([openai.endEarly(toolCalls([{ id: 'c1', name: 'look', args: { place: 'somewhere' } }]), 2)])
    const answer = await stream(target)
    expect(ofType(answer, 'tool-call')).toMatchObject([{ input: '{"place' }])
    expect(ofType(answer, 'error')[0]?.error).toBeInstanceOf(InvalidResponseDataError)
    expect(ofType(answer, 'finish')[0]?.finishReason).toEqual({ unified: 'error', raw: undefined })
  })

  test('broken JSON in one event is an error part, and the stream goes on to say stop', async () => {
    server.script([openai.malformedChunk(three, 1)])
    const answer = await stream(target)
    expect(ofType(answer, 'error')[0]?.error).toBeInstanceOf(JSONParseError)
    expect(answer.text).toBe('one two three')
    expect(ofType(answer, 'finish')[0]?.finishReason.unified).toBe('stop')
  })

  test('an error object in the stream is an error part that is no Error', async () => {
    server.script([openai.errorChunk(three, 1, 503)])
    const answer = await stream(target)
    expect(ofType(answer, 'error')).toMatchObject([{ error: { type: 'server_error' } }])
    expect(answer.text).toBe('one ')
  })

  test('a stall ends by the abort signal, and the server sees the client go', async () => {
    const abort = new AbortController()
    server.script([openai.stall(three, 2)])
    const answer = await stream(target, ask('hello', { abortSignal: abort.signal }), part => {
      if (part.type === 'text-delta' && part.delta === 'two ') abort.abort()
    })
    expect(answer.text).toBe('one two ')
    expect(answer.thrown).toMatchObject({ name: 'AbortError' })
    expect(await server.requests[0]?.ended).toBe('client-closed')
  })

  test('without streaming, a cut and a stall leave half a body', async () => {
    server.script([openai.cut(three, 1), openai.stall(three, 1)])
    expect(await failureOf(target.doGenerate(ask('a')))).toMatchObject({ isRetryable: true })
    const abort = new AbortController()
    const answer = target.doGenerate(ask('b', { abortSignal: abort.signal }))
    await server.received(2)
    abort.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
  })
})
