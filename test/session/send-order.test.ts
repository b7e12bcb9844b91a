/** Inputs are admitted in the order of the calls, whatever has to be looked up for each. */
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/agent.ts'
import type { CoreExecutor, ModelLook } from '../../src/executor/executor.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { Runtime } from '../../src/index.ts'
import type { SessionId } from '../../src/kernel/ids.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { codeOf, freshStore, LONG_MS, STORES, start } from './support.ts'

interface Looking {
  readonly executor: CoreExecutor
  /** Answers the lookup of a model. */
  readonly answer: (id: string, look?: ModelLook) => void
}

/** An executor that says of a model whether it can be had when the test tells it to. */
function looking(): Looking {
  const looks = new Map<string, PromiseWithResolvers<ModelLook>>()
  const of = (id: string): PromiseWithResolvers<ModelLook> => {
    const one = looks.get(id) ?? Promise.withResolvers<ModelLook>()
    looks.set(id, one)
    return one
  }
  const shipped = agent({ model: () => scriptOf([{ say: 'ok' }]) })
  const executor: CoreExecutor = {
    name: 'looking',
    apply: port => shipped.apply(port),
    models: () => ({ look: id => of(id).promise }),
  }
  return { executor, answer: (id, look = {}) => of(id).resolve(look) }
}

const contents = async (runtime: Runtime): Promise<readonly unknown[]> =>
  (await runtime.inputs('s')).items.map(({ content }) => content)

describe.each(STORES)('inputs that are sent at once (%s)', kind => {
  test('are admitted as they were sent, where the models of some are looked up and others have keys', async () => {
    const { executor, answer } = looking()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const sent = [
      session.send('1'),
      session.send('2', { model: 'm/slow' }),
      session.send('3'),
      session.send('4', { model: 'm/quick' }),
      session.send('5', { idempotencyKey: 'k' }),
      session.send('5', { idempotencyKey: 'k' }),
      session.send('6', { idempotencyKey: 'other', model: 'm/quick' }),
      session.send('7'),
    ]
    answer('m/quick')
    await sent[0]
    answer('m/slow')
    await Promise.all(sent)
    expect(await contents(runtime)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('do not wait for one that is refused, nor does one that is refused let them overtake', async () => {
    const { executor, answer } = looking()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const slow = session.send('1', { model: 'm/slow' })
    const gone = codeOf(session.send('2', { model: 'm/gone' }))
    const last = session.send('3')
    answer('m/gone', { problem: { code: 'unsupported', message: 'gone' } })
    expect(await gone).toBe('unsupported')
    answer('m/slow')
    await Promise.all([slow, last])
    expect(await contents(runtime)).toEqual(['1', '3'])
  })

  test('wait for no other session', async () => {
    const { executor, answer } = looking()
    const runtime = await start({ store: freshStore(kind), executor })
    const [session, other] = [await runtime.sessions.open('s'), await runtime.sessions.open('other')]
    const slow = session.send('1', { model: 'm/slow' })
    expect(await (await other.send('well?')).result).toMatchObject({ outcome: 'completed' })
    answer('m/slow')
    expect(await (await slow).result).toMatchObject({ outcome: 'completed' })
  })

  test('that a host offers, some with ids of its own, likewise', async () => {
    const { executor, answer } = looking()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.sessions.open('s')
    const machine = await MeerkatMachine.over(runtime)
    await machine.registerSession('s' as SessionId)
    const offer = (content: string, more: object = {}) => machine.acceptInput('s' as SessionId, { content, ...more })
    const sent = [
      offer('1', { inputId: 'a', model: 'm/slow' }),
      offer('2'),
      offer('3', { inputId: 'b' }),
      codeOf(offer('4', { inputId: 'a' })),
      offer('5'),
    ]
    answer('m/slow')
    const answers = await Promise.all(sent)
    expect(answers[3]).toBe('conflict')
    expect(await contents(runtime)).toEqual(['1', '2', '3', '5'])
  })
})

test('a session that closes while a model is looked up leaves no caller waiting', { timeout: LONG_MS }, async () => {
  const { executor } = looking()
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s')
  const sent = [session.send('1', { model: 'm/never' }), session.send('2'), session.send('3', { model: 'm/never' })]
  const codes = Promise.all(sent.map(one => codeOf(one)))
  await runtime.close()
  expect(await codes).toEqual(Array.from({ length: 3 }, () => 'store-unavailable'))
})
