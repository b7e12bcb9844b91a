/** A model that can't be had: the one who asks for it is told at the door, or by the input's end where nobody knew it there. */
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/agent.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { fetchHandler } from '../../src/server.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { codeOf, eventsOf, failureOf, freshStore, STORES, start } from './support.ts'
import { modelsById } from './support-models.ts'

const GONE = { model: 'gone/model' }
const REFUSED = { code: 'unsupported', details: { model: 'gone/model', cause: 'unsupported' } }

describe.each(STORES)('an input that asks for a model that can not be had (%s)', kind => {
  test('is refused at every door, with what leads out, and leaves nothing', async () => {
    const { executor, asked } = modelsById()
    const runtime = await start({ store: freshStore(kind), executor })
    const machine = await MeerkatMachine.over(runtime)
    const session = await runtime.sessions.open('s')
    await machine.registerSession('s' as never)
    for (const act of [
      () => session.send('hi', GONE),
      () => session.steer('hi', GONE),
      () => runtime.send('s', { content: 'hi', idempotencyKey: 'k', ...GONE }),
      () => runtime.call('input/send', { sessionId: 's', content: 'hi', ...GONE }),
      () => machine.acceptInput('s' as never, { content: 'hi', ...GONE }),
      () => machine.acceptInputWithCompletion('s' as never, { content: 'hi', ...GONE }),
    ]) {
      const refused = await failureOf(Promise.resolve(act()))
      expect(refused).toMatchObject(REFUSED)
      expect(refused.message).toContain('take m/a')
    }
    const body = JSON.stringify({ content: 'hi', ...GONE })
    const headers = { 'content-type': 'application/json', host: '127.0.0.1' }
    const handler = fetchHandler({ runtime })
    const answer = await handler(
      new Request('http://127.0.0.1/v1/sessions/s/inputs', { method: 'POST', body, headers }),
    )
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'unsupported' } })
    expect((await runtime.inputs('s')).items).toEqual([])
    expect(await (await session.send('hi', { idempotencyKey: 'k' })).result).toMatchObject({ text: 'm/default' })
    expect(asked).toEqual(['m/default'])
  })

  test('is answered with what its key is bound to, though the model is gone since', async () => {
    const store = freshStore(kind)
    const there = await start({ store, executor: agent({ model: () => scriptOf([{ say: 'old' }]) }) })
    const session = await there.sessions.open('s')
    const first = await session.send('hi', { idempotencyKey: 'k', ...GONE })
    expect(await first.result).toMatchObject({ text: 'old' })
    await there.close()
    const runtime = await start({ store, executor: modelsById().executor })
    const again = await runtime.send('s', { content: 'hi', idempotencyKey: 'k', ...GONE })
    expect(again).toMatchObject({ outcome: 'deduplicated', inputId: first.inputId, status: 'consumed' })
    expect(await codeOf(runtime.send('s', { content: 'hi', ...GONE }))).toBe('unsupported')
  })

  test('ends typed at its first attempt where nobody knew of models when it came', async () => {
    const store = freshStore(kind)
    const before = await start({ store })
    await before.open({ sessionId: 's' })
    const { inputId } = await before.send('s', { content: 'hi', ...GONE })
    await before.close()
    const { executor, asked } = modelsById()
    const runtime = await start({ store, executor })
    expect(await runtime.wait('s', inputId, 15_000)).toMatchObject({
      status: 'consumed',
      result: { outcome: 'failed', error: { code: 'unsupported', message: 'there is no model gone/model: take m/a' } },
    })
    const runs = (await eventsOf(runtime, 's')).filter(({ type }) => type.startsWith('run.'))
    expect(runs.map(({ type }) => type)).toEqual(['run.started', 'run.failed'])
    expect(asked).toEqual([])
  })
})

test('a function that throws for an id that it does not know has no model of it', async () => {
  const known = scriptOf([{ say: 'known' }])
  const model = (id = 'known') => {
    if (id !== 'known') throw new TypeError(`who is ${id}`)
    return known
  }
  const runtime = await start({ store: freshStore('memory'), executor: agent({ model }) })
  const session = await runtime.sessions.open('s')
  for (const act of [() => session.send('hi', { model: 'x' }), () => session.setModel('x')]) {
    const refused = await failureOf(Promise.resolve(act()))
    expect(refused.code).toBe('unsupported')
    expect(refused.message).toContain('who is x')
  }
  expect(await (await session.send('hi', { model: 'known' })).result).toMatchObject({ text: 'known' })
})

test('one for which another model stands in is no reason to refuse an input; for a session it is', async () => {
  const { executor, sent } = modelsById({}, { fallback: ['gone/too', 'm/second'] })
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s')
  expect(await (await session.send('hi', GONE)).result).toMatchObject({ text: 'm/second' })
  expect(await codeOf(session.setModel('gone/model'))).toBe('unsupported')
  expect(sent).toEqual(['m/second'])
})

test('who asks another process is told by the owner', async () => {
  const store = freshStore('sqlite')
  const owner = await start({ store, executor: modelsById().executor })
  await (await (await owner.sessions.open('s')).send('hi')).result
  const runtime = await start({ store, recover: false })
  expect(await failureOf(runtime.send('s', { content: 'hi', ...GONE }))).toMatchObject({ code: 'unsupported' })
})
