/** Short-lived processes share a store: who leaves while others wait leaves them nothing to wait for in vain. */
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { freshStore, LONG_MS, STORES, start } from './support.ts'

describe.each(STORES)('a process that takes up nothing unasked (%s)', kind => {
  const begin = async () => {
    const store = freshStore(kind)
    const first = scriptedExecutor()
    const one = await start({ store, executor: first, recover: false })
    const two = await start({ store, executor: scriptedExecutor(run => `two: ${run.said}`), recover: false })
    await one.open({ sessionId: 's' })
    await one.send('s', { content: 'first' })
    return { store, one, two, run: await first.next() }
  }

  test('goes on with what it sent to another one that ends', async () => {
    const { one, two, run } = await begin()
    const sent = await two.send('s', { content: 'second' })
    expect(sent.status).toBe('queued')
    const ended = two.wait('s', sent.inputId, LONG_MS)
    run.answer('done')
    await one.close()
    expect(await ended).toMatchObject({ result: { text: 'two: second' } })
  })

  test('goes on with it though it only looks at what happens', async () => {
    const { one, two, run } = await begin()
    const sent = await two.send('s', { content: 'second' })
    run.answer('done')
    await one.close()
    for (let after = sent.cursor; ; ) {
      const { events, cursor } = await two.events({ sessionId: 's', after, waitMs: LONG_MS })
      expect(events.length).toBeGreaterThan(0)
      if (events.some(({ type, inputId }) => type === 'input.consumed' && inputId === sent.inputId)) break
      after = cursor
    }
  })

  test('goes on with what it waits for and another one sent', async () => {
    const { one, two, run } = await begin()
    const { inputId } = await one.send('s', { content: 'second' })
    const ended = two.wait('s', inputId, LONG_MS)
    run.answer('done')
    await one.close()
    expect(await ended).toMatchObject({ result: { text: 'two: second' } })
  })

  test('of many, exactly one goes on each time', async () => {
    const { store, one, run } = await begin()
    const others = await Promise.all(
      ['a', 'b', 'c'].map(name =>
        start({ store, executor: scriptedExecutor(({ said }) => `${name}: ${said}`), recover: false }),
      ),
    )
    const ends = others.map(async (other, index) => {
      const { inputId } = await other.send('s', { content: `input ${index}` })
      const ended = await other.wait('s', inputId, LONG_MS)
      await other.close()
      return ended.result?.text
    })
    await expect.poll(async () => (await one.inputs('s', {})).items.length, { timeout: LONG_MS }).toBe(4)
    run.answer('done')
    await one.close()
    const texts = await Promise.all(ends)
    expect(texts.map(text => text?.slice(3))).toEqual(['input 0', 'input 1', 'input 2'])
  })
})
