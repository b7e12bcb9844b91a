/** Several runtimes on one store: whoever is asked, the owner does it; and somebody always is the owner. */
import { describe, expect, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { faultyStore } from '../../src/testing/faulty-store.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, freshPath, freshStore, LONG_MS, STORES, start } from './support.ts'

/** A store whose users share its data, as two processes would. */
function shared(kind: (typeof STORES)[number]): StoreSource {
  return freshStore(kind)
}

describe.each(STORES)('a request to another process’s session (%s)', kind => {
  test('to send, steer, cancel and withdraw is done by its owner', async () => {
    const store = shared(kind)
    const executor = scriptedExecutor()
    const owner = await start({ store, executor })
    const other = await start({ store, executor: scriptedExecutor() })
    await owner.open({ sessionId: 's' })
    const sent = await other.send('s', { content: 'one' })
    expect(sent).toMatchObject({ outcome: 'accepted', status: 'staged' })
    const run = await executor.next()
    const waiting = await other.send('s', { content: 'two' })
    expect(waiting).toMatchObject({ status: 'queued' })
    expect(await other.withdraw('s', waiting.inputId)).toMatchObject({ withdrawn: true })
    const cancelled = await other.cancel('s', { when: 'now' })
    expect(cancelled).toMatchObject({ cancelled: true, runId: run.port.runId })
    expect(await other.wait('s', sent.inputId, LONG_MS)).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
    expect(await other.control('s', 'retire')).toMatchObject({ phase: 'retired' })
    expect(await codeOf(other.send('s', { content: 'late' }))).toBe('not-ready')
  })

  test('binds idempotency keys with its owner’s', async () => {
    const store = shared(kind)
    const owner = await start({ store, executor: scriptedExecutor(() => 'ok') })
    const other = await start({ store, executor: scriptedExecutor() })
    await owner.open({ sessionId: 's' })
    const keyed = { content: 'pay', idempotencyKey: 'k' }
    const answers = await Promise.all([other.send('s', keyed), owner.send('s', keyed), other.send('s', keyed)])
    expect(new Set(answers.map(({ inputId }) => inputId)).size).toBe(1)
    expect(answers.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1)
    expect(await codeOf(other.send('s', { content: 'other', idempotencyKey: 'k' }))).toBe('idempotency-conflict')
  })

  test('a cancel without a run means the run that is current when it is asked, not one that follows', async () => {
    const store = shared(kind)
    const executor = scriptedExecutor()
    const owner = await start({ store, executor })
    const other = await start({ store, executor: scriptedExecutor() })
    await owner.open({ sessionId: 's' })
    expect(await other.cancel('s', { when: 'now' })).toMatchObject({ cancelled: false, alreadyEnded: true })
  })
})

describe.each(STORES)('going away (%s)', kind => {
  test('in good order lets runs end, and what waits is taken up elsewhere at once', async () => {
    const store = shared(kind)
    const clock = manualClock()
    const executor = scriptedExecutor()
    const first = await start({ store, executor, clock })
    const second = await start({ store, executor: scriptedExecutor(run => `second: ${run.said}`), clock })
    await first.open({ sessionId: 's' })
    const one = await first.send('s', { content: 'one' })
    const two = await first.send('s', { content: 'two' })
    const run = await executor.next()
    const drained = first.drain(60_000)
    run.answer('first: one')
    await drained
    // A file does not tell other processes what changed, so they look less often.
    await clock.waiting(kind === 'memory' ? 250 : 1_000)
    clock.advance(1_000)
    expect(await second.wait('s', one.inputId, LONG_MS)).toMatchObject({ result: { text: 'first: one' } })
    expect(await second.wait('s', two.inputId, LONG_MS)).toMatchObject({ result: { text: 'second: two' } })
  })

  test('does not wait for a run longer than it may: the run goes on elsewhere', async () => {
    const store = shared(kind)
    const clock = manualClock()
    const executor = scriptedExecutor()
    const first = await start({ store, executor, clock, abortGraceMs: 1 })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'one' })
    const run = await executor.next()
    run.port.signal.addEventListener('abort', () => run.throw(new Error('aborted')))
    const drained = first.drain(5_000)
    await clock.waiting(5_000)
    clock.advance(5_000)
    await drained
    const second = await start({ store, executor: scriptedExecutor(() => 'second'), clock })
    expect(await second.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'second' } })
    expect(await second.input('s', { inputId })).toMatchObject({ attempts: 1 })
  })
})

test('a process that runs nothing holds nothing: who does takes the work up', async () => {
  const store = memory()
  const clock = manualClock()
  const front = await start({ store, clock })
  await front.open({ sessionId: 's' })
  const worker = await start({ store, clock, executor: scriptedExecutor(() => 'worked') })
  const { inputId } = await front.send('s', { content: 'x' })
  clock.advance(250)
  expect(await front.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'worked' } })
  await worker.close()
})

describe('an owner that was silent for longer than its lease', () => {
  test('loses its sessions to who asks, and what it still writes is refused', async () => {
    const path = freshPath()
    const clock = manualClock()
    const source = sqlite(path, { clock, leaseMs: 1_000 })
    const executor = scriptedExecutor()
    // Suspended: none of its writes come through, and so no sign of life.
    let suspended = false
    const held = Promise.withResolvers<void>()
    const first = await start({
      store: faultyStore(source, { onCommit: () => (suspended ? held.promise : undefined) }),
      executor,
    })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'x' })
    const run = await executor.next()
    suspended = true
    run.answer('too late')
    clock.advance(1_001)
    const second = await start({
      store: sqlite(path, { clock: shifted(clock), leaseMs: 1_000 }),
      executor: scriptedExecutor(() => 'taken over'),
    })
    expect(await second.wait('s', inputId, LONG_MS)).toMatchObject({ result: { text: 'taken over' } })
    held.resolve()
    await manualClock().idle()
    const { messages } = await second.history('s', {})
    expect(messages.map(({ content }) => content)).toEqual(['x', 'taken over'])
  })
})

/** The clock as seen by a process whose sister's heart stands still. */
function shifted(clock: ReturnType<typeof manualClock>): ReturnType<typeof manualClock> {
  return manualClock(clock.now() + 2_000)
}
