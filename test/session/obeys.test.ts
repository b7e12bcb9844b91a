/** What a model is sent while people and hosts change what it may see, in the orders that nobody plans for. */
import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/agent.ts'
import type { AgentTool } from '../../src/executor/agent/tool.ts'
import type { Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { surface } from '../kernel/support/walk-models.ts'
import { lookup } from '../support/agent-run.ts'
import { type Line, type ScriptedModel, scriptOf } from '../support/scripted-model.ts'
import { crashed, eventsOf, failureOf, freshPath, freshStore, LONG_MS, start } from './support.ts'
import { modelsById } from './support-models.ts'
import { imported, linesOf } from './transfers.ts'

const named = (name: string, execute?: () => unknown): AgentTool => lookup(execute ?? (() => `${name} ran`), { name })
const deferred = (name: string): AgentTool => ({ ...named(name), deferred: true })
const call = (name: string, args: object = { place: 'x' }): Line => ({ call: name, args })
const done: Line = { say: 'done' }
const shown = ({ asked }: ScriptedModel): readonly string[] =>
  asked.map(({ tools = [] }) => tools.map(({ name }) => name).join(' '))
const heard = ({ asked }: ScriptedModel, n: number): string => JSON.stringify(asked.at(n)?.prompt)

async function house(lines: readonly Line[], tools: readonly AgentTool[]) {
  const model = scriptOf(lines)
  const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools, retries: 0 }) })
  const session = await runtime.sessions.open('s')
  return { runtime, session, model }
}

test('a steer and a filter that come in the middle of a run are in the same next request, once', async () => {
  const tools = [
    named('read', async () => {
      await session.filterTools({ allow: ['write'] })
      await session.steer('and then this')
    }),
    named('write'),
  ]
  const { session, model } = await house([call('read'), done], tools)
  expect(await (await session.send('go')).result).toMatchObject({ text: 'done' })
  expect(shown(model)).toEqual(['read write', 'write'])
  expect(heard(model, 1).split('and then this')).toHaveLength(2)
})

test('a filter that hides every tool leaves a request without tools, and takes nothing back that was asked', async () => {
  const tools = [named('read', async () => void (await session.filterTools({ allow: [] }))), named('write')]
  const { session, model } = await house(
    [
      {
        calls: [
          { call: 'read', args: { place: 'x' } },
          { call: 'write', args: { place: 'x' } },
        ],
      },
      call('write'),
      done,
    ],
    tools,
  )
  expect(await (await session.send('go')).result).toMatchObject({ text: 'done' })
  expect(model.asked.map(({ tools: sent, toolChoice }) => [sent?.length, toolChoice?.type])).toEqual([
    [2, 'auto'],
    [undefined, undefined],
    [undefined, undefined],
  ])
  expect(heard(model, 1)).toContain('write ran')
  expect(heard(model, 2)).toContain('There is no tool named write. There are no tools.')
  expect((await session.tools()).tools.map(({ state }) => state)).toEqual(['hidden', 'hidden'])
  await session.filterTools({})
  await (await session.send('again')).result
  expect(shown(model).at(-1)).toBe('read write')
})

describe('load_tools', () => {
  test('says which names there are none of, which are hidden, and is content with what is loaded', async () => {
    const tools = [named('read'), deferred('archive'), deferred('secret')]
    const { session, model } = await house(
      [
        call('load_tools', { names: ['nothing', 'secret'] }),
        call('load_tools', { names: ['archive', 'nothing'] }),
        call('load_tools', { names: ['archive'] }),
        call('archive'),
        done,
      ],
      tools,
    )
    await session.filterTools({ deny: ['secret'] })
    expect(await (await session.send('go')).result).toMatchObject({ text: 'done' })
    expect(shown(model)).toEqual(['read load_tools', 'read load_tools', 'read archive', 'read archive', 'read archive'])
    expect(heard(model, 0)).not.toContain('secret')
    expect(heard(model, 1)).toContain('There is no tool to load that is named nothing or secret')
    expect(heard(model, 2)).toContain('There is no tool to load that is named nothing')
    expect(heard(model, 4)).toContain('archive ran')
  })

  test('twice in one step loads all that was asked, and a tool of that step that is not loaded yet is not there', async () => {
    const { runtime, session, model } = await house(
      [
        {
          calls: [
            { call: 'load_tools', args: { names: ['archive'] } },
            { call: 'load_tools', args: { names: ['secret', 'archive'] } },
            { call: 'archive', args: { place: 'x' } },
          ],
        },
        done,
      ],
      [named('read'), deferred('archive'), deferred('secret')],
    )
    await (await session.send('go')).result
    expect(shown(model)).toEqual(['read load_tools', 'read archive secret'])
    expect(heard(model, 1)).toContain('There is no tool named archive')
    const changed = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'tools.generation-changed')
    expect(changed).toHaveLength(1)
  })

  test('with nonsense is answered, and nothing is loaded', async () => {
    const { session, model } = await house(
      [
        call('load_tools', { names: [] }),
        call('load_tools', { names: 'archive' }),
        { call: 'load_tools', input: '{"names":' },
        call('load_tools', { names: Array.from({ length: 101 }, (_, n) => `t${n}`) }),
        done,
      ],
      [named('read'), deferred('archive')],
    )
    expect(await (await session.send('go')).result).toMatchObject({ text: 'done' })
    expect(new Set(shown(model))).toEqual(new Set(['read load_tools']))
  })
})

describe('the turns of a switch', () => {
  const failing = (): never => {
    throw new APICallError({ message: 'no', url: 'http://m', requestBodyValues: {}, statusCode: 400 })
  }
  const say = async (runtime: Runtime, content: string): Promise<unknown> =>
    (await (await runtime.sessions.open('s')).send(content)).result

  test('that fail for good are turns', async () => {
    const { executor, asked } = modelsById({ 'm/other': failing })
    const runtime = await start({ store: freshStore('memory'), executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    await session.switchModel('m/other', { turns: 2 })
    for (const n of ['1', '2', '3']) await say(runtime, n)
    expect(asked).toEqual(['m/other', 'm/other', 'm/own'])
  })

  test('that are cancelled are turns', async () => {
    const begun: (() => void)[] = []
    const { executor, asked } = modelsById({ 'm/other': () => new Promise<never>(() => begun.shift()?.()) })
    const runtime = await start({ store: freshStore('memory'), executor })
    const session = await runtime.sessions.open('s', { model: 'm/own' })
    await session.switchModel('m/other', { turns: 2 })
    for (let n = 0; n < 2; n++) {
      const reached = new Promise<void>(resolve => void begun.push(resolve))
      const sent = await session.send('go')
      await reached
      await session.cancel()
      await sent.result
    }
    await say(runtime, 'last')
    expect(asked).toEqual(['m/other', 'm/other', 'm/own'])
  })
})

test('a switch that waits for its approval when the runtime closes is not made, and may be asked for again', async () => {
  const store = freshStore('sqlite')
  const asked = Promise.withResolvers<void>()
  const first = modelsById(
    {},
    {
      approveSwitch: () => {
        asked.resolve()
        return new Promise<never>(() => {})
      },
    },
  )
  const runtime = await start({ store, executor: first.executor })
  await runtime.sessions.open('s', { model: 'm/own' })
  const waiting = failureOf(runtime.switchModel('s', { model: 'm/other', turns: 1 }))
  await asked.promise
  await runtime.close()
  expect((await waiting).code).toBe('store-unavailable')
  const next = modelsById({}, { approveSwitch: () => ({ type: 'approved' }) })
  const again = await start({ store, executor: next.executor })
  expect(await again.model('s')).toMatchObject({ source: 'baseline', recent: [] })
  expect(await again.switchModel('s', { model: 'm/other', turns: 1 })).toMatchObject({ pending: { model: 'm/other' } })
})

test('what a boundary committed holds for the next request, though the process dies before it', async () => {
  const path = freshPath()
  const reached = Promise.withResolvers<void>()
  const tools = [
    named('read', async () => {
      await session.filterTools({ allow: ['write', 'archive'] })
      await session.requestTools(['archive'])
      await session.switchModel('m/other', { turns: 1 })
      await session.steer('and then this')
    }),
    named('write'),
    deferred('archive'),
  ]
  const other = (): Promise<never> => {
    reached.resolve()
    return new Promise<never>(() => {})
  }
  const first = modelsById({ 'm/own': () => call('read'), 'm/other': other }, { tools })
  const runtime = await start({ store: sqlite(path), executor: first.executor, abortGraceMs: 1 })
  const session = await runtime.sessions.open('s', { model: 'm/own' })
  const { inputId } = await session.send('go')
  await reached.promise
  const copy = crashed(path)

  const prompts: string[] = []
  const noting =
    (id: string) =>
    (_: number, { prompt }: { readonly prompt: unknown }) => {
      prompts.push(JSON.stringify(prompt))
      return { say: id }
    }
  const second = modelsById({ 'm/other': noting('m/other') }, { tools })
  const next = await start({ store: sqlite(copy), executor: second.executor })
  expect(await next.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'm/other' } })
  await (await (await next.sessions.open('s')).send('then')).result
  expect(first.sent).toEqual(['m/own read write load_tools', 'm/other write archive'])
  expect(second.sent).toEqual(['m/other write archive', 'm/own write archive'])
  expect(prompts[0]?.split('and then this')).toHaveLength(2)
  expect(await next.audit('s')).toMatchObject({ ok: true })
})

test('a session that learnt of models is exported, imported and goes on', async () => {
  const capabilities = (id: string) => surface({ imageToolResults: id !== 'm/blind' })
  const tools = [named('read'), named('view_image')]
  const first = modelsById({}, { tools, capabilities })
  const store = freshStore('sqlite')
  const runtime = await start({ store, executor: first.executor })
  const session = await runtime.sessions.open('s', { model: 'm/own' })
  await (await session.send('one', { model: 'm/blind' })).result
  await runtime.close()
  const target = freshStore('sqlite')
  await imported(target, await linesOf(store))
  const second = modelsById({}, { tools })
  const next = await start({ store: target, executor: second.executor })
  await (await (await next.sessions.open('s')).send('two')).result
  expect([...first.sent, ...second.sent]).toEqual(['m/blind read', 'm/own read view_image'])
})

test('a steer that names a model has it asked from its boundary on, also by the next process', async () => {
  const path = freshPath()
  const reached = Promise.withResolvers<void>()
  const tools = [named('read', async () => void (await session.steer('better', { model: 'm/better' })))]
  const better = (): Promise<never> => {
    reached.resolve()
    return new Promise<never>(() => {})
  }
  const first = modelsById({ 'm/head': () => call('read'), 'm/better': better }, { tools })
  const runtime = await start({ store: sqlite(path), executor: first.executor, abortGraceMs: 1 })
  const session = await runtime.sessions.open('s', { model: 'm/own' })
  const { inputId } = await session.send('go', { model: 'm/head' })
  await reached.promise
  const copy = crashed(path)

  const second = modelsById({}, { tools })
  const next = await start({ store: sqlite(copy), executor: second.executor })
  expect(await next.wait('s', inputId, LONG_MS)).toMatchObject({ result: { text: 'm/better' } })
  await (await (await next.sessions.open('s')).send('then')).result
  expect([...first.asked, ...second.asked]).toEqual(['m/head', 'm/better', 'm/better', 'm/own'])
})

test('of inputs that share a run the newest that names a model has the say', async () => {
  const go = Promise.withResolvers<void>()
  const { executor, asked } = modelsById({ 'm/own': () => go.promise.then(() => ({ say: 'own' })) })
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('s', { model: 'm/own', merge: true })
  const sent = [await session.send('first')]
  sent.push(
    await session.send('a', { model: 'm/a' }),
    await session.send('b', { model: 'm/b' }),
    await session.send('c'),
  )
  go.resolve()
  const results = await Promise.all(sent.map(one => one.result))
  expect(results.map(({ text }) => text)).toEqual(['own', 'm/b', 'm/b', 'm/b'])
  expect(asked).toEqual(['m/own', 'm/b'])
})
