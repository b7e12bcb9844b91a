/** An executor is code of somebody else: whatever it answers ends its attempt, and harms nobody. */
import { describe, expect, test } from 'vitest'
import type { ApplyOutput, CoreExecutor, RunPort } from '../../src/executor/executor.ts'
import type { CallId } from '../../src/kernel/ids.ts'
import type { MessageRecord } from '../../src/store/records.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { freshStore, LONG_MS, STORES, start } from './support.ts'

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic
const failing = (more: object) => ({ type: 'failed', source: 'llm', error: { code: 'x', message: 'y' }, ...more })

/** What `apply` may come to that is no answer. */
const ANSWERS: readonly (readonly [string, () => unknown])[] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['no promise, an empty object', () => ({})],
  ['a promise of an empty object', () => Promise.resolve({})],
  ['another word', () => ({ type: 'done' })],
  ['a word of the prototype', () => ({ type: 'constructor' })],
  ['parked for nobody', () => Promise.resolve({ type: 'parked' })],
  ['a message that is none', () => ({ type: 'completed', message: 42 })],
  ['a message of nobody', () => ({ type: 'completed', message: { role: 'god', content: 'x' } })],
  ['content that is none', () => ({ type: 'completed', message: { role: 'assistant', content: { a: 1 } } })],
  ['parts that are none', () => ({ type: 'completed', message: { role: 'assistant', content: [null] } })],
  ['an output without JSON', () => ({ type: 'completed', output: 1n })],
  ['a cyclic output', () => ({ type: 'completed', output: cyclic })],
  ['a failure without error', () => ({ type: 'failed', source: 'llm' })],
  ['a failure whose error says nothing', () => failing({ error: {} })],
  ['a failure of a source that there is none of', () => failing({ source: 'toString' })],
  ['a field that there is none of', () => ({ type: 'completed', text: 'x' })],
  ['an output of a failure', () => failing({ output: 1 })],
  [
    'a message with a text beside its content',
    () => ({ type: 'completed', message: { role: 'assistant', text: 'x' } }),
  ],
  ['a throw at once', () => throwing(new Error('no luck'))],
  ['a throw of nothing', () => throwing(undefined)],
  ['a throw of something unreadable', () => throwing(Object.create(null))],
  ['a getter that throws', () => Object.defineProperty({}, 'type', { get: () => throwing(new Error('no type')) })],
]

function throwing(what: unknown): never {
  throw what
}

describe.each(STORES)('an executor that answers (%s)', kind => {
  test.each(ANSWERS)('%s has failed, three times at most, and timers fire meanwhile', async (_, answer) => {
    let applied = 0
    const executor: CoreExecutor = {
      name: 'hostile',
      apply: (port: RunPort) => {
        applied++
        const said = port.inputs[0]?.content
        return (said === 'well' ? Promise.resolve(done) : answer()) as Promise<ApplyOutput>
      },
    }
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    await runtime.open({ sessionId: 'bystander' })
    const { inputId } = await runtime.send('s', { content: 'x' })
    expect(await runtime.send('bystander', { content: 'well', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({
      status: 'abandoned',
      reason: 'max-attempts',
      result: { outcome: 'failed', error: { code: 'executor-failed', message: expect.any(String) as string } },
    })
    expect(applied).toBe(4)
    expect(await runtime.send('s', { content: 'well', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
  })
})

const done: ApplyOutput = { type: 'completed', message: { role: 'assistant', content: 'done' } }

/** What an executor may say with a field that nothing reads, and what its author is told. */
const STRAY: readonly (readonly [string, (port: RunPort) => unknown, string])[] = [
  ['answer', () => ({ ...done, text: 'x' }), 'a completed answer with `text`'],
  ['failure', () => failing({ output: 1 }), 'a failed answer with `output`'],
  ['message', () => ({ type: 'completed', message: { role: 'assistant', text: 'x' } }), 'a message with `text`'],
  ['boundary', port => port.boundary({ turn: 1, calls: [] } as { turn: number }), 'a report with `calls`'],
  ['outcome', port => port.outcomes([{ ...outcome, error: 'e' } as typeof outcome]), 'a report with `error`'],
  ['summary', port => port.compact({ summary: 's', covers: 0, from: 1 } as never), 'a report with `from`'],
]
const outcome = { callId: 'c' as CallId, name: 't', ok: true, output: 1 }

test.each(STRAY)('a field of an %s that nothing reads is refused by its name', async (_, say, told) => {
  const apply = async (port: RunPort): Promise<ApplyOutput> => (await say(port)) as ApplyOutput
  const runtime = await start({ store: freshStore('memory'), executor: { name: 'x', apply } })
  await runtime.open({ sessionId: 's' })
  const { result } = await runtime.send('s', { content: 'x', waitMs: LONG_MS })
  expect(result?.error).toMatchObject({ code: 'executor-failed', message: expect.stringContaining(told) as string })
})

test('a message that the executor was shown may be its answer, and a field without a value is none', async () => {
  const apply = async (port: RunPort): Promise<ApplyOutput> => {
    const [shown] = port.journal()
    const message = { ...shown, role: 'assistant', index: 3 } as unknown as MessageRecord
    return { ...done, message, text: undefined } as ApplyOutput
  }
  const runtime = await start({ store: freshStore('memory'), executor: { name: 'x', apply } })
  await runtime.open({ sessionId: 's' })
  const { result } = await runtime.send('s', { content: 'said', waitMs: LONG_MS })
  expect(result).toMatchObject({ outcome: 'completed', text: 'said' })
})

test('counts that are none are left out of an answer that is one', async () => {
  const usage = { inputTokens: Number.NaN, outputTokens: 3, totalTokens: '7', calls: -1 }
  const executor = {
    name: 'x',
    apply: () => Promise.resolve({ ...done, usage, turn: 'first' }),
  } as unknown as CoreExecutor
  const runtime = await start({ store: freshStore('memory'), executor })
  await runtime.open({ sessionId: 's' })
  const { result } = await runtime.send('s', { content: 'x', waitMs: LONG_MS })
  expect(result).toMatchObject({ outcome: 'completed', text: 'done', usage: { outputTokens: 3 } })
})

test('a backlog that is answered at once lets timers fire', async () => {
  const executor: CoreExecutor = { name: 'quick', apply: () => Promise.resolve(done) }
  const runtime = await start({ store: freshStore('memory'), executor })
  await runtime.open({ sessionId: 's' })
  let ended = 0
  let endedAtTimer = Number.POSITIVE_INFINITY
  setTimeout(() => {
    endedAtTimer = ended
  }, 1)
  const sent = await Promise.all(Array.from({ length: 500 }, (_, n) => runtime.send('s', { content: `${n}` })))
  await Promise.all(sent.map(({ inputId }) => runtime.wait('s', inputId, LONG_MS).then(() => ended++)))
  expect(endedAtTimer).toBeLessThan(500)
})

describe.each(STORES)('what an answer cost (%s)', kind => {
  test('counts what the work cost before it was approved, and before its process ended', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const first = await start({ store, executor, abortGraceMs: 1 })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'deploy' })
    const asking = await executor.next()
    await asking.ask([{ id: 'c', needsApproval: true }], '', { inputTokens: 10, outputTokens: 1, calls: 1 })
    asking.end({ type: 'parked' })
    await expect.poll(async () => (await first.approvals('s')).length).toBe(1)
    await first.close()
    const next = scriptedExecutor()
    const second = await start({ store, executor: next })
    await second.decide('s', 'c', { decision: 'allow' })
    const going = await next.next()
    await going.dispatch('c')
    await going.outcome('c')
    await going.boundary()
    going.end({ ...done, usage: { inputTokens: 20, outputTokens: 2, calls: 1 } })
    expect(await second.wait('s', inputId, LONG_MS)).toMatchObject({
      result: { usage: { inputTokens: 30, outputTokens: 3, calls: 2 } },
    })
  })
})
