/** Schedules: inputs that come by themselves, once or again and again, and survive whoever was to give them. */
import { describe, expect, test } from 'vitest'
import { type ManualClock, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf } from './support.ts'

const HOUR = 3_600_000

/** Moves on in steps, letting what is due happen in between. */
async function pass(clock: ManualClock, ms: number, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step++) {
    clock.advance(ms)
    await clock.idle()
  }
}

describe.each(STORES)('a schedule (%s)', kind => {
  test('gives its input once, when it is due and not before', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor(run => `done: ${run.said}`)
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const schedule = await runtime.schedule('s', { content: 'look again', inMs: 60_000, title: 'later' })
    expect(schedule).toMatchObject({ title: 'later', nextDueAt: new Date(clock.now() + 60_000).toISOString() })
    await pass(clock, 59_999)
    expect((await runtime.inputs('s', {})).items).toEqual([])
    await pass(clock, 1)
    const [input] = (await runtime.inputs('s', {})).items
    expect(input).toMatchObject({ kind: 'external-event', content: 'look again' })
    expect(await runtime.wait('s', input?.id ?? '', LONG_MS)).toMatchObject({ result: { text: 'done: look again' } })
    expect(await runtime.schedules('s')).toEqual([])
    expect(typesOf(await eventsOf(runtime, 's'), 'schedule.')).toEqual([
      'schedule.created',
      'schedule.fired',
      'schedule.ended',
    ])
  })

  test('by cron speaks of its time zone, also where clocks change', async () => {
    // The night in which Berlin goes from +1 to +2.
    const clock = manualClock(Date.UTC(2026, 2, 28, 12))
    const executor = scriptedExecutor(() => 'ok')
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const { id, nextDueAt } = await runtime.schedule('s', {
      content: 'good morning',
      cron: '0 8 * * *',
      timeZone: 'Europe/Berlin',
    })
    expect(nextDueAt).toBe('2026-03-29T06:00:00.000Z')
    await pass(clock, HOUR, 24)
    expect(await runtime.schedules('s')).toMatchObject([{ id, nextDueAt: '2026-03-30T06:00:00.000Z' }])
    expect((await runtime.inputs('s', {})).items).toHaveLength(1)
  })

  test('that is due while its last input is unfinished is passed over, waits, or replaces what waits, as it says', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock, maxRunMs: 10 * HOUR })
    const counts: Record<string, number> = {}
    for (const overlap of ['skip', 'queue', 'replace'] as const) {
      await runtime.open({ sessionId: overlap })
      await runtime.schedule(overlap, { content: 'tick', everyMs: 1_000, overlap })
      await pass(clock, 1_000, 4)
      const { items } = await runtime.inputs(overlap, {})
      counts[overlap] = items.filter(({ status }) => status === 'queued' || status === 'staged').length
      await runtime.control(overlap, 'retire')
      await runtime.control(overlap, 'destroy')
    }
    expect(counts).toEqual({ skip: 1, queue: 4, replace: 2 })
    const closed = runtime.close()
    await pass(clock, 1_000)
    await closed
  })

  test('that nobody could fire makes up for what was missed as it says', async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const first = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    for (const misfire of ['skip', 'once', 'all'] as const) {
      await first.open({ sessionId: misfire })
      await first.schedule(misfire, { content: 'tick', everyMs: 60_000, overlap: 'queue', misfire })
    }
    await first.close()
    // Ten minutes without anybody, and a little.
    clock.advance(10 * 60_000 + 30_000)
    const second = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    await pass(clock, 1)
    const counts = await Promise.all(
      ['skip', 'once', 'all'].map(async id => (await second.inputs(id, {})).items.length),
    )
    expect(counts).toEqual([0, 1, 10])
    await pass(clock, 30_000)
    expect((await second.inputs('skip', {})).items).toHaveLength(1)
  })

  test('is kept by a stopped session and goes with a retired one', async () => {
    const clock = manualClock()
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok'), clock })
    await runtime.open({ sessionId: 's' })
    await runtime.schedule('s', { content: 'tick', inMs: 1_000 })
    await runtime.control('s', 'stop')
    await pass(clock, 5_000)
    expect((await runtime.inputs('s', {})).items).toEqual([])
    await runtime.control('s', 'resume')
    await pass(clock, 1)
    expect((await runtime.inputs('s', {})).items).toHaveLength(1)
    const { id } = await runtime.schedule('s', { content: 'tick', inMs: 1_000 })
    await runtime.control('s', 'retire')
    expect(await runtime.schedules('s')).toEqual([])
    expect(await runtime.unschedule('s', id)).toEqual({ cancelled: false })
  })

  test('is refused in words where it makes no sense', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor() })
    await runtime.open({ sessionId: 's' })
    const refused = [
      {},
      { inMs: 1, everyMs: 5_000 },
      { at: 'tomorrow' },
      { at: '2001-01-01T00:00:00Z', until: '2000-01-01T00:00:00Z', cron: '* * * * *' },
      { cron: '99 * * * *' },
      { cron: '0 0 30 2 *' },
      { cron: '0 8 * * *', timeZone: 'Mars/Olympus' },
      { everyMs: 10 },
      { inMs: 5, timeZone: 'Europe/Berlin' },
    ]
    for (const times of refused) {
      expect([times, await codeOf(runtime.schedule('s', { content: 'x', ...times }))]).toEqual([
        times,
        'invalid-params',
      ])
    }
    expect(await runtime.schedules('s')).toEqual([])
  })

  test('that is asked for again with its key is made once, also at once, elsewhere, later, and after its end', async () => {
    const store = freshStore(kind)
    const clock = manualClock()
    const owner = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    const other = await start({ store, executor: scriptedExecutor(), clock })
    for (const id of ['s', 't']) await owner.open({ sessionId: id })
    const daily = { content: 'tick', everyMs: 60_000, title: 'daily', idempotencyKey: 'daily' }
    const made = await Promise.all([owner, other, owner, other].map(one => one.schedule('s', daily)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    clock.advance(30_000)
    expect(await owner.schedule('s', daily)).toMatchObject({ id: made[0]?.id, title: 'daily' })
    expect(await owner.schedules('s')).toHaveLength(1)
    for (const change of [
      { content: 'tock' },
      { everyMs: 61_000 },
      { overlap: 'queue' as const },
      { title: 'other' },
    ]) {
      expect(await codeOf(owner.schedule('s', { ...daily, ...change }))).toBe('idempotency-conflict')
    }
    const { id } = await owner.schedule('t', daily)
    expect(id).not.toBe(made[0]?.id)
    await owner.unschedule('t', id)
    const again = await owner.schedule('t', daily)
    expect(again.id).toBe(id)
    expect(again.nextDueAt).toBeUndefined()
    expect(await owner.schedules('t')).toEqual([])
    expect(typesOf(await eventsOf(owner, 's'), 'schedule.created')).toHaveLength(1)
    for (const key of ['', 'a\0b', '\ud800']) {
      expect(await codeOf(owner.schedule('s', { ...daily, idempotencyKey: key }))).toBe('invalid-params')
    }
  })

  test('asked of another process is its owner’s', async () => {
    const store = freshStore(kind)
    const clock = manualClock()
    const owner = await start({ store, executor: scriptedExecutor(() => 'ok'), clock })
    const other = await start({ store, executor: scriptedExecutor(), clock })
    await owner.open({ sessionId: 's' })
    const { id } = await other.schedule('s', { content: 'tick', everyMs: 1_000 })
    expect(await owner.schedules('s')).toMatchObject([{ id }])
    await pass(clock, 1_000)
    expect((await other.inputs('s', {})).items).toHaveLength(1)
    expect(await other.unschedule('s', id)).toEqual({ cancelled: true })
    expect(await owner.schedules('s')).toEqual([])
  })
})
