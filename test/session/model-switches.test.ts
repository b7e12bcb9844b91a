/** Switches for some turns: they count assistant turns, whatever happens in between. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agent } from '../../src/executor/agent/agent.ts'
import { MeerkatError, type Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import {
  codeOf,
  crashed,
  eventsOf,
  failureOf,
  freshPath,
  freshStore,
  LONG_MS,
  STORES,
  start,
  until,
} from './support.ts'
import { looking, modelsById } from './support-models.ts'

const say = async (runtime: Runtime, content: string, model?: string): Promise<unknown> => {
  const session = await runtime.sessions.open('s')
  return (await session.send(content, model === undefined ? {} : { model })).result
}

describe.each(STORES)('a switch for some turns (%s)', kind => {
  test('counts the turns in which it has the say, over runs and a restart', async () => {
    const store = freshStore(kind)
    const first = modelsById()
    const runtime = await start({ store, executor: first.executor })
    await runtime.sessions.open('s', { model: 'm/own' })
    expect(await runtime.switchModel('s', { model: 'm/other', turns: 3 })).toMatchObject({
      source: 'baseline',
      model: 'm/own',
      pending: { model: 'm/other', turns: 3 },
    })
    await say(runtime, 'one')
    expect(await runtime.model('s')).toMatchObject({
      source: 'turn',
      model: 'm/other',
      identity: { provider: 'm', model: 'other' },
      own: 'm/own',
      override: { model: 'm/other', turnsLeft: 3 },
    })
    await say(runtime, 'named', 'm/named')
    await say(runtime, 'two')
    await runtime.close()

    const second = modelsById()
    const next = await start({ store, executor: second.executor })
    await say(next, 'three')
    await say(next, 'four')
    expect([...first.asked, ...second.asked]).toEqual(['m/other', 'm/named', 'm/other', 'm/other', 'm/own'])
    expect(await next.model('s')).toMatchObject({
      source: 'baseline',
      model: 'm/own',
      recent: [{ type: 'switch', outcome: 'consumedAndRestored' }],
    })
    const events = (await eventsOf(next, 's')).filter(({ type }) => type.startsWith('model.switch'))
    expect(events).toMatchObject([
      { type: 'model.switched', model: 'm/other' },
      { type: 'model.switch-ended', outcome: 'consumedAndRestored' },
    ])
  })

  test('goes back to the default of a session without a model of its own, whatever that is by then', async () => {
    const store = freshStore(kind)
    const first = modelsById()
    const runtime = await start({ store, executor: first.executor })
    await runtime.sessions.open('s')
    await runtime.switchModel('s', { model: 'm/other', turns: 1 })
    await say(runtime, 'one')
    await say(runtime, 'two')
    expect(first.asked).toEqual(['m/other', 'm/default'])
    expect(await runtime.model('s')).toMatchObject({ source: 'default' })
    expect(await runtime.get('s')).not.toHaveProperty('model')
  })

  test('is over with its last turn, for a reader and for the next switch', async () => {
    const { executor, asked } = modelsById({}, { tools: [looking()] })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.sessions.open('s', { model: 'm/own' })
    for (const model of ['m/other', 'm/third']) {
      await runtime.switchModel('s', { model, turns: 1 })
      await say(runtime, model)
      const view = await runtime.model('s')
      expect(view).toMatchObject({ source: 'baseline', model: 'm/own' })
      expect(view).not.toHaveProperty('override')
      expect(view.recent.at(-1)).toMatchObject({ type: 'switch', outcome: 'consumedAndRestored' })
    }
    await say(runtime, 'own')
    expect(asked).toEqual(['m/other', 'm/third', 'm/own'])
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('is over once its last turn has asked for tools, or has failed', async () => {
    const begun = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const look = looking(() => {
      begun.resolve()
      return go.promise
    })
    const failing = (): never => {
      throw new MeerkatError('unauthorized', 'no key')
    }
    const lines = { 'm/other': () => ({ call: 'look' }), 'm/bad': failing }
    const runtime = await start({ store: freshStore(kind), executor: modelsById(lines, { tools: [look] }).executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    await session.switchModel('m/other', { turns: 1 })
    const sent = await session.send('look')
    await begun.promise
    expect(await runtime.model('s')).not.toHaveProperty('override')
    await session.switchModel('m/bad', { turns: 1 })
    go.resolve()
    expect(await sent.result).toMatchObject({ outcome: 'failed' })
    expect(await runtime.model('s')).toMatchObject({ source: 'baseline', recent: [{}, { type: 'switch' }] })
    expect(await runtime.model('s')).not.toHaveProperty('override')
  })

  test('counts a turn of tool calls and a turn of text, in one run', async () => {
    const { executor, asked } = modelsById({ 'm/other': () => ({ call: 'look' }) }, { tools: [looking()] })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.sessions.open('s', { model: 'm/own' })
    await runtime.switchModel('s', { model: 'm/other', turns: 2 })
    await say(runtime, 'look')
    expect(asked).toEqual(['m/other', 'm/other', 'm/own'])
  })

  test('begins in the middle of a run, with the next turn', async () => {
    const begun = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const look = looking(() => {
      begun.resolve()
      return go.promise
    })
    const { executor, asked } = modelsById({ 'm/own': () => ({ call: 'look' }) }, { tools: [look] })
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    const sent = await session.send('look')
    await begun.promise
    await session.switchModel('m/other', { turns: 1 })
    go.resolve()
    expect(await sent.result).toMatchObject({ text: 'm/other' })
    expect(asked).toEqual(['m/own', 'm/other'])
  })
})

test('a turn that is retried, or given up by an attempt and begun again, counts once', async () => {
  let calls = 0
  const failing = (): never | { readonly say: string } => {
    if (++calls <= 3) throw new Error('overloaded')
    return { say: 'm/other' }
  }
  const models = modelsById({ 'm/other': failing }, { retries: 1 })
  const runtime = await start({ store: freshStore('memory'), executor: models.executor })
  await runtime.sessions.open('s', { model: 'm/own' })
  await runtime.switchModel('s', { model: 'm/other', turns: 1 })
  await say(runtime, 'one')
  await say(runtime, 'two')
  expect(models.asked.at(-1)).toBe('m/own')
})

test('two turns are two turns, wherever the process dies', { timeout: LONG_MS * 2 }, async () => {
  // It dies in the middle of its first turn, whose admission went to disk with another input; then in the second one.
  let path = freshPath()
  let runtime = await start({ store: sqlite(path), executor: hanging(1).executor, abortGraceMs: 1 })
  await runtime.sessions.open('s', { model: 'm/own' })
  await runtime.switchModel('s', { model: 'm/other', turns: 2 })
  const { inputId } = await runtime.send('s', { content: 'one' })
  await until(runtime, 's', 'turn.started')
  await runtime.send('s', { content: 'two' })
  expect(await runtime.model('s')).toMatchObject({ override: { turnsLeft: 2 } })
  path = crashed(path)
  const { executor, called } = hanging(2)
  runtime = await start({ store: sqlite(path), executor, abortGraceMs: 1 })
  await called
  await runtime.update('s', { title: 'goes to disk' })
  expect(await runtime.model('s')).toMatchObject({ override: { turnsLeft: 1 } })
  path = crashed(path)
  const last = modelsById({}, { tools: [looking()] })
  runtime = await start({ store: sqlite(path), executor: last.executor })
  expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'm/other' } })
  await say(runtime, 'three')
  expect(last.asked).toEqual(['m/other', 'm/own', 'm/own'])
  expect(await runtime.audit('s')).toMatchObject({ ok: true })
})

test('two turns are two turns for processes that are killed', { timeout: LONG_MS * 4 }, async () => {
  const path = freshPath()
  for (const life of ['1', '2']) await killedInTurn(path, life)
  const last = modelsById({}, { tools: [looking()] })
  const runtime = await start({ store: sqlite(path), executor: last.executor, recoverEveryMs: 50 })
  await until(runtime, 's', 'run.completed')
  await say(runtime, 'two')
  expect(last.asked).toEqual(['m/other', 'm/own'])
  expect(await runtime.model('s')).toMatchObject({ recent: [{ outcome: 'consumedAndRestored' }] })
  expect(await runtime.audit('s')).toMatchObject({ ok: true })
})

/** Has a process come to a call of its model, and kills it there. */
async function killedInTurn(path: string, life: string): Promise<void> {
  const child = fork(join(import.meta.dirname, 'model-child.ts'), [path, life], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

test('what another process asks of the owner travels to it, refusals included', { timeout: LONG_MS * 2 }, async () => {
  const path = freshPath()
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const look = looking(() => {
    begun.resolve()
    return go.promise
  })
  const owner = modelsById({ 'm/own': () => ({ call: 'look' }) }, { tools: [look] })
  const here = await start({ store: sqlite(path), executor: owner.executor })
  const session = await here.sessions.open('s', { model: 'm/own' })
  const sent = await session.send('look')
  await begun.promise
  const there = await start({ store: sqlite(path), recover: false })
  expect(await failureOf(there.setModel('s', { model: 'other/thing' }))).toMatchObject({ code: 'unsupported' })
  expect(await there.setModel('s', { model: 'm/set' })).toMatchObject({ own: 'm/set' })
  expect(await there.switchModel('s', { model: 'm/other', turns: 1 })).toMatchObject({ pending: { model: 'm/other' } })
  expect(await failureOf(there.switchModel('s', { model: 'm/third', turns: 1 }))).toMatchObject({
    code: 'rejected',
    details: { denial: 'scopedOverrideConflict' },
  })
  go.resolve()
  expect(await sent.result).toMatchObject({ text: 'm/other' })
  await (await session.send('two')).result
  expect(owner.asked).toEqual(['m/own', 'm/other', 'm/set'])
})

/** A model that calls a tool in its first turns and never answers in turn `n`. */
function hanging(n: number) {
  const reached = Promise.withResolvers<void>()
  let turns = 0
  const models = modelsById(
    {
      'm/other': () => {
        turns++
        if (turns < n) return { call: 'look' }
        reached.resolve()
        return new Promise<never>(() => {})
      },
    },
    { tools: [looking()] },
  )
  return { ...models, called: reached.promise }
}

describe('what is refused', () => {
  test('a second switch, while one waits or is in effect', async () => {
    const { executor } = modelsById()
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.sessions.open('s', { model: 'm/own' })
    await runtime.switchModel('s', { model: 'm/other', turns: 1 })
    const refused = await failureOf(runtime.switchModel('s', { model: 'm/third', turns: 1 }))
    expect(refused).toMatchObject({ code: 'rejected', details: { denial: 'scopedOverrideConflict' } })
    expect(await runtime.model('s')).toMatchObject({ pending: { model: 'm/other' }, recent: [{ outcome: 'denied' }] })
  })

  test('a switch that is not approved, with the reason, and one that nobody answers for', async () => {
    const asked: unknown[] = []
    const { executor } = modelsById(
      {},
      {
        approveSwitch: request => {
          asked.push(request)
          if (request.model === 'm/dear') return { type: 'denied', reason: 'too dear' }
          if (request.model === 'm/odd') throw new Error('away')
          return { type: 'approved' }
        },
      },
    )
    const runtime = await start({ store: freshStore('memory'), executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    const denied = await failureOf(session.switchModel('m/dear', { turns: 2 }))
    expect(denied).toMatchObject({
      code: 'rejected',
      details: { denial: 'deniedDuringApproval', reason: 'too dear' },
    })
    expect(denied.message).toContain('too dear')
    expect(await failureOf(session.switchModel('m/odd', { turns: 2 }))).toMatchObject({
      code: 'rejected',
      details: { denial: 'approvalRequiredButUnavailable' },
    })
    expect(await session.switchModel('m/fine', { turns: 2 })).toMatchObject({ pending: { model: 'm/fine' } })
    expect(asked[0]).toEqual({ sessionId: 's', model: 'm/dear', turns: 2 })
  })

  test('a model that the executor does not have, at every door, and nothing is changed', async () => {
    const { executor } = modelsById()
    const runtime = await start({ store: freshStore('memory'), executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    for (const act of [
      () => session.setModel('other/thing'),
      () => session.update({ model: 'other/thing' }),
      () => session.switchModel('other/thing', { turns: 1 }),
      () => runtime.open({ sessionId: 'new', model: 'other/thing' }),
    ]) {
      const refused = await failureOf(act())
      expect(refused.code).toBe('unsupported')
      expect(refused.message).toContain('take m/a')
    }
    expect(await runtime.model('s')).toMatchObject({ own: 'm/own', recent: [] })
    expect(await codeOf(runtime.get('new'))).toBe('session-not-found')
  })
})

test('a key that is missing is nothing that the caller lacks', async () => {
  const executor = agent({ model: 'demo/agent', env: {} })
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s')
  expect(await session.model()).toMatchObject({ source: 'default', model: 'demo/agent', default: 'demo/agent' })
  expect(await failureOf(session.setModel('openai/gpt-5.6'))).toMatchObject({
    code: 'unsupported',
    details: { model: 'openai/gpt-5.6', cause: 'unauthorized' },
  })
  expect(await failureOf(session.setModel('nothing'))).toMatchObject({ code: 'invalid-params' })
})

test('what a model can do is known where the executor says so, and set is update', async () => {
  const surface = {
    supportsTemperature: true,
    supportsThinking: false,
    supportsReasoning: false,
    inlineVideo: false,
    vision: false,
    imageInput: false,
    imageToolResults: false,
    supportsWebSearch: false,
    imageGeneration: false,
    realtime: false,
  }
  const { executor } = modelsById({}, { capabilities: id => (id === 'm/known' ? surface : undefined) })
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s', { model: 'm/known' })
  expect(await session.model()).toMatchObject({ source: 'baseline', capabilities: surface })
  const before = await session.setModel('m/unknown')
  expect(before).toMatchObject({ own: 'm/unknown', identity: { provider: 'm', model: 'unknown' } })
  expect(before).not.toHaveProperty('capabilities')
  expect(await runtime.get('s')).toMatchObject({ model: 'm/unknown', revision: 2 })
  await session.update({ model: 'm/known' })
  expect(await session.model()).toMatchObject({ own: 'm/known', capabilities: surface })
  expect(await session.setModel('m/known')).toMatchObject({ own: 'm/known' })
  expect(await runtime.get('s')).toMatchObject({ revision: 3 })
})
