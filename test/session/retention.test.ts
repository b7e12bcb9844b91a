/** Retention: what nobody needs goes, what is unfinished can't, and what readers know of stays true. */
import { describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import type { Runtime } from '../../src/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts'
import { type ScriptedRun, scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf } from './support.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The longest that one wait may last, by a clock that jumps. */
const MOST_MS = 600_000

/** Streams its answer in pieces that stand apart: something else was told between them. */
async function streaming(run: ScriptedRun, clock: ManualClock, runtime: Runtime): Promise<string> {
  for (const piece of ['The ', 'deploy ', 'is ', 'done.']) {
    run.stream(piece)
    run.port.stream({ type: 'notice', code: 'aside', message: 'slow' })
    await writeIn(run, clock, runtime)
  }
  return 'The deploy is done.'
}

/** Has what was streamed written in a record of its own. */
async function writeIn({ port }: ScriptedRun, clock: ManualClock, runtime: Runtime): Promise<void> {
  clock.advance(50)
  await runtime.update(port.sessionId, { title: `at ${clock.now()}` })
}

async function historyOf(runtime: Runtime, sessionId: string): Promise<string> {
  return JSON.stringify(await runtime.history(sessionId, { limit: 1_000 }))
}

/** The source with stores that take so many amendments and no more. */
function amendingOnly(source: StoreSource, left: { amendments: number }): StoreSource {
  const amend = (store: Store): Store['amend'] => {
    return async (claim, rows) => {
      if (left.amendments-- <= 0) throw new MeerkatError('store-unavailable', 'an injected fault: the disk is full')
      await store.amend(claim, rows)
    }
  }
  const open = async (): Promise<Store> => {
    const store = await source.open()
    return new Proxy(store, {
      get(target, name) {
        if (name === 'amend') return amend(target)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }
  return { name: source.name, open }
}

describe.each(STORES)('retention on %s', kind => {
  async function streamed() {
    const clock = manualClock()
    const executor = scriptedExecutor(run => streaming(run, clock, runtime))
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'deploy', idempotencyKey: 'k' })
    await runtime.wait('s', inputId, MOST_MS)
    return { clock, runtime, inputId }
  }

  test('joins the pieces of a text once its run ended long enough ago', { timeout: LONG_MS }, async () => {
    const { clock, runtime, inputId } = await streamed()
    const [before, history] = [await eventsOf(runtime, 's'), await historyOf(runtime, 's')]
    expect(before.filter(({ type }) => type === 'text.delta').length).toBeGreaterThan(2)

    expect(await runtime.prune({ deltasAfterMs: HOUR })).toMatchObject({ amended: 0 })
    clock.advance(2 * HOUR)
    const planned = await runtime.prune({ deltasAfterMs: HOUR, dryRun: true })
    expect(await eventsOf(runtime, 's')).toEqual(before)
    const report = await runtime.prune({ deltasAfterMs: HOUR })
    expect(report).toEqual({ ...planned, dryRun: false })
    expect(report).toMatchObject({ sessions: 1, removed: 0, skipped: 0 })
    expect(report.amended).toBeGreaterThan(1)
    expect(report.bytes).toBeGreaterThan(0)

    const after = await eventsOf(runtime, 's')
    expect(after.filter(({ type }) => type === 'text.delta').map(({ text }) => text)).toEqual(['The deploy is done.'])
    expect(after.filter(({ type }) => type !== 'text.delta')).toEqual(
      before.filter(({ type }) => type !== 'text.delta'),
    )
    expect(await historyOf(runtime, 's')).toBe(history)
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
    expect((await runtime.input('s', { inputId })).result?.text).toBe('The deploy is done.')
    expect(await runtime.prune({ deltasAfterMs: HOUR })).toMatchObject({ amended: 0, bytes: 0 })
  })

  test('shows no event twice to a reader in the middle', { timeout: LONG_MS }, async () => {
    const { clock, runtime } = await streamed()
    const before = await eventsOf(runtime, 's')
    clock.advance(2 * DAY)
    await runtime.prune({ deltasAfterMs: HOUR })
    const joined = await eventsOf(runtime, 's')
    await runtime.prune({ eventsAfterMs: DAY })
    const few = await eventsOf(runtime, 's')
    // What stays is what it was, under the cursor that it had.
    for (const one of few) expect(before).toContainEqual(one)
    for (const one of joined.filter(({ type }) => type !== 'text.delta')) expect(before).toContainEqual(one)
    expect(few.length).toBeGreaterThan(2)
    for (const [index, { cursor }] of before.entries()) {
      const seen = new Set(before.slice(0, index + 1).map(one => one.cursor))
      const { events } = await runtime.events({ sessionId: 's', after: cursor, limit: 1_000 })
      expect(events).toEqual(few.filter(one => !seen.has(one.cursor)))
    }
  })

  test('leaves a run alone that goes on', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    const text = await streaming(run, clock, runtime)
    await run.ask([{ id: 'c' }], text)
    const before = await eventsOf(runtime, 's')
    expect(typesOf(before, 'text.delta').length).toBeGreaterThan(2)
    clock.advance(60_000)
    expect(await runtime.prune({ deltasAfterMs: 1_000 })).toMatchObject({ amended: 0 })
    expect(await eventsOf(runtime, 's')).toEqual(before)
    await run.outcome('c')
    await run.boundary()
    run.answer('Deployed.')
    await runtime.wait('s', inputId, MOST_MS)
    clock.advance(60_000)
    await runtime.prune({ deltasAfterMs: 1_000 })
    const texts = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'text.delta').map(event => event['text'])
    expect(texts).toEqual([text, 'Deployed.'])
  })

  test('drops old events and still answers every other question', { timeout: LONG_MS }, async () => {
    const { clock, runtime, inputId } = await streamed()
    const runs = await runtime.runs('s', {})
    const [run, input, history] = [
      await runtime.run('s', runs.items[0]?.id ?? ''),
      await runtime.input('s', { inputId }),
      await historyOf(runtime, 's'),
    ]
    clock.advance(2 * DAY)
    await runtime.prune({ eventsAfterMs: DAY })
    expect(typesOf(await eventsOf(runtime, 's'), '')).toEqual([
      'input.staged',
      'run.started',
      'run.boundary',
      'run.completed',
    ])
    expect(await runtime.runs('s', {})).toEqual(runs)
    expect(await runtime.run('s', run.run.id)).toEqual(run)
    expect(await runtime.input('s', { idempotencyKey: 'k' })).toEqual(input)
    expect(await historyOf(runtime, 's')).toBe(history)
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
    const again = await runtime.send('s', { content: 'deploy', idempotencyKey: 'k' })
    expect(again).toMatchObject({ outcome: 'deduplicated', inputId })
  })

  test('leaves the pieces of a text that was cut short: they are all there is of it', {
    timeout: LONG_MS,
  }, async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const sent = await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    await streaming(run, clock, runtime)
    await runtime.cancel('s', {})
    run.end({ type: 'cancelled' })
    await runtime.wait('s', sent.inputId, MOST_MS)
    const before = await eventsOf(runtime, 's')
    clock.advance(2 * HOUR)
    await runtime.prune({ deltasAfterMs: HOUR })
    expect(await eventsOf(runtime, 's')).toEqual(before)
  })

  test('forgets sessions destroyed long ago, and retired ones only when asked', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok'), clock })
    for (const id of ['kept', 'gone', 'retired']) {
      await runtime.open({ sessionId: id })
      const { inputId } = await runtime.send(id, { content: 'hello', waitMs: MOST_MS })
      await runtime.wait(id, inputId, MOST_MS)
    }
    await runtime.control('gone', 'destroy')
    await runtime.control('retired', 'retire')
    clock.advance(8 * DAY)
    const seven = { destroyedAfterMs: 7 * DAY }
    expect(await runtime.prune({ destroyedAfterMs: 9 * DAY })).toMatchObject({ removed: 0 })
    expect(await runtime.prune({ ...seven, dryRun: true })).toMatchObject({ removed: 1 })
    expect((await runtime.get('gone')).phase).toBe('destroyed')
    expect(await runtime.prune({ ...seven, compact: true })).toMatchObject({ sessions: 3, removed: 1, skipped: 0 })
    expect(await codeOf(runtime.get('gone'))).toBe('session-not-found')
    expect((await runtime.list({})).items.map(({ id }) => id)).toEqual(['kept', 'retired'])
    expect(await runtime.prune({ retiredAfterMs: 7 * DAY })).toMatchObject({ removed: 1 })
    expect((await runtime.list({})).items.map(({ id }) => id)).toEqual(['kept'])
    expect((await runtime.open({ sessionId: 'gone' })).messages).toBe(0)
    expect((await runtime.send('kept', { content: 'still there?', waitMs: MOST_MS })).outcome).toBe('accepted')
  })

  test('never takes a session that owes anything', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const first = await start({ store, executor, clock })
    await first.open({ sessionId: 's' })
    const sent = await first.send('s', { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await expect.poll(async () => (await first.approvals('s')).length).toBe(1)
    expect((await first.control('s', 'retire')).phase).toBe('retired')
    await first.close()

    clock.advance(30 * DAY)
    const second = await start({ store, clock })
    const policy = { retiredAfterMs: DAY, destroyedAfterMs: DAY, deltasAfterMs: HOUR, eventsAfterMs: DAY }
    expect(await second.prune(policy)).toMatchObject({ sessions: 1, removed: 0, skipped: 0 })
    await second.close()

    const third = await start({ store, executor, clock })
    await third.decide('s', 'c', { decision: 'allow' })
    const again = await executor.next()
    await again.dispatch('c')
    await again.outcome('c')
    await again.boundary()
    again.answer('Deployed.')
    expect(await third.wait('s', sent.inputId, MOST_MS)).toMatchObject({
      status: 'consumed',
      result: { text: 'Deployed.' },
    })
    expect(await third.audit('s')).toMatchObject({ ok: true })
    clock.advance(30 * DAY)
    await expect.poll(async () => (await third.prune(policy)).removed).toBe(1)
  })

  test('leaves the sessions of another owner alone', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const owner = await start({ store, executor: scriptedExecutor(run => streaming(run, clock, owner)), clock })
    await owner.open({ sessionId: 's' })
    const { inputId } = await owner.send('s', { content: 'deploy' })
    await owner.wait('s', inputId, MOST_MS)
    const before = await eventsOf(owner, 's')
    clock.advance(2 * HOUR)
    const other = await start({ store, clock })
    expect(await other.prune({ deltasAfterMs: HOUR })).toMatchObject({ skipped: 1, amended: 0 })
    expect(await eventsOf(other, 's')).toEqual(before)
    await owner.evict()
    expect(await other.prune({ deltasAfterMs: HOUR })).toMatchObject({ skipped: 0 })
    expect((await eventsOf(owner, 's')).length).toBeLessThan(before.length)
  })

  test('that ends half way shows a text in part and then whole, and goes on later', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const pieces = Array.from({ length: 700 }, (_, index) => `${index} `)
    const executor = scriptedExecutor(async run => {
      for (const piece of pieces) {
        run.stream(piece)
        run.port.stream({ type: 'notice', code: 'aside', message: 'slow' })
        await writeIn(run, clock, runtime)
      }
      return pieces.join('')
    })
    const failing = { amendments: 1 }
    const runtime = await start({ store: amendingOnly(freshStore(kind), failing), executor, clock })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'count' })
    await runtime.wait('s', inputId, MOST_MS)
    const deltas = async (): Promise<readonly unknown[]> =>
      (await eventsOf(runtime, 's', 1_000)).filter(({ type }) => type === 'text.delta').map(event => event['text'])
    const before = await deltas()
    expect(before.length).toBeGreaterThan(600)
    clock.advance(2 * HOUR)
    expect(await codeOf(runtime.prune({ deltasAfterMs: HOUR }))).toBe('store-unavailable')
    const half = await deltas()
    expect(half.length).toBeLessThan(before.length)
    expect(half).toEqual(before.slice(0, half.length))
    failing.amendments = Number.POSITIVE_INFINITY
    await runtime.prune({ deltasAfterMs: HOUR })
    expect(await deltas()).toEqual([pieces.join('')])
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('goes on in the background when the runtime was given a policy', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const executor = scriptedExecutor(run => streaming(run, clock, runtime))
    const retention = { deltasAfterMs: HOUR, destroyedAfterMs: DAY }
    const runtime = await start({ store: freshStore(kind), executor, clock, retention })
    for (const id of ['a', 'b']) {
      await runtime.open({ sessionId: id })
      const { inputId } = await runtime.send(id, { content: 'deploy' })
      await runtime.wait(id, inputId, MOST_MS)
    }
    await runtime.control('b', 'destroy')
    for (let minute = 0; minute < 90; minute += 30) {
      clock.advance(HOUR / 2)
      await clock.idle()
    }
    await expect.poll(async () => typesOf(await eventsOf(runtime, 'a'), 'text.delta').length).toBe(1)
    clock.advance(2 * DAY)
    await expect.poll(() => codeOf(runtime.get('b'))).toBe('session-not-found')
  })
})
