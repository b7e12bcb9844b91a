/** Steer, supersede, withdraw: inputs that do more than wait their turn. */
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

describe.each(STORES)('a steer (%s)', kind => {
  test('joins the running turn at its next boundary, with a receipt that says where', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const prompt = await session.send('dig')
    const run = await executor.next()
    await run.useTool({ id: 'c1' })
    const steer = await session.steer('to the left')
    const answer = await run.useTool({ id: 'c2' })
    expect(answer).toEqual({ next: 'continue', steered: 1 })
    expect(run.port.journal().at(-1)).toMatchObject({ role: 'user', content: 'to the left' })
    expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({
      status: 'applied',
      receipt: { type: 'steered', runId: run.port.runId, boundary: 2 },
    })
    run.answer('left it is')
    expect(await steer.result).toMatchObject({ status: 'consumed', text: 'left it is' })
    expect(await prompt.result).toMatchObject({ status: 'consumed', runId: run.port.runId })
    const { receipts } = await runtime.run('s', run.port.runId)
    expect(receipts.map(({ boundary, steered }) => [boundary, steered])).toEqual([
      [1, undefined],
      [2, [steer.inputId]],
      [3, undefined],
    ])
    expect((await session.history()).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
      'tool',
      'user',
      'assistant',
    ])
  })

  test('that comes with the answer prolongs the turn at its final boundary', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    await session.send('one')
    const run = await executor.next()
    const steer = await session.steer('and two')
    run.answer('first')
    const again = await executor.next()
    expect(again.port.runId).toBe(run.port.runId)
    expect(again.port.journal().map(({ content }) => content)).toEqual(['one', 'first', 'and two'])
    again.answer('second')
    expect(await steer.result).toMatchObject({ status: 'consumed', text: 'second' })
    expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({
      receipt: { type: 'steered', boundary: 1 },
    })
    expect((await session.history()).map(({ content }) => content)).toEqual(['one', 'first', 'and two', 'second'])
  })

  test('that prolongs a turn spends what is left of its budget', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    await session.send('one')
    const run = await executor.next()
    expect(run.port.usageSoFar).toBeUndefined()
    const steer = await session.steer('and two')
    run.answer('first', { usage: { totalTokens: 10, calls: 1 } })
    const again = await executor.next()
    expect(again.port.usageSoFar).toEqual({ totalTokens: 10, calls: 1 })
    again.answer('second', { usage: { totalTokens: 5, calls: 1 } })
    expect(await steer.result).toMatchObject({ usage: { totalTokens: 15, calls: 2 } })
  })

  test('to a session that does nothing is the next turn, before what is queued', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const idle = await session.steer('hello')
    ;(await executor.next()).answer('hi')
    await idle.result
    expect(await runtime.input('s', { inputId: idle.inputId })).toMatchObject({ receipt: { type: 'queued' } })
  })

  test('too late for its run becomes the next one, together with other steers', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    await session.send('one')
    const run = await executor.next()
    const queued = await session.send('two')
    const steers = [await session.steer('a'), await session.steer('b')]
    run.throw(new Error('the attempt is lost'))
    const next = await executor.next()
    expect(next.said).toBe('a\nb')
    next.answer('both')
    for (const steer of steers) {
      expect(await steer.result).toMatchObject({ status: 'consumed', text: 'both' })
      expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({ receipt: { type: 'queued' } })
    }
    ;(await executor.next()).answer('x')
    ;(await executor.next()).answer('x')
    expect((await queued.result).status).toBe('consumed')
  })
})

describe.each(STORES)('a superseding input (%s)', kind => {
  test('replaces what waits under its key, and nothing that runs', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const of = (content: string) => runtime.send('s', { content, mode: 'supersede', supersessionKey: 'status' })
    const running = await of('1')
    const run = await executor.next()
    const old = await of('2')
    const other = await runtime.send('s', { content: 'else' })
    const newest = await of('3')
    expect(await runtime.wait('s', old.inputId, LONG_MS)).toMatchObject({ status: 'superseded' })
    expect(await runtime.input('s', { inputId: old.inputId })).toMatchObject({ by: newest.inputId })
    run.answer('ran')
    ;(await executor.next()).answer('else')
    ;(await executor.next()).answer('newest')
    for (const [{ inputId }, text] of [
      [running, 'ran'],
      [other, 'else'],
      [newest, 'newest'],
    ] as const) {
      expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text } })
    }
  })

  test('needs a key', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor() })
    await runtime.open({ sessionId: 's' })
    expect(await codeOf(runtime.send('s', { content: 'x', mode: 'supersede' }))).toBe('invalid-params')
  })
})

describe.each(STORES)('withdrawing (%s)', kind => {
  test('takes a waiting input back once, and leaves a running one alone', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const running = await runtime.send('s', { content: 'one' })
    const waiting = await runtime.send('s', { content: 'two' })
    const run = await executor.next()
    expect(await runtime.withdraw('s', waiting.inputId)).toMatchObject({
      withdrawn: true,
      input: { status: 'withdrawn' },
    })
    expect(await runtime.withdraw('s', waiting.inputId)).toMatchObject({
      withdrawn: false,
      input: { status: 'withdrawn' },
    })
    expect(await runtime.withdraw('s', running.inputId)).toMatchObject({
      withdrawn: false,
      input: { status: 'staged' },
    })
    run.answer('done')
    expect((await runtime.wait('s', running.inputId, LONG_MS)).status).toBe('consumed')
    expect(await codeOf(runtime.withdraw('s', 'nobody'))).toBe('input-not-found')
    expect(executor.applied).toHaveLength(1)
  })

  test('ends parked work, and its calls with it', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'one' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await runtime.withdraw('s', inputId)).toMatchObject({ withdrawn: true })
    expect(await runtime.calls('s', {})).toEqual([])
    expect(typesOf(await eventsOf(runtime, 's'), 'input.')).toEqual([
      'input.accepted',
      'input.queued',
      'input.staged',
      'input.queued',
      'input.withdrawn',
    ])
  })
})
