/** What `tool()` and `agent()` are given is checked when they are called, and not when a model gets there. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, agent, type ToolDefinition, tool } from '../../src/executor/agent/index.ts'
import { createRuntime } from '../../src/index.ts'
import { circle, hostileProxy, never, revokedProxy, throwing, withThrowingGetter } from '../support/hostile.ts'
import { scriptOf } from '../support/scripted-model.ts'

type Definition = ToolDefinition<z.ZodType, unknown>

const good: Definition = { name: 'look', description: 'Looks.', input: z.object({}), execute: () => 'seen' }
const refused = (path: string): unknown =>
  expect.objectContaining({
    code: 'invalid-params',
    details: expect.objectContaining({ issues: [expect.objectContaining({ path })] }) as unknown,
  })

/** What it throws. */
function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

const noSchema = { parse: () => 1 }
const badlyRead = withThrowingGetter({ ...good }, 'timeoutMs')

describe('a tool', () => {
  test.each<readonly [what: string, definition: unknown, path: string]>([
    ['that is nothing', undefined, ''],
    ['that is a text', 'look', ''],
    ['without a name', { ...good, name: undefined }, 'name'],
    ['whose name is a number', { ...good, name: 7 }, 'name'],
    ['whose name is empty', { ...good, name: '' }, 'name'],
    ['whose name has a space', { ...good, name: 'look at' }, 'name'],
    ['whose name is too long', { ...good, name: 'x'.repeat(65) }, 'name'],
    ['without a description', { ...good, description: undefined }, 'description'],
    ['without an input', { ...good, input: undefined }, 'input'],
    ['whose input is a JSON Schema', { ...good, input: { type: 'object' } }, 'input'],
    ['whose input is no schema', { ...good, input: noSchema }, 'input'],
    ['whose input has no JSON Schema', { ...good, input: z.object({ at: z.date() }) }, 'input'],
    ['whose output is no schema', { ...good, output: 'text' }, 'output'],
    ['whose limit is no number', { ...good, timeoutMs: '5' }, 'timeoutMs'],
    ['whose limit is not a number', { ...good, timeoutMs: Number.NaN }, 'timeoutMs'],
    ['whose limit has no end', { ...good, timeoutMs: Number.POSITIVE_INFINITY }, 'timeoutMs'],
    ['whose limit is 0', { ...good, timeoutMs: 0 }, 'timeoutMs'],
    ['whose limit is negative', { ...good, timeoutMs: -1 }, 'timeoutMs'],
    ['whose policy is unheard of', { ...good, onLost: 'toString' }, 'onLost'],
    ['whose approval is a text', { ...good, needsApproval: 'yes' }, 'needsApproval'],
    ['whose approval expires without a decision', { ...good, approval: { expiresMs: 5 } }, 'approval'],
    ['whose approval expires at once', { ...good, approval: { expiresMs: 0, onExpiry: 'deny' } }, 'approval'],
    ['without a function', { ...good, execute: undefined }, 'execute'],
    ['whose function is a promise', { ...good, execute: Promise.resolve() }, 'execute'],
    ['whose resume is no function', { ...good, resume: true }, 'resume'],
    ['with an option that nothing reads', { ...good, timeout: 5 }, 'timeout'],
    ['that throws when it is read', badlyRead, 'timeoutMs'],
  ])('%s is refused at once, by the name of the field', (_, definition, path) => {
    expect(thrownBy(() => tool(definition as Definition))).toEqual(refused(path))
  })

  test('is made of what fits', () => {
    expect(tool({ ...good, needsApproval: async () => true, onLost: 'retry', timeoutMs: 1 })).toMatchObject({
      name: 'look',
      inputSchema: { type: 'object' },
    })
  })
})

describe('an agent', () => {
  const model = scriptOf([{ say: 'done' }])
  const handMade = { ...tool(good) }

  test.each<readonly [what: string, options: object, path: string]>([
    ['without a model', { model: undefined }, 'model'],
    ['whose model is a number', { model: 5 }, 'model'],
    ['whose model is nothing but an object', { model: {} }, 'model'],
    ['whose tools are a text', { tools: 'look' }, 'tools'],
    ['whose tools are no tools', { tools: [{ name: 'look' }] }, 'description'],
    ['whose tools are a proxy', { tools: hostileProxy() }, 'tools'],
    ['whose tools are a revoked proxy', { tools: revokedProxy() }, 'tools'],
    ['whose tools hold nothing', { tools: [undefined] }, ''],
    ['whose tools have no parser', { tools: [{ ...handMade, parse: undefined }] }, 'parse'],
    ['whose tools have a circle as schema', { tools: [{ ...handMade, inputSchema: circle() }] }, 'inputSchema'],
    ['whose tools have a limit that is not a number', { tools: [{ ...handMade, timeoutMs: Number.NaN }] }, 'timeoutMs'],
    ['whose prompt is a number', { system: 5 }, 'system'],
    ['whose turns are not a number', { maxTurns: Number.NaN }, 'maxTurns'],
    ['whose turns are negative', { maxTurns: -1 }, 'maxTurns'],
    ['whose limit for tools has no end', { toolTimeoutMs: Number.POSITIVE_INFINITY }, 'toolTimeoutMs'],
    ['whose delay is a text', { retryDelayMs: '1s' }, 'retryDelayMs'],
    ['whose compaction is true', { compaction: true }, 'compaction'],
    ['whose compaction has no threshold', { compaction: {} }, 'thresholdTokens'],
    ['whose settings are unheard of', { settings: { temprature: 0 } }, 'temprature'],
    ['with an option that nothing reads', { maxSteps: 5 }, 'maxSteps'],
  ])('%s is refused at once, by the name of the field', (_, options, path) => {
    expect(thrownBy(() => agent({ model, ...options }))).toEqual(refused(path))
  })

  test('refuses two tools of one name', () => {
    expect(thrownBy(() => agent({ model, tools: [handMade, handMade] }))).toMatchObject({ code: 'invalid-params' })
  })

  test.each<readonly [what: string, tools: () => unknown, code: string]>([
    ['throw a text', throwing('no'), 'executor-failed'],
    ['throw what has no prototype', throwing(Object.create(null)), 'executor-failed'],
    ['never come', never, 'executor-failed'],
    ['are none', () => 'look', 'invalid-params'],
    ['are two of one name', () => [handMade, handMade], 'invalid-params'],
    ['are badly made', async () => [{ ...handMade, parse: 1 }], 'invalid-params'],
  ])('whose tools are asked for and %s: the input ends, and says why', async (_, tools, code) => {
    const executor = agent({ model, tools: tools as never, toolTimeoutMs: 50 })
    await using runtime = await createRuntime({ executor })
    await runtime.open({ sessionId: 's' })
    const { result } = await runtime.send('s', { content: 'go', waitMs: 10_000 })
    expect(result).toMatchObject({ outcome: 'failed', error: { code } })
  })
})

describe('arguments of a model', () => {
  test.each<readonly [what: string, input: string]>([
    ['50 MB of text', JSON.stringify({ place: 'x'.repeat(50_000_000) })],
    ['megabytes of numbers', JSON.stringify({ place: Array.from({ length: 500_000 }, (_, n) => n) })],
    ['a depth without end', `{"place":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['a prototype', '{"place":"x","__proto__":{"admin":true}}'],
  ])('that are %s are refused, and not kept', async (_, input) => {
    const asked: AgentTool['execute'][] = []
    const look = { ...tool(good), execute: () => asked.push(() => 1) }
    const script = scriptOf([{ call: 'look', input }, { say: 'sorry' }])
    await using runtime = await createRuntime({ executor: agent({ model: script, tools: [look] }) })
    await runtime.open({ sessionId: 's' })
    const { result } = await runtime.send('s', { content: 'go', waitMs: 10_000 })
    expect(result).toMatchObject({ outcome: 'completed', text: 'sorry' })
    expect(asked).toEqual([])
    const { events } = await runtime.events({ sessionId: 's' })
    expect(events.find(({ type }) => type === 'tool.failed')).toMatchObject({ code: 'invalid-arguments' })
    const { messages } = await runtime.history('s', {})
    expect(JSON.stringify([messages, events]).length).toBeLessThan(20_000)
  })

  test('that name a tool by a megabyte are told so, briefly', async () => {
    const script = scriptOf([{ call: 'x'.repeat(1_000_000) }, { say: 'sorry' }])
    await using runtime = await createRuntime({ executor: agent({ model: script, tools: [tool(good)] }) })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'go', waitMs: 10_000 })
    const { messages } = await runtime.history('s', {})
    expect(JSON.stringify(messages).length).toBeLessThan(5_000)
  })
})
