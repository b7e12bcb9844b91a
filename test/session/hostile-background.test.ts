/** Work behind an answer is foreign code as well: whatever its end is, the operation has one, and says so. */
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type AgentTool, agent, stillRunning, tool } from '../../src/executor/agent/index.ts'
import type { CoreExecutor, WatchContext } from '../../src/executor/executor.ts'
import { createRuntime } from '../../src/index.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import { manualClock } from '../../src/testing/index.ts'
import { circle, rejecting, thenable, throwing } from '../support/hostile.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { freshStore, start } from './support.ts'

/** An agent whose one tool goes on like this behind its answer. */
function goingOn(finish: () => PromiseLike<unknown>, more: Partial<AgentTool> = {}): CoreExecutor {
  const build = tool({
    name: 'build',
    description: 'Builds.',
    input: z.object({}),
    onLost: 'fail',
    execute: () => stillRunning({ title: 'a build', finish: finish() }),
  })
  const model = scriptOf([{ call: 'build' }, { say: 'It is being built.' }, { say: 'I heard.' }])
  return agent({ model, tools: [{ ...build, ...more }] })
}

/** Has the tool begin, and answers the operation once the session was told how it ended. */
async function endOf(executor: CoreExecutor) {
  await using runtime = await createRuntime({ executor })
  await begin(runtime)
  return await ended(runtime)
}

async function begin(runtime: Runtime): Promise<void> {
  await runtime.open({ sessionId: 's' })
  const { result } = await runtime.send('s', { content: 'build', waitMs: 10_000 })
  expect(result).toMatchObject({ outcome: 'completed' })
}

/** The operation, once it has ended. */
async function ended(runtime: Runtime) {
  for (let after = '0'; ; ) {
    const { events, cursor } = await runtime.events({ sessionId: 's', after, waitMs: 10_000 })
    if (events.some(({ type }) => /^operation\.(completed|failed|cancelled|terminated)$/.test(type))) break
    if (events.length === 0) throw new Error('the operation did not end')
    after = cursor
  }
  const [operation] = await runtime.operations('s')
  return operation
}

describe('work behind an answer', () => {
  test.each<readonly [what: string, finish: () => PromiseLike<unknown>, end: object]>([
    ['rejects with nothing', rejecting(undefined), { status: 'failed', error: 'undefined' }],
    ['rejects with what has no prototype', rejecting(Object.create(null)), { status: 'failed' }],
    ['rejects with a circle', rejecting(circle()), { status: 'failed' }],
    ['comes to a circle', async () => circle(), { status: 'failed' }],
    ['comes to a big integer', async () => 1n, { status: 'failed' }],
    ['comes to a function', async () => () => 1, { status: 'failed' }],
    ['comes to nothing', async () => undefined, { status: 'completed', output: null }],
    ['comes to 60 MB', async () => Array.from({ length: 60 }, () => 'x'.repeat(1e6)), { status: 'failed' }],
    ['is a thenable that throws', () => thenable(throwing('no')), { status: 'failed', error: 'no' }],
    [
      'is a thenable that ends twice',
      () => thenable(end => (end('one'), end('two'))),
      { status: 'completed', output: 'one' },
    ],
  ])('that %s ends once, and the session is told', async (_, finish, end) => {
    expect(await endOf(goingOn(finish))).toMatchObject(end)
  })

  test.each<readonly [what: string, checkOutput: unknown]>([
    ['throws', throwing(null)],
    ['rejects', rejecting(circle())],
    ['says a circle', async () => circle()],
  ])('whose check %s has failed', async (_, checkOutput) => {
    const operation = await endOf(goingOn(async () => 'done', { checkOutput: checkOutput as never }))
    expect(operation).toMatchObject({ status: 'failed' })
  })

  test.each<readonly [what: string, more: object, ms: number]>([
    ['is given a day', {}, 24 * 3_600_000],
    ['may say how long it takes', { maxMs: 5_000 }, 5_000],
  ])('that never ends %s, and has failed then', async (_, more, ms) => {
    const clock = manualClock()
    const never = new Promise<never>(() => {})
    const execute = () => stillRunning({ title: 'a build', finish: never, ...more })
    const runtime = await start({ executor: goingOn(() => never, { execute }), clock })
    await begin(runtime)
    await clock.idle()
    clock.advance(ms - 1)
    await clock.idle()
    expect(await runtime.operations('s')).toMatchObject([{ status: 'running' }])
    clock.advance(1)
    const end = { status: 'failed', reason: 'timed-out', error: `it did not end within ${ms} ms` }
    expect(await ended(runtime)).toMatchObject({ ...end, error: expect.stringContaining(end.error) as unknown })
  })

  test('has its deadline from its begin, whoever waits for it: it is not taken up again after that', async () => {
    const clock = manualClock()
    const never = new Promise<never>(() => {})
    const execute = () => stillRunning({ title: 'a build', finish: never, maxMs: 60_000 })
    const resumed: WatchContext[] = []
    const resume: AgentTool['resume'] = (_, context) => (resumed.push(context), never)
    const store = freshStore('memory')
    const first = await start({ store, executor: goingOn(() => never, { execute, resume }), clock })
    await begin(first)
    await first.close()
    clock.advance(50_000)
    const second = await start({ store, executor: goingOn(() => never, { execute, resume }), clock })
    await vi.waitFor(() => expect(resumed).toHaveLength(1))
    await clock.idle()
    clock.advance(10_000)
    expect(await ended(second)).toMatchObject({ status: 'failed', reason: 'timed-out' })
    expect(resumed.map(({ signal }) => signal.aborted)).toEqual([true])
  })

  test.each(['a cancel', 'its time', 'the end of its session', 'somebody outside'] as const)(
    'is told by the signal of its call to stop: %s',
    async by => {
      const clock = manualClock()
      let signal: AbortSignal | undefined
      const execute: AgentTool['execute'] = (_, context) => {
        signal = context.signal
        return stillRunning({ title: 'a build', finish: new Promise<never>(() => {}), maxMs: 60_000 })
      }
      const runtime = await start({ executor: goingOn(async () => 0, { execute }), clock })
      await begin(runtime)
      await clock.idle()
      const [operation] = await runtime.operations('s')
      expect(signal?.aborted).toBe(false)
      if (by === 'its time') clock.advance(60_000)
      else if (by === 'the end of its session') await runtime.control('s', 'destroy')
      else {
        const outcome = by === 'a cancel' ? 'cancelled' : 'completed'
        await runtime.finishOperation('s', operation?.id ?? '', { outcome })
      }
      await vi.waitFor(() => expect(signal?.aborted).toBe(true))
    },
  )

  test('goes on where its session is let go and taken up again, and is not told to stop once it has ended', async () => {
    const work = Promise.withResolvers<string>()
    let signal: AbortSignal | undefined
    const execute: AgentTool['execute'] = (_, context) => {
      signal = context.signal
      return stillRunning({ title: 'a build', finish: work.promise })
    }
    const runtime = await start({ executor: goingOn(async () => 0, { execute }) })
    await begin(runtime)
    await runtime.evict(0)
    expect(signal?.aborted).toBe(false)
    work.resolve('built')
    await runtime.get('s')
    expect(await ended(runtime)).toMatchObject({ status: 'completed', output: 'built' })
    expect(signal?.aborted).toBe(false)
  })

  test('that somebody outside ends has time, unless it says how much', async () => {
    const clock = manualClock()
    const executes = [() => stillRunning({ title: 'a form' }), () => stillRunning({ title: 'a form', maxMs: 1_000 })]
    const statuses = executes.map(async execute => {
      const runtime = await start({ executor: goingOn(async () => 0, { execute }), clock })
      await begin(runtime)
      await clock.idle()
      return runtime
    })
    const runtimes = await Promise.all(statuses)
    clock.advance(1_000_000_000)
    await clock.idle()
    const [forever, limited] = await Promise.all(runtimes.map(runtime => runtime.operations('s')))
    expect(forever).toMatchObject([{ status: 'running' }])
    expect(limited).toMatchObject([{ status: 'failed', reason: 'timed-out' }])
  })

  test.each([0, -1, Number.NaN, '5', 1e300])('that may take %s ms is refused', maxMs => {
    expect(() => stillRunning({ title: 'a build', maxMs: maxMs as never })).toThrow(/maxMs/)
  })

  test('that never ends keeps nothing up, and is ended from outside', async () => {
    await using runtime = await createRuntime({ executor: goingOn(() => new Promise(() => {})) })
    await begin(runtime)
    const [operation] = await runtime.operations('s')
    expect(operation).toMatchObject({ status: 'running' })
    await runtime.finishOperation('s', operation?.id ?? '', { outcome: 'cancelled' })
    expect(await ended(runtime)).toMatchObject({ status: 'cancelled' })
  })
})

describe('an executor that is asked for the end of an operation', () => {
  test.each<readonly [what: string, watch: unknown]>([
    ['throws a text', throwing('no')],
    ['rejects with nothing', rejecting(undefined)],
    ['answers a text', async () => 'done'],
    ['answers nothing of use', async () => ({})],
    ['answers null', async () => null],
    ['answers with a circle', async () => ({ ok: true, output: circle() })],
    ['answers with a circle as error', async () => ({ ok: false, error: circle() })],
    [
      'answers with what throws',
      async () => ({
        get ok() {
          throw new Error('no')
        },
      }),
    ],
  ])('and %s: the operation has failed, and the session is told', async (_, watch) => {
    const executor = { ...goingOn(async () => 'done'), watch: watch as never }
    expect(await endOf(executor)).toMatchObject({ status: 'failed' })
  })

  test('and reports circles and megabytes: observers see a mark', async () => {
    const watch: CoreExecutor['watch'] = async (_, { progress }) => {
      progress(circle())
      progress('x'.repeat(20_000_000))
      for (let n = 0; n < 100_000; n++) progress(n)
      return { ok: true, output: 'done' }
    }
    await using runtime = await createRuntime({ executor: { ...goingOn(async () => 'done'), watch } })
    await begin(runtime)
    await ended(runtime)
    const { events } = await runtime.events({ sessionId: 's', limit: 500 })
    const shown = events.filter(({ type }) => type === 'operation.progress').map(({ data }) => data)
    expect(shown.slice(0, 2)).toMatchObject([
      { truncated: true },
      expect.stringMatching(/truncated: 16384 of 20000000/),
    ])
    expect(shown.length).toBeLessThan(200)
  })
})
