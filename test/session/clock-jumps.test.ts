/** Clocks that jump, stand, lie and throw: what is due happens, what takes time takes that time. */
import { describe, expect, test } from 'vitest'
import { type ManualClock, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { systemClock } from '../../src/time.ts'
import { codeOf, freshStore, STORES, start } from './support.ts'

const HOUR = 3_600_000

/** Time passes in small steps, with everything happening in between that can. */
async function pass(clock: ManualClock, ms: number, stepMs = 500): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs)
    await clock.idle()
  }
}

describe.each(STORES)('when the clock jumps (%s)', kind => {
  async function begin(clock: ManualClock) {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok'), clock })
    await runtime.open({ sessionId: 's' })
    const count = async (): Promise<number> => (await runtime.inputs('s', { limit: 1_000 })).items.length
    return { runtime, count }
  }

  test('hours ahead, what is overdue and what is new is given within seconds', async () => {
    const clock = manualClock()
    const { runtime, count } = await begin(clock)
    await runtime.schedule('s', { content: 'in an hour', inMs: HOUR })
    await pass(clock, 1_000)
    clock.jump(8 * HOUR)
    await pass(clock, 3_000)
    expect(await count()).toBe(1)
    await runtime.schedule('s', { content: 'soon', inMs: 500 })
    await pass(clock, 1_000)
    expect(await count()).toBe(2)
  })

  test('hours back, what comes every second goes on, and what was to come soon comes', async () => {
    const clock = manualClock()
    const { runtime, count } = await begin(clock)
    await runtime.schedule('s', { content: 'tick', everyMs: 1_000, overlap: 'queue' })
    await pass(clock, 5_000)
    expect(await count()).toBe(5)
    await runtime.schedule('s', { content: 'soon', inMs: 2_000 })
    clock.jump(-6 * HOUR)
    await pass(clock, 10_000)
    expect(await count()).toBeGreaterThan(5 + 1 + 5)
    expect(await count()).toBeLessThan(5 + 1 + 12)
    const contents = (await runtime.inputs('s', { limit: 100 })).items.map(({ content }) => content)
    expect(contents.filter(content => content === 'soon')).toHaveLength(1)
  })

  test('back between two processes, what recurs goes on with the second', async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const first = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    for (const id of ['every', 'cron']) await first.open({ sessionId: id })
    await first.schedule('every', { content: 'tick', everyMs: 60_000, overlap: 'queue' })
    await first.schedule('cron', { content: 'tick', cron: '*/5 * * * *', overlap: 'queue' })
    await pass(clock, 60_000, 5_000)
    await first.close()
    clock.jump(-24 * HOUR)
    const second = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    await pass(clock, 10 * 60_000, 5_000)
    const count = async (id: string): Promise<number> => (await second.inputs(id, {})).items.length
    expect(await count('every')).toBeGreaterThan(8)
    expect(await count('cron')).toBe(3)
  })

  test('back over a fixed hour, what was given at that hour is not given again', async () => {
    const clock = manualClock(Date.UTC(2026, 0, 2, 8, 59, 50))
    const { runtime, count } = await begin(clock)
    await runtime.schedule('s', { content: 'good morning', cron: '0 9 * * *' })
    await pass(clock, 20_000)
    expect(await count()).toBe(1)
    clock.jump(-60_000)
    await pass(clock, 120_000, 1_000)
    expect(await count()).toBe(1)
  })

  test('a run has the time that passes, not the time that was skipped', async () => {
    const clock = manualClock()
    const runtime = await start({
      store: freshStore(kind),
      executor: scriptedExecutor(async ({ port }) => {
        await new Promise<void>(resolve => void clock.after(30_000, resolve))
        return port.signal.aborted ? 'late' : 'in time'
      }),
      clock,
    })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'work', maxRunMs: 60_000 })
    await clock.idle()
    clock.jump(10 * HOUR)
    await clock.idle()
    expect(runtime.health()).toMatchObject({ status: 'ok', loops: { overdue: 0 } })
    clock.jump(-20 * HOUR)
    await pass(clock, 31_000)
    const ended = runtime.wait('s', inputId, 1_000)
    await pass(clock, 1_000)
    expect(await ended).toMatchObject({ result: { text: 'in time' } })
  })

  test('health says which schedules are overdue while they can not be given', async () => {
    const clock = manualClock()
    const { runtime, count } = await begin(clock)
    await runtime.schedule('s', { content: 'tick', inMs: 60_000 })
    clock.jump(HOUR)
    expect(runtime.health()).toMatchObject({ status: 'degraded', schedules: { overdue: 1 } })
    expect(runtime.health().reasons).toContainEqual(expect.stringMatching(/1 schedule .*overdue/))
    await pass(clock, 3_000)
    expect(await count()).toBe(1)
    expect(runtime.health()).toMatchObject({ status: 'ok', schedules: { overdue: 0 } })
  })
})

describe('a clock that is handed in', () => {
  const store = { executor: scriptedExecutor(() => 'ok') }
  const after: typeof systemClock.after = (ms, callback) => systemClock.after(ms, callback, { background: true })

  test.each([
    ['Date', Date],
    ['NaN', { now: () => Number.NaN, after }],
    ['Infinity', { now: () => Number.POSITIVE_INFINITY, after }],
    ['9e15', { now: () => 9e15, after }],
    ['before 1970', { now: () => -1, after }],
    ['text', { now: () => 'now', after }],
    [
      'throws',
      {
        now: () => {
          throw new Error('no clock today')
        },
        after,
      },
    ],
    ['null', null],
    ['no timers', { now: () => Date.now() }],
  ])('and is none is refused: %s', async (_, clock) => {
    expect(await codeOf(start({ ...store, clock: clock as never }))).toBe('invalid-params')
  })

  test('and goes wrong later harms nobody, and health names it', async () => {
    let wrong: (() => number) | undefined
    const now = (): number => (wrong === undefined ? Date.now() : wrong())
    const bad = {
      now,
      after: (ms: number, callback: () => void) => {
        if (wrong !== undefined) throw new Error('no timers any more')
        return after(ms, callback)
      },
    }
    const runtime = await start({ ...store, clock: bad })
    await runtime.open({ sessionId: 's' })
    const kinds = [() => Number.NaN, () => Number.POSITIVE_INFINITY, () => 9e15, () => -5]
    for (const kind of [...kinds, () => JSON.parse('{') as number]) {
      wrong = kind
      const { inputId } = await runtime.send('s', { content: 'hello' })
      expect(await runtime.wait('s', inputId, 5_000)).toMatchObject({ result: { text: 'ok' } })
      expect(runtime.health()).toMatchObject({ status: 'degraded', reasons: [expect.stringMatching(/clock/)] })
    }
    wrong = undefined
    expect(runtime.health()).toMatchObject({ status: 'ok' })
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('and calls back at once, twice, and after it was called off, spins nothing', async () => {
    const early = {
      now: () => Date.now(),
      after: (_: number, callback: () => void) => {
        callback()
        callback()
        return callback
      },
    }
    const runtime = await start({ ...store, clock: early })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hello' })
    // Its run may be over before it began, but the process is there to say so.
    expect((await runtime.input('s', { inputId })).id).toBe(inputId)
  })
})
