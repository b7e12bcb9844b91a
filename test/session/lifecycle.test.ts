/** Stop, resume, retire, reset, recycle, destroy: what they report, and that a way leads out of every phase. */
import { describe, expect, test } from 'vitest'
import type { ControlOperation } from '../../src/session/api.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

const NONE = { inputsAbandoned: 0, inputsPendingDrain: 0, inputsTransferred: 0 }

/** A session that runs one input while two others wait. */
async function busy(kind: (typeof STORES)[number]) {
  const store = freshStore(kind)
  const executor = scriptedExecutor()
  const runtime = await start({ store, executor, abortGraceMs: 20 })
  const session = await runtime.sessions.open('s')
  const sent = [await session.send('one'), await session.send('two'), await session.send('three')]
  return { store, executor, runtime, session, sent, run: await executor.next() }
}

describe.each(STORES)('a lifecycle operation (%s)', kind => {
  test.each([
    ['stop', 'stopped'],
    ['resume', 'attached'],
    ['retire', 'retired'],
    ['reset', 'attached'],
    ['recycle', 'attached'],
    ['destroy', 'destroyed'],
  ] as const)('%s twice says the same', async (operation, phase) => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor() })
    await runtime.open({ sessionId: 's' })
    const once = await runtime.control('s', operation)
    expect(once).toEqual({ sessionId: 's', phase, ...NONE })
    expect(await runtime.control('s', operation)).toEqual(once)
  })

  test('leads out of every phase but destroyed', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok') })
    const ways: readonly (readonly [string, readonly ControlOperation[]])[] = [
      ['stopped', ['stop', 'resume']],
      ['stopped then retired', ['stop', 'retire', 'reset']],
      ['retired', ['retire', 'reset']],
      ['retired then recycled', ['retire', 'recycle']],
      ['retired then stopped', ['retire', 'stop', 'resume']],
    ]
    for (const [name, operations] of ways) {
      await runtime.open({ sessionId: name })
      for (const operation of operations) await runtime.control(name, operation)
      expect(await runtime.send(name, { content: 'x', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
    }
    await runtime.open({ sessionId: 'gone' })
    await runtime.control('gone', 'destroy')
    for (const operation of ['stop', 'resume', 'retire', 'reset', 'recycle'] as const)
      expect(await codeOf(runtime.control('gone', operation))).toBe('not-ready')
    expect(await codeOf(runtime.send('gone', { content: 'x' }))).toBe('not-ready')
    expect((await runtime.get('gone')).phase).toBe('destroyed')
  })

  test('stop ends the run and is over only then; who waits for what is queued goes on waiting until a resume', async () => {
    const { runtime, sent, run, executor } = await busy(kind)
    const report = { phase: 'stopped', inputsAbandoned: 1, inputsPendingDrain: 2 }
    expect(await runtime.control('s', 'stop')).toMatchObject(report)
    expect(await runtime.control('s', 'stop')).toMatchObject({ ...report, inputsAbandoned: 0 })
    expect(run.port.signal.aborted).toBe(true)
    expect(await sent[0]?.result).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
    expect(await codeOf(runtime.send('s', { content: 'x' }))).toBe('not-ready')
    for (const { inputId } of sent.slice(1))
      expect(await runtime.input('s', { inputId })).toMatchObject({ status: 'queued' })
    expect(executor.applied).toHaveLength(1)
    await runtime.control('s', 'resume')
    for (const text of ['2', '3']) (await executor.next()).answer(text)
    expect(await sent[1]?.result).toMatchObject({ status: 'consumed', text: '2' })
    expect(await sent[2]?.result).toMatchObject({ status: 'consumed', text: '3' })
  })

  test.each(['a resume', 'an input that resumes'])(
    'what is queued outlasts a stop and a restart and runs after %s',
    async way => {
      const { runtime, sent, store } = await busy(kind)
      await runtime.control('s', 'stop')
      await runtime.close()
      const executor = scriptedExecutor(({ said }) => `${said} done`)
      const next = await start({ store, executor })
      expect((await next.get('s')).phase).toBe('stopped')
      expect(executor.applied).toEqual([])
      if (way === 'a resume') await next.control('s', 'resume')
      else await next.send('s', { content: 'four', resume: true, waitMs: LONG_MS })
      for (const [index, text] of [
        [1, 'two done'],
        [2, 'three done'],
      ] as const)
        expect(await next.wait('s', sent[index]?.inputId ?? '', LONG_MS)).toMatchObject({
          status: 'consumed',
          result: { text },
        })
      const order = ['two', 'three', ...(way === 'a resume' ? [] : ['four'])]
      expect(executor.applied.map(({ said }) => said)).toEqual(order)
    },
  )

  test('a stopped session with inputs in its queue is well, and says who has to resume it', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock, abortGraceMs: 20 })
    const session = await runtime.sessions.open('s')
    const first = await session.send('one')
    await executor.next()
    const second = await session.send('two')
    const stopping = runtime.control('s', 'stop')
    await clock.waiting(20)
    clock.advance(20)
    await Promise.all([stopping, first.result])
    clock.advance(3_600_000)
    await clock.idle()
    expect(runtime.health()).toMatchObject({ status: 'ok', reasons: [], oldestRunnableMs: 0 })
    expect(await runtime.explain('s')).toMatchObject({
      runnable: false,
      phase: 'stopped',
      summary: 'is stopped; 1 input waits until it is resumed',
      waitingFor: [{ guard: 'not-stopped', command: 'meerkat resume s' }, {}],
    })
    await runtime.withdraw('s', second.inputId)
    expect(await second.result).toMatchObject({ status: 'withdrawn' })
  })

  test.each([
    ['retire', 'retired'],
    ['destroy', 'destroyed'],
  ] as const)('%s ends what waits in a stopped session', async (operation, reason) => {
    const { runtime, sent } = await busy(kind)
    await runtime.control('s', 'stop')
    expect(await runtime.control('s', operation)).toMatchObject({ inputsAbandoned: 2, inputsPendingDrain: 0 })
    for (const one of sent.slice(1)) expect(await one.result).toMatchObject({ status: 'abandoned', reason })
  })

  test('an approval is given while the session is stopped, and its call is made after the resume', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('deploy')
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await runtime.control('s', 'stop')).toMatchObject({ inputsAbandoned: 0, inputsPendingDrain: 1 })
    await runtime.decide('s', 'c', { decision: 'deny' })
    await runtime.control('s', 'resume')
    const again = await executor.next()
    await again.boundary()
    again.answer('not deployed')
    expect(await sent.result).toMatchObject({ status: 'consumed', text: 'not deployed' })
  })

  test('retire admits nothing new and drains what waits', async () => {
    const { runtime, sent, run, executor } = await busy(kind)
    expect(await runtime.control('s', 'retire')).toMatchObject({ inputsAbandoned: 0, inputsPendingDrain: 3 })
    expect(await codeOf(runtime.send('s', { content: 'x' }))).toBe('not-ready')
    run.answer('1')
    ;(await executor.next()).answer('2')
    ;(await executor.next()).answer('3')
    for (const one of sent) expect(await one.result).toMatchObject({ status: 'consumed' })
    expect((await runtime.get('s')).phase).toBe('retired')
  })

  test('retire drains across a restart', async () => {
    const { runtime, sent, run, store } = await busy(kind)
    await runtime.control('s', 'retire')
    run.answer('1')
    await sent[0]?.result
    await runtime.close()
    const next = await start({ store, executor: scriptedExecutor(() => 'after') })
    for (const one of sent.slice(1)) {
      expect(await next.wait('s', one.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    }
    expect((await next.get('s')).phase).toBe('retired')
  })

  test('retire without an executor abandons what nobody would answer', async () => {
    const runtime = await start({ store: freshStore(kind) })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'x' })
    expect(await runtime.control('s', 'retire')).toMatchObject({ inputsAbandoned: 1, inputsPendingDrain: 0 })
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'abandoned', reason: 'retired' })
  })

  test('reset abandons what waits, and is refused while a run is current', async () => {
    const { runtime, run, executor, sent } = await busy(kind)
    expect(await codeOf(runtime.control('s', 'reset'))).toBe('not-ready')
    expect(await codeOf(runtime.control('s', 'recycle'))).toBe('not-ready')
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await runtime.control('s', 'reset')).toMatchObject({ inputsAbandoned: 3, phase: 'attached' })
    for (const one of sent) expect(await one.result).toMatchObject({ status: 'abandoned', reason: 'reset' })
    expect(await runtime.approvals('s')).toEqual([])
    const after = await runtime.send('s', { content: 'after' })
    ;(await executor.next()).answer('fresh')
    expect(await runtime.wait('s', after.inputId, LONG_MS)).toMatchObject({ result: { text: 'fresh' } })
  })

  test('recycle keeps what waits, in order, and its waiters', async () => {
    const { runtime, run, sent, executor } = await busy(kind)
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await runtime.control('s', 'recycle')).toMatchObject({ inputsAbandoned: 0, inputsTransferred: 3 })
    await runtime.decide('s', 'c', { decision: 'deny' })
    const order: string[] = []
    for (let n = 0; n < 3; n++) {
      const one = await executor.next()
      order.push(one.said)
      if (n === 0) await one.boundary()
      one.answer(`${one.said} done`)
    }
    expect(order).toEqual(['one', 'two', 'three'])
    for (const one of sent) expect(await one.result).toMatchObject({ status: 'consumed' })
  })

  test('destroy ends everything, the run included', async () => {
    const { runtime, sent, run } = await busy(kind)
    expect(await runtime.control('s', 'destroy')).toMatchObject({ phase: 'destroyed', inputsAbandoned: 3 })
    for (const one of sent) expect(await one.result).toMatchObject({ status: 'abandoned', reason: 'destroyed' })
    expect(run.port.signal.aborted).toBe(true)
    await expect(run.ask([{ id: 'late' }])).rejects.toMatchObject({ code: 'conflict' })
    expect(await runtime.runs('s', {})).toMatchObject({ items: [{ state: 'cancelled' }] })
  })
})

test.each(STORES)('a runtime that closes says so to those who ask, not that its store is closed (%s)', async kind => {
  const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor() })
  const session = await runtime.sessions.open('s')
  const { cursor } = await runtime.events({ sessionId: 's', limit: 1000 })
  const feed = await runtime.follow({ sessionId: 's', after: cursor })
  const asked = [
    () => runtime.get('s'),
    () => runtime.list(),
    () => runtime.events({ sessionId: 's', after: cursor, waitMs: 5_000 }),
    () => session.send('hi'),
    () => session.explain(),
    () => runtime.control('s', 'stop'),
    () => feed.next(),
  ]
  const early = asked.map(act => messageOf(act()))
  await runtime.close()
  // The feed has ended with what it said before.
  expect(await feed.next()).toBeUndefined()
  const late = asked.slice(0, -1).map(act => messageOf(act()))
  const said = new Set([...(await Promise.all(early)), ...(await Promise.all(late))])
  expect([...said].filter(message => message?.includes('is closed'))).toEqual([])
  expect((await Promise.all(late)).filter(message => message?.includes('the runtime is closing') !== true)).toEqual([])
})

async function messageOf(act: Promise<unknown>): Promise<string | undefined> {
  try {
    await act
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
