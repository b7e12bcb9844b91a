/** Keys bind for ever within a session. */
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, freshStore, LONG_MS, STORES, start } from './support.ts'

describe.each(STORES)('an idempotency key (%s)', kind => {
  test('answers a second send with the first input, as it stands and with its result', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const params = { content: 'pay', idempotencyKey: 'k' }
    const first = await runtime.send('s', params)
    const run = await executor.next()
    expect(await runtime.send('s', params)).toMatchObject({
      outcome: 'deduplicated',
      inputId: first.inputId,
      status: 'staged',
    })
    run.answer('paid')
    expect(await runtime.send('s', { ...params, waitMs: LONG_MS })).toMatchObject({
      outcome: 'deduplicated',
      inputId: first.inputId,
      status: 'consumed',
      result: { text: 'paid' },
    })
    expect(executor.applied).toHaveLength(1)
  })

  test('answers after a restart too', async () => {
    const store = freshStore(kind)
    const params = { content: [{ type: 'text', text: 'pay' } as const], idempotencyKey: 'k', maxRunMs: 60_000 }
    const before = await start({ store, executor: scriptedExecutor(() => 'paid') })
    await before.open({ sessionId: 's' })
    const first = await before.send('s', { ...params, waitMs: LONG_MS })
    await before.close()
    const runtime = await start({ store, executor: scriptedExecutor(() => 'paid twice') })
    expect(await runtime.send('s', params)).toMatchObject({
      outcome: 'deduplicated',
      inputId: first.inputId,
      status: 'consumed',
      result: { text: 'paid' },
    })
    expect(await runtime.input('s', { idempotencyKey: 'k' })).toMatchObject({ id: first.inputId })
    expect(await codeOf(runtime.send('s', { ...params, content: 'pay more' }))).toBe('idempotency-conflict')
  })

  test('makes one input of ten sends at once', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'once') })
    await runtime.open({ sessionId: 's' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => runtime.send('s', { content: 'x', idempotencyKey: 'k', waitMs: LONG_MS })),
    )
    expect(new Set(answers.map(({ inputId }) => inputId)).size).toBe(1)
    expect(answers.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1)
    expect(answers.every(({ result }) => result?.text === 'once')).toBe(true)
    expect((await runtime.inputs('s', {})).items).toHaveLength(1)
  })

  test('is refused for another content, mode or schema, and says which input it is bound to', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok') })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'one', idempotencyKey: 'k' })
    for (const other of [
      { content: 'two' },
      { content: 'one', mode: 'steer' as const },
      { content: 'one', outputSchema: { type: 'object' } },
    ]) {
      await expect(runtime.send('s', { ...other, idempotencyKey: 'k' })).rejects.toMatchObject({
        code: 'idempotency-conflict',
        details: { key: 'k', inputId },
      })
    }
  })

  test('is a session’s own', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok') })
    await Promise.all(['a', 'b'].map(sessionId => runtime.open({ sessionId })))
    const [one, other] = await Promise.all(
      ['a', 'b'].map(session => runtime.send(session, { content: session, idempotencyKey: 'k' })),
    )
    expect([one?.outcome, other?.outcome]).toEqual(['accepted', 'accepted'])
  })

  test.each(['retire', 'stop'] as const)('answers although the session was told to %s since', async operation => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok') })
    await runtime.open({ sessionId: 's' })
    const params = { content: 'one', idempotencyKey: 'k' }
    const { inputId } = await runtime.send('s', { ...params, waitMs: LONG_MS })
    await runtime.control('s', operation)
    expect(await runtime.send('s', params)).toMatchObject({ outcome: 'deduplicated', inputId, status: 'consumed' })
    expect(await codeOf(runtime.send('s', { content: 'two' }))).toBe('not-ready')
  })
})
