/** Offers that are watched for a while only: what was accepted is done once, whoever still looks. */
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { freshStore, LONG_MS, STORES, start } from '../session/support.ts'

describe.each(STORES)('bounded_submit_contract, durable_delivery_inbox (%s)', kind => {
  // Oracles 127, 128, 130 and 134.
  test('an input whose sender looked away while it waited is queued durably, bound to its key, and runs once', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const runtime = await start({ store, executor })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'first' })
    const run = await executor.next()
    const offer = { content: 'behind it', idempotencyKey: 'k' }
    const late = await runtime.send('s', { ...offer, waitMs: 1 })
    expect(late).toMatchObject({ outcome: 'accepted', status: 'queued' })
    const another = await start({ store })
    expect(await another.input('s', { idempotencyKey: 'k' })).toMatchObject({ id: late.inputId, status: 'queued' })
    const again = await Promise.all([runtime.send('s', offer), another.send('s', offer)])
    for (const answer of again) expect(answer).toMatchObject({ outcome: 'deduplicated', inputId: late.inputId })
    run.answer('1')
    ;(await executor.next()).answer('2')
    expect(await another.wait('s', late.inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: '2' } })
    expect(executor.applied.map(({ said }) => said)).toEqual(['first', 'behind it'])
    expect((await runtime.inputs('s', {})).items).toHaveLength(2)
  })
})
