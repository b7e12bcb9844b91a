/** What a provider sends is bounded: too much of it ends the call, with a name, and the connection. */
import type { ServerResponse } from 'node:http'
import { constants, createGzip } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type AgentOptions, agent } from '../../src/executor/agent/index.ts'
import { AnswerBody } from '../../src/executor/wire/answer-body.ts'
import { WIRE_LIMITS } from '../../src/executor/wire/fault.ts'
import { systemClock } from '../../src/time.ts'
import { lookup, saying } from '../support/agent-run.ts'
import { FakePort } from '../support/fake-port.ts'
import { body, delta, event, type RawAnswer, RawProvider, say } from '../support/raw-provider.ts'

const MEGABYTE = 'x'.repeat(1024 * 1024)

/** Writes what `next` gives until nobody reads any more, or 512 MB were sent. */
async function flood(response: ServerResponse, next: (round: number) => string): Promise<number> {
  let count = 0
  const gone = new Promise<void>(resolve => response.once('close', () => resolve()))
  for (let round = 0; count < 512 * 1024 * 1024 && !response.destroyed; round++) {
    const piece = next(round)
    count += piece.length
    if (!response.write(piece))
      await Promise.race([gone, new Promise<void>(resolve => response.once('drain', () => resolve()))])
  }
  return count
}

const streaming =
  (next: (round: number) => string, type = 'text/event-stream', status = 200): RawAnswer =>
  async response => {
    response.writeHead(status, { 'content-type': type })
    sent = await flood(response, next)
    response.destroy()
  }

let sent = 0

async function outcome(answer: RawAnswer, options: Partial<AgentOptions> = {}) {
  await using provider = await RawProvider.start(answer)
  const port = new FakePort({ clock: systemClock, maxRunMs: 60_000 })
  const executor = agent({
    model: 'compatible/m',
    baseUrl: provider.url,
    env: {},
    retryDelayMs: 1,
    tools: [lookup()],
    ...options,
  })
  sent = 0
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const output = await executor.apply(port)
  const grown = process.memoryUsage().rss - before
  await provider.gone[0]
  return { output, port, provider, grown }
}

const call = (args: string): string =>
  delta({ tool_calls: [{ index: 0, id: 'c', function: { name: 'look', arguments: args } }] })

describe('answers without an end', () => {
  test.each<[string, RawAnswer, string]>([
    ['a line', streaming(round => (round === 0 ? 'data: ' : MEGABYTE)), 'maxAnswerChars'],
    ['a line that is no field', streaming(() => MEGABYTE), 'maxAnswerChars'],
    ['an event of many lines', streaming(() => `data: {${MEGABYTE}\n`), 'maxAnswerChars'],
    ['a JSON body', streaming(round => (round === 0 ? '{"a":"' : MEGABYTE), 'application/json'), 'maxAnswerChars'],
    ['text', streaming(() => say(MEGABYTE)), 'maxAnswerChars'],
    ['reasoning', streaming(() => delta({ reasoning_content: MEGABYTE })), 'maxAnswerChars'],
    ['arguments', streaming(() => call(MEGABYTE)), 'maxArgumentChars'],
    [
      'arguments of which each is short',
      streaming(round =>
        delta({
          tool_calls: [{ index: round, id: `c${round}`, function: { name: 'look', arguments: MEGABYTE.slice(1) } }],
        }),
      ),
      'maxAnswerChars',
    ],
    [
      'names',
      streaming(round => delta({ tool_calls: [{ index: 0, function: { name: `n${round}` } }] })),
      'the name of a tool call',
    ],
    [
      'one name',
      streaming(() => delta({ tool_calls: [{ index: 0, function: { name: 'n'.repeat(100_000) } }] })),
      'the name of a tool call is longer than 1024 characters',
    ],
    [
      'calls',
      streaming(round =>
        Array.from({ length: 100 }, (_, at) =>
          delta({ tool_calls: [{ index: round * 100 + at, function: { name: 'look' } }] }),
        ).join(''),
      ),
      'more than 1024 tool calls',
    ],
  ])('%s', async (_, answer, option) => {
    const { output, provider, grown } = await outcome(answer)
    expect(output).toMatchObject({ type: 'failed', error: { code: 'answer-too-large', message: saying(option) } })
    expect(provider.requests).toHaveLength(1)
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    expect(grown).toBeLessThan(400 * 1024 * 1024)
  })

  test('frames that say nothing, until the silence is too long', async () => {
    const { output, grown } = await outcome(
      streaming(() => event({ choices: [], pad: MEGABYTE.slice(0, 10_000) })),
      { firstContentMs: 500, retries: 0 },
    )
    expect(output).toMatchObject({ type: 'failed', error: { code: 'call-timeout' } })
    expect(grown).toBeLessThan(400 * 1024 * 1024)
  })

  test('heartbeats at full speed, until there are too many', async () => {
    const { output, grown } = await outcome(streaming(() => `:${MEGABYTE}\n\n`))
    expect(output).toMatchObject({ type: 'failed', error: { code: 'answer-too-large' } })
    expect(grown).toBeLessThan(400 * 1024 * 1024)
  })

  test('a small answer that is 1,000 times as large when it is unpacked', async () => {
    const bomb: RawAnswer = response => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
      gzip.pipe(response)
      gzip.on('error', () => {})
      response.once('close', () => gzip.destroy())
      gzip.write('data: ')
      let rounds = 0
      const more = (): void => {
        if (gzip.destroyed || rounds++ > 512) return void gzip.end()
        gzip.write(MEGABYTE, more)
      }
      more()
    }
    const { output, grown } = await outcome(bomb)
    expect(output).toMatchObject({ type: 'failed', error: { code: 'answer-too-large' } })
    expect(grown).toBeLessThan(400 * 1024 * 1024)
  })

  test("the limits are the agent's to set", async () => {
    const text = await outcome(
      streaming(() => say('x'.repeat(100))),
      { maxAnswerChars: 1000 },
    )
    expect(text.output).toMatchObject({ error: { code: 'answer-too-large', message: saying('1000 characters') } })
    const args = await outcome(
      streaming(() => call('x'.repeat(100))),
      { maxArgumentChars: 1000 },
    )
    expect(args.output).toMatchObject({ error: { code: 'answer-too-large', message: saying('1000 characters') } })
  })
})

describe('refusals without an end', () => {
  test.each<[string, RawAnswer]>([
    [
      'a JSON body',
      streaming(
        round => (round === 0 ? '{"error":{"message":"the dog ate it","more":"' : MEGABYTE),
        'application/json',
        400,
      ),
    ],
    ['text', streaming(() => `the dog ate it ${MEGABYTE}`, 'text/plain', 400)],
    ['a page', streaming(() => `<html>${MEGABYTE}`, 'text/html', 400)],
  ])('%s', async (_, answer) => {
    const { output, grown } = await outcome(answer)
    expect(output).toMatchObject({ type: 'failed', error: { code: 'bad-request' } })
    expect(JSON.stringify(output).length).toBeLessThan(2000)
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    expect(grown).toBeLessThan(200 * 1024 * 1024)
  })

  test('a refusal on a connection that stays open is read to the end of what it says', async () => {
    const { output } = await outcome(response => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.write(JSON.stringify({ error: { message: 'the dog ate it' } }))
    })
    expect(output).toMatchObject({ type: 'failed', error: { code: 'bad-request', message: saying('the dog ate it') } })
  })

  test('more headers than anybody reads: once, with a name', async () => {
    const headers = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`x-${at}`, 'y'.repeat(50)]))
    const { output, provider } = await outcome(body(200, {}, headers))
    expect(output).toMatchObject({ type: 'failed', error: { code: 'answer-too-large', message: saying('headers') } })
    expect(provider.requests).toHaveLength(1)
  })
})

describe('an answer that its package is slow to take', () => {
  test.each([true, false])('is not read ahead by more than a little, and arrives whole (chat: %s)', async isChat => {
    const answer = new AnswerBody({ limits: WIRE_LIMITS, toolNames: [], heard: () => {}, isChat })
    let resumed = 0
    answer.resumeBy(() => resumed++)
    answer.from(async () => {})
    const piece = new TextEncoder().encode(event({ choices: [{ delta: { other: 'x'.repeat(20_000) } }] }))
    const reader = answer.stream.getReader()
    let [taken, arrived] = [0, 0]
    for (let round = 1; round <= 3; round++) {
      for (let isMore = true; isMore && taken < 1000; taken++) isMore = answer.push(piece)
      expect(taken - arrived).toBeLessThan(6)
      expect(resumed).toBe(round - 1)
      const { value } = await reader.read()
      arrived += (new TextDecoder().decode(value).match(/other/g) ?? []).length
      await new Promise(resolve => setImmediate(resolve))
      expect(resumed).toBe(round)
    }
    answer.end()
    for (let next = await reader.read(); !next.done; next = await reader.read()) arrived += 1
    expect(arrived).toBeGreaterThanOrEqual(taken)
  })

  test('that has ended asks for nothing more', async () => {
    const answer = new AnswerBody({ limits: WIRE_LIMITS, toolNames: [], heard: () => {}, isChat: true })
    let cancelled = 0
    answer.from(async () => void cancelled++)
    expect(
      answer.push(new TextEncoder().encode(`${event({ choices: [{ delta: { content: 'x' } }] })}data: [DONE]\n\n`)),
    ).toBe(true)
    for (let bytes = 0; bytes < 1024 * 1024; bytes += MEGABYTE.length / 8)
      answer.push(new Uint8Array(MEGABYTE.length / 8))
    expect(cancelled).toBe(1)
  })
})
