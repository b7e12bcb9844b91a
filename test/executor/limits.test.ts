/** Budgets, and conversations that grow too long. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ContextMessage } from '../../src/executor/executor.ts'
import { agentOn, lookup, saying, start, textOf } from '../support/agent-run.ts'
import * as openai from '../support/openai-server.ts'
import { type OpenAiServer, startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
  expect(server.unused).toBe(0)
})

const look =
  (...places: readonly string[]) =>
  (options: Parameters<typeof toolCalls>[1] = {}) =>
    toolCalls(
      places.map(place => ({ id: place, name: 'look', args: { place } })),
      options,
    )

describe('budgets', () => {
  test('tokens: the next step is not taken, what was said is kept', async () => {
    server.script([
      look('a')({ usage: { input: 70, output: 15 } }),
      look('b')({ text: ['I look. '], usage: { input: 90, output: 30 } }),
    ])
    const run = start(agentOn(server, { tools: [lookup()] }), { session: { budget: { maxTokens: 100 } } })
    const output = await run.output
    expect(output).toMatchObject({
      type: 'failed',
      source: 'token-budget-exceeded',
      error: { message: saying('205 of 100') },
    })
    expect(textOf(output)).toBe('I look. ')
    expect(run.port.of('intend')).toHaveLength(1)
    expect(run.port.events('budget.warning')).toEqual([
      { type: 'budget.warning', budget: 'tokens', used: 85, limit: 100 },
    ])
  })

  test('tokens: a finished answer stands, however much it took', async () => {
    server.script([text({ chunks: ['dear'], usage: { input: 1000, output: 1000 } })])
    const output = await start(agentOn(server, { maxTokens: 10 })).output
    expect(output).toMatchObject({ type: 'completed', usage: { totalTokens: 2000 } })
  })

  test('tokens that nobody measured count for nothing', async () => {
    server.script([look('a')({ usage: null }), text({ chunks: ['done'], usage: null })])
    const output = await start(agentOn(server, { tools: [lookup()], maxTokens: 1 })).output
    expect(output).toMatchObject({ type: 'completed', usage: { calls: 2 } })
    expect(output).not.toHaveProperty('usage.totalTokens')
  })

  test('tool calls: the nearer of session and agent holds', async () => {
    server.script([look('a')(), look('b', 'c')()])
    const run = start(agentOn(server, { tools: [lookup()], maxToolCalls: 9 }), {
      session: { budget: { maxToolCalls: 2 } },
    })
    expect(await run.output).toMatchObject({ type: 'failed', source: 'tool-call-budget-exceeded' })
    expect(run.port.calls()).toHaveLength(1)
  })

  test('turns: with how many of how many', async () => {
    server.script([look('a')(), look('b')()])
    const run = start(agentOn(server, { tools: [lookup()] }), { session: { budget: { maxTurns: 2 } } })
    expect(await run.output).toMatchObject({
      type: 'failed',
      source: 'max-turns-reached',
      turns: { made: 2, allowed: 2 },
    })
  })

  test('usage is the sum of all model calls', async () => {
    server.script([
      look('a')({ usage: { input: 10, output: 2, cached: 4 } }),
      text({ chunks: ['x'], usage: { input: 20, output: 3, reasoning: 1 } }),
    ])
    const output = await start(agentOn(server, { tools: [lookup()] })).output
    expect(output).toMatchObject({
      usage: { inputTokens: 30, outputTokens: 5, totalTokens: 35, cachedInputTokens: 4, reasoningTokens: 1, calls: 2 },
    })
  })
})

const call = (callId: string) => [{ type: 'tool-call', callId, name: 'look', args: { place: callId } }] as const
const result = (callId: string) => [{ type: 'tool-result', callId, name: 'look', output: 'seen' }] as const

/** Three turns; the second used a tool. */
const context: readonly ContextMessage[] = [
  { role: 'user', content: 'first question', index: 0 },
  { role: 'assistant', content: 'first answer', index: 1 },
  { role: 'user', content: 'second question', index: 2 },
  { role: 'assistant', content: call('c1'), index: 3 },
  { role: 'tool', content: result('c1'), index: 4 },
  { role: 'assistant', content: 'second answer', index: 5 },
  { role: 'user', content: 'third question', index: 6 },
  { role: 'assistant', content: 'third answer', index: 7 },
]

describe('compaction', () => {
  const compacting = { compaction: { thresholdTokens: 10, keepTurns: 2 } }

  test('sums up what comes before the newest turns, then answers', async () => {
    server.script([text('They asked a first thing.'), text('fine')])
    const run = start(agentOn(server, { tools: [lookup()], ...compacting }), { context })
    expect(textOf(await run.output)).toBe('fine')
    expect(run.port.of('compact')).toEqual([{ type: 'compact', summary: 'They asked a first thing.', covers: 2 }])
    expect(server.requests[0]?.body.tools).toBeUndefined()
    expect(openai.lastUserText(server.requests[0]!.body)).toContain('USER: first question')
    expect(server.requests[1]?.body.messages.map(({ role }) => role)).toEqual([
      'user',
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
      'assistant',
      'user',
    ])
    expect(run.port.events('notice').map(({ code }) => code)).toEqual(['compaction.started', 'compaction.completed'])
    expect(run.port.textOf(1)).toBe('fine')
  })

  test.each([0, 1, 2, 3])('never separates a call from its result, whatever it keeps (%i turns)', async keepTurns => {
    server.script([text('summary'), text('fine')])
    const run = start(agentOn(server, { compaction: { thresholdTokens: 10, keepTurns } }), { context })
    await run.output
    expect([2, 6, 8]).toContain(run.port.of('compact')[0]?.covers)
  })

  test('goes on without the model if the summary fails', async () => {
    server.script([openai.status(500), text('fine')])
    const run = start(agentOn(server, compacting), { context })
    expect(await run.output).toMatchObject({ type: 'completed' })
    expect(run.port.of('compact')).toMatchObject([{ summary: saying('user: first question'), covers: 2 }])
    expect(run.port.events('notice').map(({ code }) => code)).toContain('compaction.fallback')
  })

  test('leaves short conversations alone, and those of an agent that has it off', async () => {
    server.script([text('fine'), text('fine')])
    const long = start(agentOn(server, { compaction: { thresholdTokens: 10_000 } }), { context })
    await long.output
    const off = start(agentOn(server), { context })
    await off.output
    expect([...long.port.of('compact'), ...off.port.of('compact')]).toEqual([])
  })

  test('a summary joins the next one, and a lone summary is left alone', async () => {
    const summarised: readonly ContextMessage[] = [
      { role: 'notice', content: 'an old summary', index: 8 },
      ...context.slice(6),
      { role: 'user', content: 'fourth question', index: 9 },
      { role: 'assistant', content: 'fourth answer', index: 10 },
    ]
    server.script([text('a new summary'), text('fine'), text('fine')])
    const executor = agentOn(server, { compaction: { thresholdTokens: 5, keepTurns: 1 } })
    const run = start(executor, { context: summarised })
    await run.output
    expect(run.port.of('compact')).toMatchObject([{ covers: 9 }])
    expect(openai.lastUserText(server.requests[0]!.body)).toContain('an old summary')
    const lone = start(executor, { context: summarised.slice(0, 1) })
    await lone.output
    expect(lone.port.of('compact')).toEqual([])
  })

  test('believes what a provider measured more than a guess', async () => {
    server.script([text({ chunks: ['fine'], usage: { input: 5000, output: 10 } }), text('summary'), text('fine')])
    const executor = agentOn(server, { compaction: { thresholdTokens: 1000 } })
    await start(executor, { context }).output
    const second = start(executor, { context })
    await second.output
    expect(second.port.of('compact')).toHaveLength(1)
  })
})
