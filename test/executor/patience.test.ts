/** Waits that are longer than the HTTP client's own, and waits that a provider asks for. */

import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import { retryAfterMs } from '../../src/executor/agent/retry-after.ts'
import { systemClock } from '../../src/time.ts'
import { saying, start, textOf } from '../support/agent-run.ts'
import { FakePort } from '../support/fake-port.ts'
import { body, closed, DONE, finish, type RawAnswer, RawProvider, say } from '../support/raw-provider.ts'

const DISPATCHER = Symbol.for('undici.globalDispatcher.1')

interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

/** What requests say of their time limits, while a process has a dispatcher of its own, a proxy for instance. */
async function limitsSeen(work: () => Promise<unknown>): Promise<readonly object[]> {
  await fetch('data:,x')
  const before = Reflect.get(globalThis, DISPATCHER) as Dispatcher
  const seen: object[] = []
  const watching: Dispatcher = {
    dispatch(options, handler) {
      const { headersTimeout, bodyTimeout } = options as { headersTimeout?: number; bodyTimeout?: number }
      seen.push({ headersTimeout, bodyTimeout })
      return before.dispatch(options, handler)
    },
  }
  Reflect.set(globalThis, DISPATCHER, watching)
  try {
    await work()
  } finally {
    Reflect.set(globalThis, DISPATCHER, before)
  }
  return seen
}

describe('limits above five minutes', () => {
  const models = {
    compatible: ({ url }: RawProvider) => createOpenAICompatible({ name: 'x', baseURL: url })('m'),
    openai: ({ url }: RawProvider) => createOpenAI({ apiKey: 'k', baseURL: url })('m'),
    anthropic: ({ url }: RawProvider) => createAnthropic({ apiKey: 'k', baseURL: url })('m'),
    google: ({ url }: RawProvider) => createGoogle({ apiKey: 'k', baseURL: url })('m'),
  }
  test.each(Object.entries(models))(
    "%s: the HTTP client's own limits are off, on the process's own dispatcher",
    async (_, model) => {
      await using provider = await RawProvider.start(body(401, {}))
      const seen = await limitsSeen(() => agent({ model: model(provider) }).apply(new FakePort({ clock: systemClock })))
      expect(seen).toEqual([{ headersTimeout: 0, bodyTimeout: 0 }])
    },
  )

  test('a model by its id, too', async () => {
    await using provider = await RawProvider.start(closed(say('fine'), finish(), DONE))
    const executor = agent({ model: 'compatible/m', baseUrl: provider.url, env: {} })
    const seen = await limitsSeen(() => executor.apply(new FakePort({ clock: systemClock })))
    expect(seen).toEqual([{ headersTimeout: 0, bodyTimeout: 0 }])
  })
})

describe('waits that a provider asks for', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5)

  test.each<[Record<string, string>, number | undefined]>([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': '1.5s' }, 1500],
    [{ 'retry-after': '2m' }, 120_000],
    [{ 'retry-after': ' 3 ' }, 3000],
    [{ 'retry-after': '5, 9' }, 9000],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:04:35 GMT' }, 30_000],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:04:00 GMT' }, 0],
    [{ 'retry-after': '2026-01-02T03:04:35Z' }, 30_000],
    [{ 'retry-after': 'Friday, 02-Jan-26 03:04:35 GMT' }, 30_000],
    [{ 'retry-after': 'Fri Jan  2 03:04:35 2026' }, 30_000],
    [{ 'retry-after-ms': '250.5' }, 251],
    [{ 'retry-after-ms': '100', 'retry-after': '7' }, 100],
    [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7000],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('%j', (headers, expected) => {
    expect(retryAfterMs(headers, now)).toBe(expected)
  })

  const fine = closed(say('fine'), finish(), DONE)

  test.each<[string, RawAnswer, number]>([
    ['ten minutes, far beyond our own waits', body(429, {}, { 'retry-after': '600' }), 600_000],
    ['of a server in trouble', body(503, {}, { 'retry-after': '90' }), 90_000],
    [
      "in Google's body",
      body(429, {
        error: {
          code: 429,
          message: 'slow',
          status: 'RESOURCE_EXHAUSTED',
          details: [{ '@type': 'x/RetryInfo', retryDelay: '34.07s' }],
        },
      }),
      34_070,
    ],
    ['in the body', body(429, { error: { message: 'slow', retry_after: 2.5 } }), 2500],
  ])('%s', async (_, answer, delayMs) => {
    await using provider = await RawProvider.start(answer, fine)
    const run = start(agent({ model: 'compatible/m', baseUrl: provider.url, env: {} }))
    await run.port.until(report => report.type === 'retrying')
    expect(run.port.of('retrying')).toMatchObject([{ delayMs }])
    await run.clock.waiting(delayMs)
    run.clock.advance(delayMs)
    expect(textOf(await run.output)).toBe('fine')
  })

  test('one that is longer than what is left of the run fails at once, and says so', async () => {
    await using provider = await RawProvider.start(body(429, {}, { 'retry-after': '600' }))
    const run = start(agent({ model: 'compatible/m', baseUrl: provider.url, env: {} }), { maxRunMs: 300_000 })
    expect(await run.output).toMatchObject({
      type: 'failed',
      error: { code: 'rate-limited', message: saying(/asks to wait 600 s, and the run has 300 s left/) },
    })
    expect(provider.requests).toHaveLength(1)
  })

  test('one that is longer than the agent allows fails at once', async () => {
    await using provider = await RawProvider.start(body(429, {}, { 'retry-after': '600' }))
    const run = start(agent({ model: 'compatible/m', baseUrl: provider.url, env: {}, maxRetryDelayMs: 60_000 }))
    expect(await run.output).toMatchObject({ type: 'failed', error: { code: 'rate-limited' } })
  })
})
