/** Which model answers: the session's own, what an input asks for, and how that is changed. */
import { describe, expect, test } from 'vitest'
import { eventsOf, freshStore, STORES, start } from './support.ts'
import { looking, modelsById } from './support-models.ts'

const called = { call: 'look' } as const

describe.each(STORES)('the model of a session (%s)', kind => {
  test('is the default, then its own, then what the input asks for', async () => {
    const { executor, asked } = modelsById()
    const runtime = await start({ store: freshStore(kind), executor })
    const plain = await runtime.sessions.open('plain')
    await (await plain.send('hi')).result
    const own = await runtime.sessions.open('own', { model: 'm/own' })
    await (await own.send('hi')).result
    await (await own.send('hi', { model: 'm/named' })).result
    await (await own.send('hi')).result
    expect(asked).toEqual(['m/default', 'm/own', 'm/named', 'm/own'])
    expect(await runtime.get('own')).toMatchObject({ model: 'm/own', revision: 1 })
  })

  test('is changed in the middle of a run, from the next call on, and stays after a restart', async () => {
    const store = freshStore(kind)
    const begun = Promise.withResolvers<void>()
    const changed = Promise.withResolvers<void>()
    const look = looking(() => {
      begun.resolve()
      return changed.promise
    })
    const { executor, asked } = modelsById({ 'm/one': () => called }, { tools: [look] })
    const runtime = await start({ store, executor })
    const session = await runtime.sessions.open('s', { model: 'm/one' })
    const sent = await session.send('look')
    await begun.promise
    expect(await session.update({ model: 'm/two' })).toMatchObject({ model: 'm/two', revision: 2 })
    changed.resolve()
    expect(await sent.result).toMatchObject({ text: 'm/two' })
    expect(asked).toEqual(['m/one', 'm/two'])
    const events = await eventsOf(runtime, 's')
    expect(events.filter(({ type }) => type === 'model.changed')).toMatchObject([
      { model: 'm/one' },
      { model: 'm/two', previous: 'm/one' },
    ])
    await runtime.close()

    const next = modelsById()
    const again = await start({ store, executor: next.executor })
    await (await (await again.sessions.open('s')).send('hi')).result
    await again.update('s', { model: null })
    await (await (await again.sessions.open('s')).send('hi')).result
    expect(next.asked).toEqual(['m/two', 'm/default'])
    expect(await again.get('s')).not.toHaveProperty('model')
  })

  test('may be changed while it is stopped', async () => {
    const { executor, asked } = modelsById()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s', { model: 'm/one' })
    await runtime.control('s', 'stop')
    expect(await session.update({ model: 'm/two' })).toMatchObject({ model: 'm/two', revision: 2 })
    await runtime.control('s', 'resume')
    await (await session.send('hi')).result
    expect(asked).toEqual(['m/two'])
    expect(await runtime.get('s')).toMatchObject({ model: 'm/two', revision: 2 })
  })
})
