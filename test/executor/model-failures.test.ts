/** What a user sees when the model's endpoint fails: mended by a retry, or told what to do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ApplyOutput } from '../../src/executor/executor.ts'
import { agentOn, saying, start, textOf } from '../support/agent-run.ts'
import type { FakePort } from '../support/fake-port.ts'
import type { ManualClock } from '../support/manual-clock.ts'
import * as openai from '../support/openai-server.ts'
import { gate, type OpenAiServer, startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
  expect(server.unused).toBe(0)
})

interface Run {
  readonly port: FakePort
  readonly clock: ManualClock
  readonly output: Promise<ApplyOutput>
}

/** Lets the announced retries happen, one after the other. */
async function passRetries({ port, clock }: Run, ...delaysMs: readonly number[]): Promise<void> {
  for (const [index, delayMs] of delaysMs.entries()) {
    await port.until(report => report.type === 'retrying' && report.attempt === index + 1)
    await clock.waiting(delayMs)
    clock.advance(delayMs)
  }
}

describe('failures that a retry mends', () => {
  test('a server error: tried again after a second, then after two', async () => {
    server.script([openai.status(500), openai.status(503), text('fine')])
    const run = start(agentOn(server))
    await passRetries(run, 1000, 2000)
    expect(await run.output).toMatchObject({ type: 'completed', turn: 3 })
    expect(run.port.of('retrying')).toMatchObject([
      { turn: 1, attempt: 1, maxRetries: 2, delayMs: 1000, kind: 'retryable-provider-error' },
      { turn: 2, attempt: 2, maxRetries: 2, delayMs: 2000, kind: 'retryable-provider-error' },
    ])
    expect(run.port.of('retry').map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test.each([
    ['seconds', { retryAfter: 7 }, 7000],
    ['milliseconds', { retryAfterMs: 250 }, 250],
    ['a date', { retryAfter: new Date(Date.UTC(2026, 0, 2, 3, 4, 35)) }, 30_000],
  ])('a rate limit whose end is told in %s', async (_, options, delayMs) => {
    server.script([openai.status(429, options), text('fine')])
    const run = start(agentOn(server))
    await passRetries(run, delayMs)
    expect(await run.output).toMatchObject({ type: 'completed' })
    expect(run.port.of('retrying')).toMatchObject([{ kind: 'rate-limited', delayMs }])
  })

  test('a stream that is cut in the middle: the second answer is a turn of its own', async () => {
    const seen = gate()
    server.script([openai.cut(text({ chunks: ['one ', 'two ', seen, 'three'] }), 2), text('whole')])
    const run = start(agentOn(server))
    await run.port.until(({ type }) => type === 'event' && run.port.textOf(1) === 'one two ')
    seen.open()
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('whole')
    expect(run.port.textOf(1)).toBe('one two ')
    expect(run.port.textOf(2)).toBe('whole')
    expect(run.port.of('retrying')).toMatchObject([{ kind: 'network-timeout' }])
  })

  test('a stream that stops coming', async () => {
    server.script([openai.stall(text({ chunks: ['one ', 'two'] }), 1), text('whole')])
    const run = start(agentOn(server, { streamStallMs: 5000 }))
    await run.port.until(() => run.port.textOf(1) === 'one ')
    run.clock.advance(5000)
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('whole')
    expect(run.port.of('retrying')).toMatchObject([{ kind: 'call-timeout' }])
    expect(await server.requests[0]?.ended).toBe('client-closed')
  })

  test('a server that never begins', async () => {
    const never = gate()
    server.script([openai.slow(text('late'), never), text('fine')])
    const run = start(agentOn(server, { firstContentMs: 9000 }))
    await never.reached
    run.clock.advance(9000)
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('fine')
    expect(run.port.of('retrying')).toMatchObject([{ kind: 'call-timeout', message: saying('said nothing for 9 s') }])
  })

  test('a call that goes on for too long', async () => {
    const never = gate()
    server.script([text({ chunks: ['a', never] }), text('fine')])
    const run = start(agentOn(server, { callTimeoutMs: 3000 }))
    await run.port.until(() => run.port.textOf(1) === 'a')
    run.clock.advance(3000)
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('fine')
    expect(run.port.of('retrying')).toMatchObject([{ kind: 'call-timeout', message: saying('within 3 s') }])
  })

  test.each([
    ['broken JSON in the stream', () => openai.malformedChunk(text({ chunks: ['a', 'b'] }), 1)],
    ['an error object in the stream', () => openai.errorChunk(text({ chunks: ['a', 'b'] }), 1, 503)],
    ["a proxy's page", () => openai.htmlPage(502)],
    ['a captive portal', () => openai.htmlPage(200)],
    ['a clean end without a finish', () => openai.endEarly(text({ chunks: ['a', 'b'] }), 1)],
    ['a dropped connection', () => openai.drop()],
  ])('%s', async (_, reply) => {
    server.script([reply(), text('fine')])
    const run = start(agentOn(server))
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('fine')
  })

  test('a half tool call at a clean end is not dispatched', async () => {
    server.script([openai.endEarly(toolCalls([{ id: 'c1', name: 'look', args: { place: 'here' } }]), 2), text('fine')])
    const run = start(agentOn(server))
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('fine')
    expect(run.port.of('intend')).toEqual([])
  })

  test('an empty answer, once', async () => {
    server.script([openai.empty(), text('fine')])
    const run = start(agentOn(server))
    await passRetries(run, 1000)
    expect(textOf(await run.output)).toBe('fine')
  })
})

describe('failures that end the run', () => {
  test('retries are used up: which endpoint, which status, what to do', async () => {
    server.script([openai.status(500), openai.status(500), openai.status(500)])
    const run = start(agentOn(server))
    await passRetries(run, 1000, 2000)
    const output = await run.output
    expect(output).toMatchObject({ type: 'failed', source: 'llm-retry-exhausted', error: { code: 'provider-error' } })
    const { host } = new URL(server.url)
    expect(output).toMatchObject({ error: { message: saying(`${host} (test.chat) answered 500`) } })
    expect(output).toMatchObject({ error: { message: saying('given up after 3 attempts') } })
  })

  test('what was said before the last cut is kept', async () => {
    const seen = gate()
    server.script([openai.cut(text({ chunks: ['half ', seen, 'three'] }), 1)])
    const run = start(agentOn(server, { retries: 0 }))
    await run.port.until(() => run.port.textOf(1) === 'half ')
    seen.open()
    const output = await run.output
    expect(output).toMatchObject({ type: 'failed', source: 'llm-retry-exhausted', error: { code: 'stream-cut' } })
    expect(textOf(output)).toBe('half ')
  })

  test('nobody listens there', async () => {
    const closed = await startOpenAiServer()
    const { url } = closed
    await closed.close()
    const run = start(agentOn({ url }, { retries: 1 }))
    await passRetries(run, 1000)
    const output = await run.output
    expect(output).toMatchObject({
      type: 'failed',
      source: 'llm-retry-exhausted',
      error: { code: 'provider-unreachable' },
    })
    expect(output).toMatchObject({
      error: { message: saying(`${new URL(url).host} can't be reached (ECONNREFUSED)`) },
    })
  })

  test.each([
    ['a refused key', () => openai.status(401), 'unauthorized', 'MEERKAT_API_KEY'],
    ['a forbidden model', () => openai.status(403), 'unauthorized', 'MEERKAT_API_KEY'],
    ['a model that is not there', () => openai.status(404), 'model-not-found', 'm exists there'],
    ['a request that the model does not take', () => openai.status(400), 'bad-request', 'does not take this request'],
    ['a full context', () => openai.contextLengthExceeded(), 'context-too-long', 'compaction'],
    ['a used-up quota', () => openai.quotaExceeded(), 'quota-exhausted', 'billing'],
  ])('%s: at once, with what to do', async (_, reply, code, hint) => {
    server.script([reply()])
    const run = start(agentOn(server))
    expect(await run.output).toMatchObject({
      type: 'failed',
      source: 'llm',
      error: { code, message: saying(hint) },
    })
    expect(run.port.of('retrying')).toEqual([])
  })

  test("a provider's content filter, with what was said", async () => {
    server.script([openai.contentFiltered(text('well,'))])
    const output = await start(agentOn(server)).output
    expect(output).toMatchObject({ type: 'failed', source: 'llm', error: { code: 'content-filtered' } })
    expect(textOf(output)).toBe('well,')
  })

  test('a provider that asks for a longer wait than we take is given up', async () => {
    server.script([openai.status(429, { retryAfter: 3600 })])
    const output = await start(agentOn(server)).output
    expect(output).toMatchObject({
      type: 'failed',
      source: 'llm-retry-exhausted',
      error: { code: 'rate-limited', message: saying('3600 s') },
    })
  })

  test('no retry begins past the deadline', async () => {
    server.script([openai.status(500)])
    const run = start(agentOn(server), { maxRunMs: 500 })
    expect(await run.output).toMatchObject({ type: 'failed', source: 'llm-retry-exhausted' })
  })

  test("no key of the provider's message gets through", async () => {
    server.script([openai.status(401, { message: 'Incorrect API key provided: sk-proj-abcdefghijklmnop.' })])
    const output = await start(agentOn(server)).output
    expect(JSON.stringify(output)).not.toContain('abcdefghijklmnop')
  })
})

describe('answers that are not quite whole', () => {
  test('an answer at the output limit is complete, with a notice', async () => {
    server.script([openai.lengthLimited(text('as far as'))])
    const run = start(agentOn(server))
    expect(await run.output).toMatchObject({ type: 'completed' })
    expect(run.port.events('notice')).toMatchObject([{ code: 'output-limit' }])
  })

  test('two empty answers are a run without an answer, with a notice', async () => {
    server.script([openai.empty(), openai.empty()])
    const run = start(agentOn(server))
    await passRetries(run, 1000)
    const output = await run.output
    expect(output).toMatchObject({ type: 'completed' })
    expect(output).not.toHaveProperty('message')
    expect(run.port.events('notice')).toMatchObject([{ code: 'empty-answer' }])
  })
})

describe('aborts', () => {
  test('a cancel in the middle of an answer keeps what was said', async () => {
    const never = gate()
    server.script([text({ chunks: ['one ', 'two', never] })])
    const run = start(agentOn(server))
    await run.port.until(() => run.port.textOf(1) === 'one two')
    run.port.abort('cancelled')
    const output = await run.output
    expect(output).toMatchObject({ type: 'cancelled', turn: 1 })
    expect(textOf(output)).toBe('one two')
    expect(await server.requests[0]?.ended).toBe('client-closed')
  })

  test('a cancel before the first byte', async () => {
    const never = gate()
    server.script([openai.slow(text('late'), never)])
    const run = start(agentOn(server))
    await never.reached
    run.port.abort('cancelled')
    expect(await run.output).toMatchObject({ type: 'cancelled' })
  })

  test('a cancel while a retry is waited for', async () => {
    server.script([openai.status(500)])
    const run = start(agentOn(server))
    await run.clock.waiting(1000)
    run.port.abort('cancelled')
    expect(await run.output).toMatchObject({ type: 'cancelled' })
  })

  test('the deadline in the middle of an answer', async () => {
    const never = gate()
    server.script([text({ chunks: ['one', never] })])
    const run = start(agentOn(server), { maxRunMs: 4000 })
    await run.port.until(() => run.port.textOf(1) === 'one')
    run.clock.advance(4000)
    const output = await run.output
    expect(output).toMatchObject({ type: 'failed', source: 'time-budget-exceeded' })
    expect(textOf(output)).toBe('one')
  })

  test('a runtime that closes interrupts the attempt, which is no failure', async () => {
    const never = gate()
    server.script([text({ chunks: ['one', never] })])
    const run = start(agentOn(server))
    await run.port.until(() => run.port.textOf(1) === 'one')
    run.port.abort('closing')
    await expect(run.output).rejects.toMatchObject({ name: 'Interrupted' })
  })
})
