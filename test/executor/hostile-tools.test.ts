/**
 * Tools are foreign code. Whatever one throws, answers or leaves pending, its call ends typed, once, and the turn goes on.
 */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, agent, stillRunning, type ToolContext, tool } from '../../src/executor/agent/index.ts'
import { createRuntime } from '../../src/index.ts'
import {
  circle,
  hostileProxy,
  lateProxy,
  never,
  rejecting,
  revokedProxy,
  thenable,
  throwing,
  withThrowingGetter,
} from '../support/hostile.ts'
import { scriptOf } from '../support/scripted-model.ts'

type Execute = (args: unknown, context: ToolContext) => unknown

/** What is expected of a call: that it is done well, or the code with which it failed. */
type End = 'ok' | 'threw' | 'invalid-result' | 'result-too-large' | 'timeout' | 'invalid-arguments' | 'approval'

const LIMIT_MS = 150

const bare = (fields: object): object => Object.assign(Object.create(null) as object, fields)

const EXECUTES: readonly (readonly [what: string, execute: Execute, end: End])[] = [
  // Thrown
  ['throws nothing', throwing(undefined), 'threw'],
  ['throws null', throwing(null), 'threw'],
  ['throws a text', throwing('no'), 'threw'],
  ['throws an empty text', throwing(''), 'threw'],
  ['throws a number', throwing(0), 'threw'],
  ['throws a big integer', throwing(1n), 'threw'],
  ['throws a symbol', throwing(Symbol('no')), 'threw'],
  ['throws a function', throwing(() => 1), 'threw'],
  ['throws an object without a prototype', throwing(Object.create(null)), 'threw'],
  ['throws a circle', throwing(circle()), 'threw'],
  ['throws a proxy', throwing(hostileProxy()), 'threw'],
  ['throws a revoked proxy', throwing(revokedProxy()), 'threw'],
  ['throws an error whose message throws', throwing(withThrowingGetter(new Error('x'), 'message')), 'threw'],
  ['throws an error whose message is no text', throwing(Object.assign(new Error('x'), { message: 1n })), 'threw'],
  ['throws an error whose text throws', throwing({ toString: throwing('again') }), 'threw'],
  ['throws half a surrogate pair', throwing(new Error('\ud83d')), 'threw'],
  ['throws a message of 20 MB', throwing(new Error('x'.repeat(20_000_000))), 'threw'],
  ['throws an error that calls itself aborted', throwing(new DOMException('no', 'AbortError')), 'threw'],
  ['throws an error that calls itself stopped', throwing(Object.assign(new Error('x'), { name: 'Stopped' })), 'threw'],
  ['rejects with nothing', rejecting(undefined), 'threw'],
  ['rejects with null', rejecting(null), 'threw'],
  ['rejects with an object without a prototype', rejecting(Object.create(null)), 'threw'],
  ['rejects with a proxy', rejecting(hostileProxy()), 'threw'],
  // Pending
  ['never answers', never, 'timeout'],
  ['answers with a thenable that never settles', () => thenable(() => {}), 'timeout'],
  ['answers with a promise of one that never settles', async () => never(), 'timeout'],
  // Thenables
  ['answers with a thenable that answers twice', () => thenable(r => (r('one'), r('two'))), 'ok'],
  ['answers with a thenable that answers and rejects', () => thenable((r, no) => (r('one'), no('two'))), 'ok'],
  ['answers with a thenable that answers and throws', () => thenable(r => (r('one'), throwing('two')())), 'ok'],
  ['answers with a thenable that rejects and answers', () => thenable((r, no) => (no('one'), r('two'))), 'threw'],
  ['answers with a thenable that throws', () => thenable(() => throwing('no')()), 'threw'],
  ['answers with an object whose then throws', () => withThrowingGetter({}, 'then'), 'threw'],
  ['answers with a thenable of a thenable', () => thenable(r => r(thenable(again => again('in the end')))), 'ok'],
  // Answers that JSON can hold, or nearly
  ['answers nothing', () => undefined, 'ok'],
  ['answers null', () => null, 'ok'],
  ['answers no number', () => Number.NaN, 'ok'],
  ['answers an object without a prototype', () => bare({ a: 1 }), 'ok'],
  ['answers a date', () => new Date(0), 'ok'],
  ['answers a date that is none', () => new Date(Number.NaN), 'ok'],
  ['answers a map', () => new Map([[1, 2]]), 'ok'],
  ['answers an error', () => new Error('not thrown'), 'ok'],
  ['answers with holes', () => [undefined, () => 1, Symbol('s')], 'ok'],
  ['answers half a surrogate pair', () => 'a\ud83d', 'ok'],
  ['answers keys of half a surrogate pair', () => ({ '\udc00': ['\ud83d'] }), 'ok'],
  ['answers a prototype', () => JSON.parse('{"__proto__":{"admin":true}}') as object, 'ok'],
  ['answers a buffer', () => Buffer.from('bytes'), 'ok'],
  ['answers a typed array', () => new Float64Array([1, 2]), 'ok'],
  ['answers a view of bytes', () => new DataView(new ArrayBuffer(4)), 'ok'],
  ['answers an array buffer', () => new ArrayBuffer(4), 'ok'],
  ['answers a text of 20 MB', () => 'x'.repeat(20_000_000), 'ok'],
  ['answers a list of a million characters', () => Array.from({ length: 1000 }, () => 'x'.repeat(1000)), 'ok'],
  // Answers that it can't hold
  ['answers a function', () => () => 1, 'invalid-result'],
  ['answers a symbol', () => Symbol('s'), 'invalid-result'],
  ['answers a big integer', () => 1n, 'invalid-result'],
  ['answers a big integer far down', () => ({ a: [{ b: 1n }] }), 'invalid-result'],
  ['answers a circle', circle, 'invalid-result'],
  [
    'answers what throws when it is read',
    () => ({
      get a(): never {
        throw new Error('no')
      },
    }),
    'invalid-result',
  ],
  ['answers what throws as JSON', () => ({ toJSON: throwing(new Error('no')) }), 'invalid-result'],
  ['answers what throws a text as JSON', () => ({ toJSON: throwing('no') }), 'invalid-result'],
  ['answers what is a function as JSON', () => ({ toJSON: () => () => 1 }), 'invalid-result'],
  ['answers a proxy', lateProxy, 'invalid-result'],
  ['answers a proxy that refuses to be waited for', () => hostileProxy(), 'threw'],
  ['answers a revoked proxy', () => revokedProxy(), 'threw'],
  ['answers a depth that has no end', () => deep(100_000), 'invalid-result'],
  ['answers 60 MB of objects', () => Array.from({ length: 60 }, () => 'x'.repeat(1_000_000)), 'result-too-large'],
  ['answers a buffer of 20 MB', () => Buffer.alloc(20_000_000), 'result-too-large'],
  // Work that goes on
  ['goes on under a title that is none', () => stillRunning({ title: 42 as never }), 'threw'],
  ['goes on under no title', () => stillRunning({} as never), 'threw'],
  ['goes on with a handle that is a circle', () => stillRunning({ title: 't', handle: circle() }), 'threw'],
  ['goes on with a handle that is a big integer', () => stillRunning({ title: 't', handle: 1n }), 'threw'],
  ['goes on with a handle that is a function', () => stillRunning({ title: 't', handle: () => 1 }), 'threw'],
  ['goes on with a handle of a megabyte', () => stillRunning({ title: 't', handle: 'x'.repeat(1e6) }), 'threw'],
  ['goes on with an end that is no promise', () => stillRunning({ title: 't', finish: 42 as never }), 'threw'],
  ['goes on with an option that nothing reads', () => stillRunning({ title: 't', promise: never() } as never), 'threw'],
  // What it says while it works
  ['reports 20 MB', (_, { progress }) => progress('x'.repeat(20_000_000)), 'ok'],
  ['reports a circle', (_, { progress }) => progress(circle()), 'ok'],
  ['reports a proxy', (_, { progress }) => progress(hostileProxy()), 'ok'],
  ['reports a function', (_, { progress }) => progress(() => 1), 'ok'],
  ['reports a hundred thousand times', (_, { progress }) => many(100_000, index => progress({ index })), 'ok'],
  ['changes its arguments', args => void Object.assign(args as object, { circle: circle() }), 'ok'],
]

/** What a tool declares, and lies about. */
const DECLARED: readonly (readonly [what: string, more: Partial<AgentTool>, end: End])[] = [
  ['a parser that throws a text', { parse: throwing('no') }, 'invalid-arguments'],
  ['a parser that throws', { parse: throwing(Object.create(null)) }, 'invalid-arguments'],
  ['a parser that rejects with nothing', { parse: rejecting(undefined) }, 'invalid-arguments'],
  ['a parser that never answers', { parse: never }, 'invalid-arguments'],
  ['a parser that says nothing', { parse: (() => undefined) as never }, 'invalid-arguments'],
  ['a parser that says a proxy', { parse: async () => lateProxy() as never }, 'invalid-arguments'],
  [
    'a parser whose problem is a circle',
    { parse: async () => ({ ok: false, problem: circle() }) as never },
    'invalid-arguments',
  ],
  [
    'a parser whose problem is 20 MB',
    { parse: async () => ({ ok: false, problem: 'x'.repeat(2e7) }) },
    'invalid-arguments',
  ],
  ['an approval that throws', { needsApproval: throwing('no') }, 'approval'],
  ['an approval that is promised', { needsApproval: async () => true }, 'approval'],
  ['an approval that is promised not to be needed', { needsApproval: async () => false }, 'ok'],
  ['an approval that rejects', { needsApproval: rejecting('no') }, 'approval'],
  ['an approval that never answers', { needsApproval: never }, 'approval'],
  ['an approval that says neither', { needsApproval: (() => 'no') as never }, 'approval'],
  ['an approval that says nothing', { needsApproval: (() => undefined) as never }, 'approval'],
  ['a check of its result that throws', { checkOutput: throwing('no') }, 'invalid-result'],
  ['a check of its result that rejects', { checkOutput: rejecting(null) }, 'invalid-result'],
  ['a check of its result that never answers', { checkOutput: never }, 'invalid-result'],
  ['a check of its result that says a circle', { checkOutput: (async () => circle()) as never }, 'invalid-result'],
]

/** Schemas that throw or never answer where a tool is made by `tool()`. */
const explodes = z.string().transform(throwing('schema'))
const hangs = z.string().transform(never)
const SCHEMAS: readonly (readonly [what: string, tool: () => AgentTool, end: End])[] = [
  ['arguments whose transform throws', () => made({ input: z.object({ place: explodes }) }), 'invalid-arguments'],
  ['arguments whose transform never answers', () => made({ input: z.object({ place: hangs }) }), 'invalid-arguments'],
  [
    'arguments whose check throws',
    () => made({ input: z.object({ place: z.string().refine(throwing(null)) }) }),
    'invalid-arguments',
  ],
  ['a result whose transform throws', () => made({ output: explodes }), 'invalid-result'],
  ['a result whose transform never answers', () => made({ output: hangs }), 'invalid-result'],
  ['a check for approval that throws', () => made({ needsApproval: throwing('no') }), 'approval'],
  ['a check for approval that is promised', () => made({ needsApproval: async () => true }), 'approval'],
]

function made(more: Partial<Parameters<typeof tool>[0]>): AgentTool {
  const input = z.object({ place: z.string() })
  return tool({
    name: 'hostile',
    description: 'Is hostile.',
    input,
    timeoutMs: LIMIT_MS,
    execute: () => 'done',
    ...more,
  })
}

function deep(levels: number): unknown {
  let value: unknown = 'down'
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

function many(times: number, act: (index: number) => void): string {
  for (let index = 0; index < times; index++) act(index)
  return 'done'
}

function handMade(more: Partial<AgentTool>): AgentTool {
  return {
    name: 'hostile',
    description: 'Is hostile.',
    inputSchema: { type: 'object' },
    onLost: 'fail',
    timeoutMs: LIMIT_MS,
    parse: async args => ({ ok: true, args }),
    needsApproval: () => false,
    mayNeedApproval: true,
    execute: () => 'done',
    ...more,
  }
}

/** Has a model call the tool once; answers what became of the call, and how the input ended. */
async function call(hostile: AgentTool) {
  const model = scriptOf([{ call: 'hostile', args: { place: 'here' } }, { say: 'done' }, { say: 'well' }])
  await using runtime = await createRuntime({ executor: agent({ model, tools: [hostile] }) })
  await runtime.open({ sessionId: 's' })
  await runtime.open({ sessionId: 'bystander' })
  const { inputId } = await runtime.send('s', { content: 'go' })
  const parked = async (): Promise<boolean> => (await runtime.approvals('s')).length > 0
  let status = 'queued'
  while (status !== 'consumed' && !(await parked())) ({ status } = await runtime.wait('s', inputId, 100))
  const { events } = await runtime.events({ sessionId: 's', limit: 1000 })
  const ends = events.filter(({ type }) => type === 'tool.completed' || type === 'tool.failed')
  const waits = await parked()
  const bystander = await runtime.send('bystander', { content: 'hello', waitMs: 10_000 })
  expect(bystander.result).toMatchObject({ outcome: 'completed' })
  const size = JSON.stringify(events).length
  return { ends: waits ? ['approval'] : ends.map(({ type, code }) => (type === 'tool.completed' ? 'ok' : code)), size }
}

describe('a tool that', () => {
  test.each(EXECUTES)('%s: its call ends once, typed', async (_, execute, end) => {
    const { ends, size } = await call(handMade({ execute }))
    expect(ends).toEqual([end])
    expect(size).toBeLessThan(1_000_000)
  })
})

describe('a tool with', () => {
  test.each(DECLARED)('%s: its call ends once, typed', async (_, more, end) => {
    const { ends, size } = await call(handMade(more))
    expect(ends).toEqual([end])
    expect(size).toBeLessThan(1_000_000)
  })

  test.each(SCHEMAS)('%s: its call ends once, typed', async (_, hostile, end) => {
    expect((await call(hostile())).ends).toEqual([end])
  })
})

describe('an executor of your own', () => {
  test.each<readonly [what: string, apply: () => never]>([
    ['nothing', throwing(undefined)],
    ['what has no prototype', throwing(Object.create(null))],
    ['a proxy', throwing(hostileProxy())],
    ['an error whose message throws', throwing(withThrowingGetter(new Error('x'), 'message'))],
  ])('that throws %s: the input ends, and says so', async (_, apply) => {
    await using runtime = await createRuntime({ executor: { name: 'own', apply } })
    await runtime.open({ sessionId: 's' })
    const { result } = await runtime.send('s', { content: 'go', waitMs: 10_000 })
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'executor-failed' } })
  })
})
