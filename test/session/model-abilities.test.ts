/** What the model of a request can do decides which tools it is shown: the model that is really asked, whoever has the say. */
import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/agent.ts'
import type { AgentOptions } from '../../src/executor/agent/agent-options.ts'
import type { AgentTool } from '../../src/executor/agent/tool.ts'
import type { CoreExecutor, Runtime } from '../../src/index.ts'
import type { SessionLlmCapabilitySurface } from '../../src/kernel/regions/llm/state.ts'
import { surface } from '../kernel/support/walk-models.ts'
import { lookup, start as startRun } from '../support/agent-run.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { eventsOf, freshStore, STORES, start } from './support.ts'
import { modelsById } from './support-models.ts'

const tools: readonly AgentTool[] = [
  lookup(() => 'read', { name: 'read' }),
  lookup(() => 'png', { name: 'view_image' }),
]
const SEES = 'read view_image'

/** What a model of such an id can do: `m/blind…` takes no images, `m/…` does, and of the others nobody knows. */
function abilities(id: string): SessionLlmCapabilitySurface | undefined {
  if (id.startsWith('m/unknown')) return undefined
  return surface({ imageToolResults: !id.startsWith('m/blind'), realtime: false })
}

const knowing = (lines: Parameters<typeof modelsById>[0] = {}, more: Partial<AgentOptions> = {}) =>
  modelsById(lines, { tools, capabilities: abilities, ...more })

const say = async (runtime: Runtime, sessionId: string, content: string, model?: string): Promise<unknown> =>
  (await (await runtime.sessions.open(sessionId)).send(content, model === undefined ? {} : { model })).result

function failing(): never {
  throw new APICallError({ message: 'no', url: 'http://m', requestBodyValues: {}, statusCode: 503 })
}

describe.each(STORES)('a request shows what its model can use (%s)', kind => {
  test("the input's model, and the session's own again after it", async () => {
    const { executor, sent } = knowing()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.sessions.open('s', { model: 'm/seeing' })
    await say(runtime, 's', 'one')
    await say(runtime, 's', 'two', 'm/blind')
    await say(runtime, 's', 'three')
    await say(runtime, 's', 'four', 'm/unknown')
    expect(sent).toEqual([`m/seeing ${SEES}`, 'm/blind read', `m/seeing ${SEES}`, `m/unknown ${SEES}`])
    const events = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'tools.generation-changed')
    expect(events.map(({ generation }) => generation)).toEqual([2, 3])
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
  })

  test('the model of a switch, for its turns; what the next turn shows is listed before it', async () => {
    const { executor, sent } = knowing({ 'm/blind': () => ({ call: 'read', args: { place: 'x' } }) })
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s', { model: 'm/seeing' })
    await session.switchModel('m/blind', { turns: 2 })
    await say(runtime, 's', 'one')
    expect(sent).toEqual(['m/blind read', 'm/blind read', `m/seeing ${SEES}`])
    expect(await session.model()).toMatchObject({ model: 'm/seeing', capabilities: abilities('m/seeing') })
    await session.switchModel('m/blind', { turns: 1 })
    await say(runtime, 's', 'two', 'm/blind')
    // The switch is still to come, to a model of which is known what it can do.
    expect((await session.tools()).tools.map(({ state }) => state)).toEqual(['visible', 'hidden'])
  })

  test('the default, where the session has no model of its own, and its own from when it gets one', async () => {
    const model = scriptOf([{ say: 'ok' }])
    const seen = (): unknown => model.asked.at(-1)?.tools?.map(({ name }) => name)
    const capabilities = (id: string) => (id === 'test/test/scripted' ? abilities('m/blind') : undefined)
    const runtime = await start({ store: freshStore(kind), executor: agent({ model, tools, capabilities }) })
    const session = await runtime.sessions.open('s')
    await say(runtime, 's', 'one')
    expect(seen()).toEqual(['read'])
    expect(await session.model()).toMatchObject({ source: 'default', capabilities: { imageToolResults: false } })
    expect((await session.tools()).tools.map(({ state }) => state)).toEqual(['visible', 'hidden'])
  })

  test('a model that stands in for one that failed, in the same turn and from then on, over a restart', async () => {
    const store = freshStore(kind)
    const fallback = ['m/unknown', 'm/blind']
    const first = knowing(
      { 'm/seeing': failing, 'm/unknown': failing, 'm/blind': n => (n === 3 ? { call: 'view_image' } : { say: 'ok' }) },
      { fallback },
    )
    const runtime = await start({ store, executor: first.executor })
    const session = await runtime.sessions.open('s', { model: 'm/seeing' })
    await say(runtime, 's', 'one')
    expect(first.sent).toEqual([`m/seeing ${SEES}`, `m/unknown ${SEES}`, 'm/blind read', 'm/blind read'])
    // What it was not shown it can't call, though the model that it stands in for was shown it.
    const failed = (await eventsOf(runtime, 's')).find(({ type }) => type === 'tool.failed')
    expect(failed).toMatchObject({ name: 'view_image', code: 'unknown-tool' })
    expect(await session.model()).toMatchObject({ standsIn: true, capabilities: { imageToolResults: false } })
    await runtime.close()

    const second = modelsById({}, { tools })
    const next = await start({ store, executor: second.executor })
    await say(next, 's', 'two')
    await next.setModel('s', { model: 'm/seeing' })
    await say(next, 's', 'three')
    expect(second.sent).toEqual(['m/blind read', `m/seeing ${SEES}`])
  })

  test('a model that stands in for one that can not be had', async () => {
    const { executor, sent } = knowing({}, { fallback: ['m/blind'] })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.sessions.open('s', { model: 'm/seeing' })
    await say(runtime, 's', 'one', 'gone/model')
    await say(runtime, 's', 'two')
    expect(sent).toEqual(['m/blind read', `m/seeing ${SEES}`])
  })
})

describe('what a model can do is learnt with its next request, where nobody knew it before', () => {
  test('by a session from before its executor knew, by its fork, and where the executor changes its mind', async () => {
    const store = freshStore('sqlite')
    const before = await start({ store, executor: modelsById({}, { tools }).executor })
    await before.sessions.open('s', { model: 'm/blind' })
    await say(before, 's', 'one')
    await before.close()

    const known = knowing()
    const runtime = await start({ store, executor: known.executor })
    expect(await runtime.model('s')).not.toHaveProperty('capabilities')
    await runtime.fork('s', { newSessionId: 'f' })
    await say(runtime, 'f', 'fork')
    await say(runtime, 's', 'two')
    expect(known.sent).toEqual(['m/blind read', 'm/blind read'])
    expect(await runtime.model('s')).toMatchObject({ capabilities: { imageToolResults: false } })
    await runtime.fork('s', { newSessionId: 'g' })
    expect(await runtime.model('g')).toMatchObject({ capabilities: { imageToolResults: false } })
    await runtime.close()

    const mended = knowing({}, { capabilities: () => abilities('m/seeing') })
    const last = await start({ store, executor: mended.executor })
    await say(last, 's', 'three')
    expect(mended.sent).toEqual([`m/blind ${SEES}`])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('away')
      },
    ],
    ['gives nonsense', () => ({ imageToolResults: false }) as never],
    ['fails later', () => Promise.reject(new Error('away'))],
    [
      'gives what can not be read',
      () =>
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('no')
            },
          },
        ) as never,
    ],
  ])('a program that %s says nothing, and nothing is held back', async (_, capabilities) => {
    const { executor, sent } = knowing({}, { capabilities })
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.sessions.open('s', { model: 'm/blind' })
    expect(await say(runtime, 's', 'one')).toMatchObject({ text: 'm/blind' })
    expect(sent).toEqual([`m/blind ${SEES}`])
  })

  test('a program that never says is not waited for', async () => {
    const model = scriptOf([{ say: 'ok' }])
    const asked = Promise.withResolvers<void>()
    const capabilities = (): Promise<never> => {
      asked.resolve()
      return new Promise<never>(() => {})
    }
    const executor = agent({ model, tools, capabilities })
    const run = startRun(executor)
    await asked.promise
    run.clock.advance(10_000)
    expect(await run.output).toMatchObject({ type: 'completed' })
    // Nor is it by the next run, while it owes its answer.
    expect(await startRun(executor).output).toMatchObject({ type: 'completed' })
    // Nor by a sender who asks for that model.
    expect(await executor.models?.()?.look?.('test/test/scripted', AbortSignal.abort())).toEqual({})
  })
})

describe('an executor of your own', () => {
  /** Asks one model in its first turns, and then another one. */
  const own = (
    called: readonly (object | undefined)[],
    seen: unknown[],
    more: Partial<CoreExecutor> = {},
  ): CoreExecutor => ({
    name: 'own',
    ...more,
    apply: async port => {
      for (const one of called) {
        await port.model()
        const { tools: shown, generation } = await port.tools([{ name: 'view_image' }], one)
        seen.push([generation, shown[0]?.state])
      }
      return { type: 'completed' }
    },
  })

  test('says which model its request goes to, and is shown what that can use', async () => {
    const seen: unknown[] = []
    const blind = { id: 'mine/blind', capabilities: abilities('m/blind') }
    const executor = own([undefined, blind, { id: 'mine/other' }, blind, {}], seen)
    const runtime = await start({ store: freshStore('memory'), executor })
    await (await (await runtime.sessions.open('s')).send('go')).result
    expect(seen).toEqual([
      [1, 'visible'],
      [2, 'hidden'],
      [3, 'visible'],
      [4, 'hidden'],
      [5, 'visible'],
    ])
  })

  test('that says nothing is shown what is known of the model that has the say', async () => {
    const seen: unknown[] = []
    const look = (id: string) => ({
      ...(id === 'mine/blind' && { capabilities: surface({ imageToolResults: false }) }),
    })
    const executor = own([undefined], seen, { models: () => ({ look }) })
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.sessions.open('s', { model: 'mine/blind' })
    await say(runtime, 's', 'one')
    await say(runtime, 's', 'two', 'mine/other')
    expect(seen.map(one => (one as unknown[])[1])).toEqual(['hidden', 'visible'])
  })

  test.each([[null], [7], [{ id: 7 }], [{ id: '' }]])('that names its model by %j is told so', async called => {
    const runtime = await start({ store: freshStore('memory'), executor: own([called as never], []) })
    const session = await runtime.sessions.open('s')
    await (await session.send('go')).result
    const events = await eventsOf(runtime, 's')
    expect(events.find(({ type }) => type === 'input.abandoned')).toMatchObject({ reason: 'max-attempts' })
  })
})
