/** What the test server does besides answering: closing, waiting, recording, refusing, and running by itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4 } from '@ai-sdk/provider'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ask, failureOf, model, stream } from './openai/client.ts'
import * as openai from './openai-server.ts'

const { gate, text } = openai

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

test('close ends a stalled stream and a reply behind a gate or a promise', async () => {
  const never = gate()
  server.script([openai.stall(three, 1), openai.slow(three, never), () => new Promise(() => {})])
  const stalled = stream(target, ask('first'), part => {
    if (part.type !== 'text-delta') return
    for (const said of ['second', 'third']) void target.doStream(ask(said)).then(undefined, () => {})
  })
  await Promise.all([never.reached, server.received(3)])
  await server.close()
  expect((await stalled).thrown).toBeDefined()
  expect(await Promise.all(server.requests.map(request => request.ended))).toEqual(Array(3).fill('server-closed'))
})

test('received waits for the n-th request and rejects when the server closes before', async () => {
  server.script([openai.echo])
  const first = server.received(1)
  const never = server.received(2)
  await stream(target, ask('hello'))
  expect((await first).map(request => openai.lastUserText(request.body))).toEqual(['hello'])
  await Promise.all([expect(never).rejects.toThrow('closed after 1 of 2'), server.close()])
  await expect(server.received(2)).rejects.toThrow('closed after 1 of 2')
})

test('records headers and time, lists models, and refuses whom it does not know', async () => {
  await using strict = await openai.startOpenAiServer({
    models: ['m1', 'm2'],
    fallback: openai.echo,
    authorize: headers => headers.authorization === 'Bearer sk-test',
  })
  const before = Date.now()
  await model(strict.url).doGenerate(ask('hello', { headers: { 'x-run': 'r1' } }))
  expect(strict.requests[0]?.headers).toMatchObject({ authorization: 'Bearer sk-test', 'x-run': 'r1' })
  expect(strict.requests[0]?.at).toBeGreaterThanOrEqual(before)
  expect((await fetch(`${strict.url}/models`)).status).toBe(401)
  const stranger = createOpenAICompatible({ name: 'test', baseURL: strict.url, apiKey: 'sk-old' })('test-model')
  expect(await failureOf(stranger.doGenerate(ask('let me in')))).toMatchObject({ statusCode: 401, isRetryable: false })
  expect(strict.requests).toHaveLength(2)
  const listed = await fetch(`${strict.url}/models`, { headers: { authorization: 'Bearer sk-test' } })
  expect(await listed.json()).toMatchObject({ object: 'list', data: [{ id: 'm1' }, { id: 'm2' }] })
  expect(strict.violations).toEqual([])
})

test('records as violations what it had to make up: no reply, a thrown reply, an unknown path, broken JSON', async () => {
  await using strict = await openai.startOpenAiServer()
  strict.script([
    () => {
      throw new Error('script is wrong')
    },
  ])
  const other = model(strict.url)
  expect(await failureOf(other.doGenerate(ask('a')))).toMatchObject({ statusCode: undefined })
  expect(await failureOf(other.doGenerate(ask('b')))).toMatchObject({ statusCode: 400, isRetryable: false })
  await fetch(`${strict.url}/embeddings`, { method: 'POST', body: '{}' })
  await fetch(`${strict.url}/chat/completions`, { method: 'POST', body: '{' })
  expect(strict.violations).toEqual([
    'the reply failed: script is wrong',
    'request 1: no scripted reply left',
    'POST /v1/embeddings is not part of the protocol',
    'request 2: content-type is not application/json',
    'request 2: the body is not a JSON object',
  ])
})

test('runs by itself and answers by its rules', async () => {
  const main = spawn(process.execPath, [new URL('openai-server-main.ts', import.meta.url).pathname, '--port', '0'])
  try {
    const lines = createInterface({ input: main.stdout })
    const [url] = (await once(lines, 'line')) as [string]
    const child = model(url)
    expect((await child.doGenerate(ask('good morning'))).content).toEqual([{ type: 'text', text: 'good morning' }])
    const called = await child.doGenerate(ask('call look {"place":"there"}'))
    expect(called.content).toMatchObject([{ type: 'tool-call', toolName: 'look', input: '{"place":"there"}' }])
    expect(await failureOf(child.doGenerate(ask('status 429')))).toMatchObject({
      responseHeaders: { 'retry-after': '1' },
    })
  } finally {
    main.kill('SIGTERM')
    await once(main, 'exit')
  }
})
