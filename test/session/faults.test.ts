/** A store that fails: nothing is acknowledged that is not durable, and nothing that is durable is lost. */
import { describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { memory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { type FaultyStoreControl, faultyStore, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern)

describe.each(STORES)('when the store fails (%s)', kind => {
  test('while it admits, nothing is acknowledged and the next send works; other sessions never notice', async () => {
    const control: FaultyStoreControl = {}
    const executor = scriptedExecutor(run => `re: ${run.said}`)
    const runtime = await start({ store: faultyStore(freshStore(kind), control), executor })
    await Promise.all(['s', 'other'].map(sessionId => runtime.open({ sessionId })))
    control.onCommit = (_, { claim }) => (claim.sessionId === 's' ? 'before' : undefined)
    const params = { content: 'x', idempotencyKey: 'k' }
    expect(await codeOf(runtime.send('s', params))).toBe('store-unavailable')
    expect(runtime.health()).toMatchObject({ status: 'failing', store: { failing: true } })
    expect((await runtime.inputs('s', {})).items).toEqual([])
    expect(await codeOf(runtime.input('s', { idempotencyKey: 'k' }))).toBe('input-not-found')
    expect(await runtime.send('other', { content: 'y', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
    delete control.onCommit
    expect(await runtime.send('s', { ...params, waitMs: LONG_MS })).toMatchObject({
      outcome: 'accepted',
      status: 'consumed',
      result: { text: 're: x' },
    })
    expect(runtime.health()).toMatchObject({ status: 'ok' })
  })

  test('among sends that share a commit, all of them fail and each can be sent again', async () => {
    const control: FaultyStoreControl = {}
    const runtime = await start({
      store: faultyStore(freshStore(kind), control),
      executor: scriptedExecutor(() => 'ok'),
    })
    await runtime.open({ sessionId: 's' })
    let failures = 1
    control.onCommit = () => (failures-- > 0 ? 'before' : undefined)
    const names = ['a', 'b', 'c']
    const send = (name: string) => runtime.send('s', { content: name, idempotencyKey: name })
    const first = await Promise.all(names.map(name => codeOf(send(name))))
    expect(first).toContain('store-unavailable')
    const again = await Promise.all(names.map(name => send(name)))
    for (const { inputId } of again)
      expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    expect((await runtime.inputs('s', {})).items).toHaveLength(3)
  })

  test('only to acknowledge, the send succeeds all the same: the log knows', async () => {
    const control: FaultyStoreControl = {}
    const runtime = await start({
      store: faultyStore(freshStore(kind), control),
      executor: scriptedExecutor(() => 'ok'),
    })
    await runtime.open({ sessionId: 's' })
    control.onCommit = () => 'after'
    const sent = await runtime.send('s', { content: 'x' })
    expect(await runtime.wait('s', sent.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    delete control.onCommit
    expect(await runtime.send('s', { content: 'y', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
    expect((await runtime.runs('s', {})).items).toHaveLength(2)
  })

  test('to acknowledge and to answer, a send again finds its input, once', async () => {
    const control: FaultyStoreControl = {}
    const runtime = await start({
      store: faultyStore(freshStore(kind), control),
      executor: scriptedExecutor(() => 'ok'),
    })
    await runtime.open({ sessionId: 's' })
    control.onCommit = () => {
      control.readsFail = true
      return 'after'
    }
    const params = { content: 'x', idempotencyKey: 'k' }
    expect(await codeOf(runtime.send('s', params))).toBe('store-unavailable')
    delete control.onCommit
    control.readsFail = false
    expect(await runtime.send('s', { ...params, waitMs: LONG_MS })).toMatchObject({
      outcome: 'deduplicated',
      status: 'consumed',
    })
    expect((await runtime.inputs('s', {})).items).toHaveLength(1)
  })

  test.each(['before', 'after'] as const)(
    'at the run’s end (%s the write), the outcome is kept and lands',
    async when => {
      const clock = manualClock()
      const control: FaultyStoreControl = {}
      const executor = scriptedExecutor()
      const store = faultyStore(freshStore(kind), control)
      const runtime = await start({ store, executor, clock })
      const session = await runtime.sessions.open('s')
      const sent = await session.send('x')
      const run = await executor.next()
      let failures = 3
      control.onCommit = () => {
        control.readsFail = --failures > 0
        return when === 'after' || failures > 0 ? when : undefined
      }
      run.answer('kept')
      for (let delayMs = 50; failures > 0 && delayMs < 10_000; delayMs *= 2) {
        await clock.idle()
        control.readsFail = false
        clock.advance(delayMs)
      }
      delete control.onCommit
      control.readsFail = false
      await clock.idle()
      clock.advance(10_000)
      expect(await sent.result).toMatchObject({ status: 'consumed', text: 'kept' })
      expect(executor.applied).toHaveLength(1)
      expect(typesOf(await eventsOf(runtime, 's'), 'run.')).toEqual(['run.started', 'run.boundary', 'run.completed'])
    },
  )

  test('for longer than a run may wait, whoever waits hears of it, whatever the executor does; later it goes on', async () => {
    const clock = manualClock()
    const control: FaultyStoreControl = {}
    const executor = scriptedExecutor()
    const store = faultyStore(freshStore(kind), control)
    const runtime = await start({ store, executor, clock, storePatienceMs: 60_000 })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'x' })
    const waited = codeOf(runtime.wait('s', inputId, 600_000))
    const run = await executor.next()
    control.onCommit = () => 'before'
    const reported = codeOf(run.ask([{ id: 'c' }]))
    for (let waitedMs = 0; waitedMs <= 60_000; waitedMs += 5_000) {
      await clock.idle()
      clock.advance(5_000)
    }
    expect(await reported).toBe('store-unavailable')
    expect(await codeOf(run.ask([{ id: 'c' }]))).toBe('store-unavailable')
    run.answer('too late')
    expect(await waited).toBe('store-unavailable')
    const told = {
      status: 'failing',
      store: { failing: true, lastError: expect.stringContaining('not written') as unknown },
    }
    // The session is not held here any more: that it had to be let go is news until something can be written again.
    expect(runtime.health()).toMatchObject({ ...told, reasons: [/refused/, /a session was let go/].map(matching) })
    control.readsFail = true
    await clock.idle()
    clock.advance(1_000)
    expect(runtime.health()).toMatchObject(told)
    control.readsFail = false
    delete control.onCommit
    for (let seconds = 0; seconds < 10; seconds++) {
      await clock.idle()
      clock.advance(1_000)
    }
    const second = await executor.next()
    second.answer('kept')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'kept' } })
    expect(runtime.health()).toMatchObject({ status: 'ok', reasons: [], store: { failing: false } })
  })

  test('for whoever asks for a session anew, health says so until the store answers', async () => {
    let isFull = false
    const source = faultyStore(freshStore(kind), {})
    const open = async (): Promise<Store> => {
      const store = await source.open()
      const claim: Store['claim'] = async (...args) => {
        if (isFull) throw new MeerkatError('store-unavailable', 'no space left: free some')
        return store.claim(...args)
      }
      return { ...store, claim }
    }
    const runtime = await start({ store: { name: 'full', open }, executor: scriptedExecutor(() => 'ok') })
    await runtime.open({ sessionId: 's' })
    await runtime.evict()
    expect(runtime.health()).toMatchObject({ status: 'ok', sessions: { loaded: 0 } })
    isFull = true
    expect(await codeOf(runtime.send('s', { content: 'x' }))).toBe('store-unavailable')
    expect(runtime.health()).toMatchObject({ status: 'failing', reasons: [matching(/no space left: free some/)] })
    isFull = false
    await runtime.recover()
    expect(runtime.health()).toMatchObject({ status: 'ok' })
  })

  test.each(['before', 'after'] as const)(
    'between a call’s intent and outcome (%s the write), it is dispatched once',
    async when => {
      const clock = manualClock()
      const control: FaultyStoreControl = {}
      const executor = scriptedExecutor()
      const runtime = await start({ store: faultyStore(freshStore(kind), control), executor, clock })
      const session = await runtime.sessions.open('s')
      const sent = await session.send('x')
      const run = await executor.next()
      for (const report of [() => run.ask([{ id: 'c' }]), () => run.outcome('c'), () => run.boundary()]) {
        control.onCommit = () => {
          control.readsFail = true
          return when
        }
        const reported = report()
        await clock.waiting(50)
        control.readsFail = false
        delete control.onCommit
        clock.advance(50)
        await reported
      }
      run.answer('done')
      expect(await sent.result).toMatchObject({ status: 'consumed', text: 'done' })
      expect((await session.history()).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
      const started = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'tool.started')
      expect(started).toHaveLength(1)
    },
  )

  test('for too long, the session is let go, and taken up again when the store is back', async () => {
    const clock = manualClock()
    const control: FaultyStoreControl = {}
    const executor = scriptedExecutor()
    const store = faultyStore(freshStore(kind), control)
    const runtime = await start({ store, executor, clock, recoverEveryMs: 15_000 })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('x')
    const run = await executor.next()
    control.onCommit = () => 'before'
    control.readsFail = true
    run.answer('lost')
    for (let minute = 0; minute < 40; minute++) {
      await clock.idle(5)
      clock.advance(5_000)
    }
    delete control.onCommit
    control.readsFail = false
    await clock.idle()
    clock.advance(15_000)
    const again = await executor.next()
    again.answer('second try')
    expect(await sent.result).toMatchObject({ status: 'consumed', text: 'second try' })
  })

  test('slowly, sends that wait for the same commit are all answered by it', async () => {
    const control: FaultyStoreControl = {}
    const gate = Promise.withResolvers<void>()
    const executor = scriptedExecutor(() => 'ok')
    const runtime = await start({ store: faultyStore(freshStore(kind), control), executor })
    await runtime.open({ sessionId: 's' })
    let commits = 0
    control.onCommit = () => {
      commits++
      return commits === 1 ? gate.promise : undefined
    }
    const sends = ['a', 'b', 'c', 'd'].map(content => runtime.send('s', { content }))
    gate.resolve()
    const sent = await Promise.all(sends)
    for (const { inputId } of sent) expect((await runtime.wait('s', inputId, LONG_MS)).status).toBe('consumed')
    await until(runtime, 's', 'input.consumed', event => event.inputId === sent[3]?.inputId)
  })
})

test('a commit whose answer was lost is found out about, though nobody asks for its session again', async () => {
  const clock = manualClock()
  const control: FaultyStoreControl = {}
  const executor = scriptedExecutor(() => 'answer')
  const store = faultyStore(memory({ clock }), control)
  const runtime = await start({ store, executor, clock, recoverEveryMs: 1_000 })
  await runtime.open({ sessionId: 's' })
  control.onCommit = () => {
    control.readsFail = true
    return 'after'
  }
  expect(await codeOf(runtime.send('s', { content: 'x', idempotencyKey: 'k' }))).toBe('store-unavailable')
  delete control.onCommit
  control.readsFail = false
  await clock.waiting(1_000)
  clock.advance(1_000)
  await clock.idle()
  expect(await runtime.input('s', { idempotencyKey: 'k' })).toMatchObject({ status: 'consumed' })
  expect(executor.applied).toHaveLength(1)
})
