/** Cancelling means the run it names; deadlines and executors that don't listen. */
import { describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

describe.each(STORES)('cancelling (%s)', kind => {
  test('now aborts the executor, ends the input and keeps the queue', async () => {
    const executor = scriptedExecutor(
      run =>
        new Promise(resolve => {
          if (run.said === 'two') return resolve('fine')
          run.stream('so f')
          run.port.signal.addEventListener('abort', () =>
            resolve({ type: 'cancelled', message: { role: 'assistant', content: 'so f' } }),
          )
        }),
    )
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const one = await session.send('one')
    const two = await session.send('two')
    const started = await until(runtime, 's', 'text.delta')
    expect(await session.cancel()).toEqual({ cancelled: true, runId: started.runId, endedInputs: [] })
    expect(await one.result).toMatchObject({
      status: 'abandoned',
      reason: 'cancelled',
      outcome: 'cancelled',
      text: 'so f',
    })
    expect(await two.result).toMatchObject({ status: 'consumed', text: 'fine' })
    const roles = (await session.history()).map(({ role }) => role)
    expect(roles).toEqual(['user', 'assistant', 'notice', 'user', 'assistant'])
  })

  test('at the boundary lets the turn come to it', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('one')
    const run = await executor.next()
    await run.ask([{ id: 'c' }])
    expect(await session.cancel({ when: 'boundary' })).toMatchObject({ cancelled: true })
    expect(run.port.signal.aborted).toBe(false)
    await run.outcome('c')
    expect(await run.boundary()).toEqual({ next: 'cancelled' })
    run.end({ type: 'cancelled' })
    expect(await sent.result).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
  })

  test('by name never hits the successor', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const one = await session.send('one')
    const two = await session.send('two')
    const first = await executor.next()
    first.answer('1')
    await one.result
    const second = await executor.next()
    for (const when of ['now', 'boundary'] as const) {
      expect(await session.cancel({ runId: first.port.runId, when })).toEqual({
        endedInputs: [],
        cancelled: false,
        runId: first.port.runId,
        alreadyEnded: true,
      })
    }
    expect(second.port.signal.aborted).toBe(false)
    second.answer('2')
    expect(await two.result).toMatchObject({ status: 'consumed', text: '2' })
    expect(await codeOf(session.cancel({ runId: 'nobody' }))).toBe('run-not-found')
    expect(await session.cancel()).toMatchObject({ cancelled: false })
  })

  test('never relabels an answer that was committed', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('one')
    ;(await executor.next()).answer('done')
    await sent.result
    await session.cancel()
    expect(await runtime.input('s', { inputId: sent.inputId })).toMatchObject({
      status: 'consumed',
      result: { outcome: 'completed' },
    })
  })

  test('drops the queue only where it is told to', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    await session.send('one')
    const run = await executor.next()
    const waiting = [await session.send('two'), await session.steer('three')]
    expect(await session.cancel({ when: 'boundary', queue: 'drop' })).toMatchObject({ cancelled: true, dropped: 2 })
    for (const input of waiting) {
      expect(await input.result).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
    }
    run.answer('cut off')
    await until(runtime, 's', 'run.cancelled')
    expect((await runtime.get('s')).unfinished).toBe(0)
  })
})

describe.each(STORES)('an executor that does not listen (%s)', kind => {
  test('is given up after the grace, its late reports are refused, and the session goes on', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock, abortGraceMs: 5_000 })
    const session = await runtime.sessions.open('s')
    const one = await session.send('one')
    const two = await session.send('two')
    const deaf = await executor.next()
    await session.cancel()
    await clock.waiting(5_000)
    clock.advance(4_999)
    await clock.idle()
    expect(executor.applied).toHaveLength(1)
    clock.advance(1)
    const next = await executor.next()
    await expect(deaf.ask([{ id: 'late' }])).rejects.toBeInstanceOf(MeerkatError)
    await expect(deaf.boundary()).rejects.toMatchObject({ code: 'conflict' })
    deaf.stream('late words')
    deaf.answer('late answer')
    next.answer('on time')
    expect(await one.result).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
    expect(await two.result).toMatchObject({ status: 'consumed', text: 'on time' })
    const events = await eventsOf(runtime, 's')
    expect(events.filter(({ type }) => type === 'text.completed').map(event => event['text'])).toEqual(['on time'])
    expect(events.some(event => event['text'] === 'late words')).toBe(false)
  })

  test('to its deadline fails with it', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock, abortGraceMs: 100 })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('one', { maxRunMs: 30_000 })
    const run = await executor.next()
    expect(run.port.deadline.remainingMs).toBe(30_000)
    await clock.waiting(30_000)
    clock.advance(30_000)
    expect(run.port.signal.reason).toBe('deadline')
    await clock.waiting(100)
    clock.advance(100)
    expect(await sent.result).toMatchObject({
      status: 'consumed',
      outcome: 'failed',
      error: { code: 'deadline-exceeded', cause: 'time-budget-exceeded' },
    })
  })

  test('inherits the nearer deadline of session and input', async () => {
    const executor = scriptedExecutor()
    const clock = manualClock()
    const runtime = await start({ store: freshStore(kind), executor, clock, maxRunMs: 90_000 })
    await runtime.open({ sessionId: 's', budget: { maxRunMs: 60_000 } })
    await runtime.send('s', { content: 'x', maxRunMs: 600_000 })
    const run = await executor.next()
    expect(run.port.deadline.remainingMs).toBe(60_000)
    run.answer('ok')
    await until(runtime, 's', 'input.consumed')
    expect((await runtime.get('s')).unfinished).toBe(0)
  })
})

test.each(STORES)('ends work that waits for an approval, and a later allow reaches nothing (%s)', async kind => {
  const executor = scriptedExecutor()
  const runtime = await start({ store: freshStore(kind), executor })
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'deploy' })
  const run = await executor.next()
  await run.ask([{ id: 'c', tool: 'deploy', needsApproval: true }])
  run.end({ type: 'parked' })
  await expect.poll(async () => (await runtime.approvals('s')).length).toBe(1)
  const waiting = await runtime.send('s', { content: 'and then?' })
  expect(await runtime.cancel('s')).toEqual({ cancelled: true, endedInputs: [inputId] })
  expect(await runtime.approvals('s')).toEqual([])
  expect(await codeOf(runtime.decide('s', 'c', { decision: 'allow' }))).toBe('not-found')
  expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'withdrawn' })
  const next = await executor.next()
  expect(next.said).toBe('and then?')
  next.answer('nothing')
  expect(await runtime.wait('s', waiting.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
  expect((await runtime.history('s')).messages.map(({ role }) => role).slice(0, 4)).toEqual([
    'user',
    'assistant',
    'tool',
    'notice',
  ])
})
