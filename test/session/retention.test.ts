/** Retention: what nobody needs goes, what is unfinished can't, and what readers know of stays true. */
import { describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts'
import { type ScriptedRun, scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf } from './support.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Streams its answer in pieces, each written for itself. */
async function streaming(run: ScriptedRun, clock: ManualClock): Promise<string> {
  for (const piece of ['The ', 'deploy ', 'is ', 'done.']) {
    run.stream(piece)
    clock.advance(50)
    await clock.idle()
  }
  return 'The deploy is done.'
}

async function historyOf(runtime: Runtime, sessionId: string): Promise<string> {
  return JSON.stringify(await runtime.history(sessionId, { limit: 1_000 }))
}

describe.each(STORES)('retention on %s', kind => {
  async function streamed() {
    const clock = manualClock()
    const executor = scriptedExecutor(run => streaming(run, clock))
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'deploy', idempotencyKey: 'k' })
    await runtime.wait('s', inputId, HOUR)
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
    const text = await streaming(run, clock)
    await run.ask([{ id: 'c' }], text)
    const before = await eventsOf(runtime, 's')
    expect(typesOf(before, 'text.delta').length).toBeGreaterThan(2)
    clock.advance(60_000)
    expect(await runtime.prune({ deltasAfterMs: 1_000 })).toMatchObject({ amended: 0 })
    expect(await eventsOf(runtime, 's')).toEqual(before)
    await run.outcome('c')
    await run.boundary()
    run.answer('Deployed.')
    await runtime.wait('s', inputId, HOUR)
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
    await streaming(run, clock)
    await runtime.cancel('s', {})
    run.end({ type: 'cancelled' })
    await runtime.wait('s', sent.inputId, HOUR)
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
      const { inputId } = await runtime.send(id, { content: 'hello', waitMs: HOUR })
      await runtime.wait(id, inputId, HOUR)
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
    expect((await runtime.send('kept', { content: 'still there?', waitMs: HOUR })).outcome).toBe('accepted')
  })

  test('never takes a session that owes anything', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    const sent = await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await clock.idle()
    await runtime.control('s', 'retire')
    await runtime.evict()
    clock.advance(30 * DAY)
    const policy = { retiredAfterMs: DAY, destroyedAfterMs: DAY, deltasAfterMs: HOUR, eventsAfterMs: DAY }
    expect(await runtime.prune(policy)).toMatchObject({ removed: 0 })
    expect(await runtime.approvals('s')).toMatchObject([{ id: 'c' }])
    expect((await runtime.input('s', { inputId: sent.inputId })).status).not.toBe('abandoned')
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('leaves the sessions of another owner alone', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const owner = await start({ store, executor: scriptedExecutor(run => streaming(run, clock)), clock })
    await owner.open({ sessionId: 's' })
    const { inputId } = await owner.send('s', { content: 'deploy' })
    await owner.wait('s', inputId, HOUR)
    const before = await eventsOf(owner, 's')
    clock.advance(2 * HOUR)
    const other = await start({ store, clock })
    expect(await other.prune({ deltasAfterMs: HOUR })).toMatchObject({ skipped: 1, amended: 0 })
    expect(await eventsOf(other, 's')).toEqual(before)
    await owner.evict()
    expect(await other.prune({ deltasAfterMs: HOUR })).toMatchObject({ skipped: 0 })
    expect((await eventsOf(owner, 's')).length).toBeLessThan(before.length)
  })

  test('goes on in the background when the runtime was given a policy', { timeout: LONG_MS }, async () => {
    const clock = manualClock()
    const executor = scriptedExecutor(run => streaming(run, clock))
    const retention = { deltasAfterMs: HOUR, destroyedAfterMs: DAY }
    const runtime = await start({ store: freshStore(kind), executor, clock, retention })
    for (const id of ['a', 'b']) {
      await runtime.open({ sessionId: id })
      const { inputId } = await runtime.send(id, { content: 'deploy' })
      await runtime.wait(id, inputId, HOUR)
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

/** What a random session was told to do, and what it owes. */
async function randomSession(runtime: Runtime, random: Random, id: string): Promise<readonly string[]> {
  await runtime.open({ sessionId: id })
  const sent: string[] = []
  for (let count = 1 + random.int(6); count > 0; count--) {
    const mode = random.pick(['queue', 'steer', 'supersede'] as const) ?? 'queue'
    const { inputId } = await runtime.send(id, {
      content: `${random.pick(['talk', 'use a tool', 'ask first', 'fail'])} ${count}`,
      mode,
      ...(mode === 'supersede' && { supersessionKey: 'latest' }),
    })
    sent.push(inputId)
    if (random.chance(0.5)) await runtime.wait(id, inputId, 200)
    if (random.chance(0.2)) await runtime.cancel(id, {})
  }
  const end = random.pick(['retire', 'destroy', 'stop', undefined, undefined, undefined] as const)
  if (end !== undefined) await runtime.control(id, end).catch(() => {})
  return sent
}

const breath = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve)
  })

/** Talks, uses tools, waits for approvals, fails: whatever its input says. */
async function whatever(run: ScriptedRun): Promise<string> {
  if (run.said.startsWith('fail')) throw new Error('as told')
  for (const piece of ['so ', 'it ', 'is']) {
    run.stream(piece)
    await breath()
  }
  const open = run.port.calls()
  if (open.length === 0 && !run.said.startsWith('talk')) {
    const id = `${run.port.runId}-call`
    const needsApproval = run.said.startsWith('ask')
    await run.ask([{ id, needsApproval, policy: 'retry' }], 'let me see')
    if (needsApproval) return 'parked'
    await run.outcome(id)
    await run.boundary()
  }
  return 'so it is'
}

/** Settles whatever waits for a person until everything that was sent has ended. */
async function finish(runtime: Runtime, sessionId: string, sent: readonly string[]): Promise<void> {
  for (const inputId of sent) {
    for (let isOpen = true; isOpen; ) {
      for (const { id } of await runtime.approvals(sessionId)) {
        await runtime.decide(sessionId, id, { decision: 'allow' })
      }
      const { status } = await runtime.wait(sessionId, inputId, 100)
      isOpen = status === 'queued' || status === 'staged' || status === 'applied'
    }
  }
}

const told = async (runtime: Runtime, id: string): Promise<readonly string[]> =>
  (await runtime.history(id, { limit: 1_000 })).messages.map(message => JSON.stringify(message))

describe.each(STORES)('pruning at any moment (%s)', kind => {
  test.each([1, 2, 3, 4, 5, 6])('changes nothing that matters (seed %i)', { timeout: 2 * LONG_MS }, async seed => {
    const random = new Random(seed)
    const store = freshStore(kind)
    const policy = {
      deltasAfterMs: 0,
      destroyedAfterMs: 0,
      retiredAfterMs: 0,
      ...(seed % 2 === 0 && { eventsAfterMs: 0 }),
    }
    const executor = scriptedExecutor(async run => {
      const said = await whatever(run)
      return said === 'parked' ? { type: 'parked' } : said
    })
    const first = await start({ store, executor })
    const sending = new AbortController()
    const pruned = (async () => {
      while (!sending.signal.aborted) {
        await first.prune(policy)
        await breath()
      }
    })()
    const ids = Array.from({ length: 6 }, (_, index) => `s${index}`)
    const sent = await Promise.all(ids.map(async id => ({ id, inputs: await randomSession(first, random.fork(), id) })))
    sending.abort()
    await pruned
    await first.close()

    const second = await start({ store, executor, recover: false })
    for (const { id, inputs } of sent) {
      const view = await second.get(id).catch(() => undefined)
      const before = view === undefined ? [] : await told(second, id)
      await second.prune(policy)
      const after = await second.get(id).catch(() => undefined)
      if (after === undefined) {
        // Gone as a whole: it owed nothing, and nothing could be asked of it any more.
        expect(['destroyed', 'retired', undefined]).toContain(view?.phase)
        expect(view?.unfinished ?? 0).toBe(0)
        continue
      }
      expect(await told(second, id)).toEqual(before)
      if (after.phase !== 'stopped') await finish(second, id, inputs)
      expect((await told(second, id)).slice(0, before.length)).toEqual(before)
      expect(await second.audit(id)).toMatchObject({ ok: true })
    }
  })
})
