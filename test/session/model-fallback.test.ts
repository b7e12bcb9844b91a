/** Other models that are asked where one can't answer. */
import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { eventsOf, freshStore, STORES, start } from './support.ts'
import { looking, modelsById } from './support-models.ts'

const failing = (statusCode: number) => (): never => {
  throw new APICallError({ message: `no: ${statusCode}`, url: 'http://m', requestBodyValues: {}, statusCode })
}
const fallback = ['m/second', 'm/third']

describe.each(STORES)('a model that can not answer (%s)', kind => {
  test('is followed by the next one, which stays, over a restart, until one is named', async () => {
    const store = freshStore(kind)
    const first = modelsById({ 'm/own': failing(503), 'm/second': failing(401) }, { fallback, retries: 1 })
    const runtime = await start({ store, executor: first.executor })
    const session = await runtime.sessions.open('s', { model: 'm/own', title: 'T' })
    expect(await (await session.send('one')).result).toMatchObject({ status: 'consumed', text: 'm/third' })
    expect(await (await session.send('two')).result).toMatchObject({ text: 'm/third' })
    expect(first.asked).toEqual(['m/own', 'm/own', 'm/second', 'm/third', 'm/third'])
    expect(await session.model()).toMatchObject({
      source: 'baseline',
      model: 'm/third',
      own: 'm/third',
      standsIn: true,
    })
    const events = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'model.fallback')
    expect(events).toMatchObject([{ model: 'm/third', from: 'm/own', code: 'unauthorized', stays: true, turn: 4 }])
    const said = await session.history()
    expect(said.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    await runtime.close()

    const second = modelsById({}, { fallback })
    const next = await start({ store, executor: second.executor })
    // The options are what was asked for: whoever opens it with them finds no conflict.
    const again = await next.sessions.open('s', { model: 'm/own', title: 'T' })
    await (await again.send('three')).result
    expect(await again.setModel('m/own')).not.toHaveProperty('standsIn')
    await (await again.send('four')).result
    expect(second.asked).toEqual(['m/third', 'm/own'])
  })

  test('of a session without one of its own is followed as well', async () => {
    const { executor, asked } = modelsById({ 'm/default': failing(402) }, { fallback })
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    expect(await (await session.send('one')).result).toMatchObject({ text: 'm/second' })
    await (await session.send('two')).result
    expect(asked).toEqual(['m/default', 'm/second', 'm/second'])
    expect(await runtime.get('s')).not.toHaveProperty('model')
  })
})

test('one that the input names is answered for once, in each turn of its run', async () => {
  const { executor, asked } = modelsById(
    { 'm/named': failing(503), 'm/second': call => (call === 2 ? { call: 'look' } : { say: 'seen' }) },
    { fallback, tools: [looking()] },
  )
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s', { model: 'm/own' })
  expect(await (await session.send('one', { model: 'm/named' })).result).toMatchObject({ text: 'seen' })
  expect(await (await session.send('two')).result).toMatchObject({ text: 'm/own' })
  expect(asked).toEqual(['m/named', 'm/second', 'm/second', 'm/own'])
  expect(await session.model()).toMatchObject({ own: 'm/own' })
})

test('a request that no model would take fails as it did, and all that fail are one failure', async () => {
  const { executor, asked } = modelsById(
    { 'm/bad': failing(400), 'm/down': failing(503), 'm/second': failing(503), 'm/third': failing(429) },
    { fallback },
  )
  const runtime = await start({ store: freshStore('memory'), executor })
  const bad = await runtime.sessions.open('bad', { model: 'm/bad' })
  expect(await (await bad.send('one')).result).toMatchObject({ outcome: 'failed', error: { code: 'bad-request' } })
  const down = await runtime.sessions.open('down', { model: 'm/down' })
  expect(await (await down.send('one')).result).toMatchObject({
    outcome: 'failed',
    error: { code: 'provider-error', cause: 'retry-exhausted' },
  })
  expect(asked).toEqual(['m/bad', 'm/down', 'm/second', 'm/third'])
  expect(await down.model()).toMatchObject({ own: 'm/down' })
})

test('another one that takes no response format is asked without one', async () => {
  const formats: boolean[] = []
  const { executor, asked } = modelsById(
    {
      'm/own': failing(503),
      'm/second': (_, { responseFormat }) => {
        formats.push(responseFormat !== undefined)
        return responseFormat === undefined ? { say: '{"n":1}' } : failing(400)()
      },
    },
    { fallback },
  )
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s', { model: 'm/own' })
  const outputSchema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }
  expect(await (await session.send('one', { outputSchema })).result).toMatchObject({ output: { n: 1 } })
  expect(asked).toEqual(['m/own', 'm/second', 'm/second'])
  expect(formats).toEqual([true, false])
})

test('a model that can not be had at all is stood in for while that is so', async () => {
  const { executor, asked } = modelsById({}, { fallback })
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s')
  expect(await (await session.send('one', { model: 'gone/model' })).result).toMatchObject({ text: 'm/second' })
  expect(await (await session.send('two')).result).toMatchObject({ text: 'm/default' })
  expect(asked).toEqual(['m/second', 'm/default'])
})
