/** Which tools a model is shown, and how people and the model itself change that: by what it was sent. */
import { MeerkatError } from 'meerkat-ts'
import { describe, expect, test } from 'vitest'
import { type AgentTool, agent } from '../../src/executor/agent/index.ts'
import type { Runtime } from '../../src/index.ts'
import { lookup, saying } from '../support/agent-run.ts'
import { type Line, type ScriptedModel, scriptOf } from '../support/scripted-model.ts'
import { eventsOf, freshStore, STORES, start } from './support.ts'

const PLACE = { place: 'x' }
const done: Line = { say: 'done' }
const call = (name: string, args: unknown = PLACE): Line => ({ call: name, args })

/** Tools that say when they are called. */
function toolsOf(called: string[] = [], ...names: readonly string[]): AgentTool[] {
  return names.map(name => lookup(place => `${name}: ${called.push(name)} ${place}`, { name, onLost: 'retry' }))
}
const deferred = (tool: AgentTool): AgentTool => ({
  ...tool,
  deferred: true,
  description: `${tool.name} is rare.\nMore.`,
})

function sent({ asked }: ScriptedModel): readonly (readonly string[])[] {
  return asked.map(({ tools = [] }) => tools.map(({ name }) => name))
}
/** What the model was told of its last calls. */
function toldLast({ asked }: ScriptedModel): string {
  return JSON.stringify(asked.at(-1)?.prompt.findLast(({ role }) => role === 'tool'))
}
async function say(runtime: Runtime, sessionId = 'a'): Promise<unknown> {
  return (await runtime.send(sessionId, { content: 'go', waitMs: 10_000 })).result
}
async function failureOf(act: Promise<unknown>): Promise<MeerkatError> {
  const error: unknown = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof MeerkatError) return error
  throw new Error('it did not fail as it should')
}
const statesOf = async (runtime: Runtime): Promise<unknown> =>
  (await runtime.tools('a')).tools.map(({ name, state }) => `${name} ${state}`)

describe.each(STORES)('on %s', kind => {
  test('a filter that is set while nothing runs holds from the next turn on, and a restart keeps it', async () => {
    const store = freshStore(kind)
    const model = scriptOf([done])
    const executor = agent({ model, tools: toolsOf([], 'read', 'write', 'send') })
    const runtime = await start({ store, executor })
    const session = await runtime.sessions.open('a')
    await say(runtime)
    expect(await session.filterTools({ deny: ['write'] })).toEqual({ revision: 1 })
    expect(await statesOf(runtime)).toEqual(['read visible', 'write hidden', 'send visible'])
    await say(runtime)
    await runtime.close()
    const next = await start({ store, executor })
    await say(next)
    expect(await next.filterTools('a', { allow: ['send', 'write'], deny: ['write'] })).toEqual({ revision: 2 })
    await say(next)
    expect(await next.filterTools('a')).toEqual({ revision: 3 })
    expect(await next.filterTools('a')).toEqual({ revision: 3 })
    await say(next)
    const all = ['read', 'write', 'send']
    expect(sent(model)).toEqual([all, ['read', 'send'], ['read', 'send'], ['send'], all])
  })

  test('a fork is shown what its source is', async () => {
    const model = scriptOf([done])
    const tools = [...toolsOf([], 'read', 'write', 'send'), ...toolsOf([], 'archive').map(deferred)]
    const runtime = await start({ store: freshStore(kind), executor: agent({ model, tools }) })
    await runtime.open({ sessionId: 'a', tools: ['read', 'write', 'archive'] })
    await say(runtime)
    await runtime.filterTools('a', { deny: ['write'] })
    await runtime.requestTools('a', { names: ['archive'] })
    await runtime.fork('a', { newSessionId: 'b' })
    await say(runtime, 'b')
    expect(sent(model).at(-1)).toEqual(['read', 'archive'])
    await runtime.filterTools('b')
    for (const id of ['b', 'a']) await say(runtime, id)
    expect(sent(model).slice(-2)).toEqual([
      ['read', 'write', 'archive'],
      ['read', 'archive'],
    ])
    expect(await runtime.audit('b')).toMatchObject({ ok: true })
  })

  test('a process that does not own the session sets one, too', async () => {
    const store = freshStore(kind === 'memory' ? 'sqlite' : kind)
    const model = scriptOf([call('read'), done])
    const asked = Promise.withResolvers<Runtime>()
    const read = lookup(async () => (await asked.promise).filterTools('a', { deny: ['write'] }), { name: 'read' })
    const owner = await start({ store, executor: agent({ model, tools: [read, ...toolsOf([], 'write')] }) })
    await owner.open({ sessionId: 'a' })
    const answer = say(owner)
    asked.resolve(
      await start({ store, executor: agent({ model, tools: toolsOf([], 'read', 'write') }), recover: false }),
    )
    expect(await answer).toMatchObject({ outcome: 'completed' })
    expect(sent(model)).toEqual([['read', 'write'], ['read']])
    expect(toldLast(model)).toContain('"revision":1')
  })
})

describe('a filter', () => {
  test('that is set in a run leaves the calls of its request, and holds from its next boundary on', async () => {
    const called: string[] = []
    const model = scriptOf([
      {
        calls: [
          { call: 'choose', args: PLACE },
          { call: 'write', args: PLACE },
        ],
      },
      call('write'),
      done,
    ])
    const choose = lookup(() => runtime.filterTools('a', { deny: ['write'] }), { name: 'choose' })
    const runtime: Runtime = await start({
      store: freshStore('memory'),
      executor: agent({ model, tools: [choose, ...toolsOf(called, 'write')] }),
    })
    await runtime.open({ sessionId: 'a' })
    expect(await say(runtime)).toMatchObject({ outcome: 'completed' })
    expect(sent(model)).toEqual([['choose', 'write'], ['choose'], ['choose']])
    expect(called).toEqual(['write'])
    expect(toldLast(model)).toContain('There is no tool named write. The tools are: choose.')
    const events = await eventsOf(runtime, 'a')
    expect(events.filter(({ type }) => type === 'tools.generation-changed')).toMatchObject([{ generation: 2 }])
    expect(events).toContainEqual(expect.objectContaining({ type: 'tool.failed', name: 'write', code: 'unknown-tool' }))
    expect((await runtime.tools('a')).generation).toBe(2)
  })

  test('that names a tool there is none of is refused, with those that there are', async () => {
    const executor = agent({ model: scriptOf([done]), tools: toolsOf([], 'read') })
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.open({ sessionId: 'a' })
    const error = await failureOf(runtime.filterTools('a', { deny: ['reed'] }))
    expect(error).toMatchObject({ code: 'invalid-params', message: 'there is no tool named reed; they are: read' })
    expect(error.details).toMatchObject({ issues: [{ path: 'deny', message: 'is no tool: reed' }] })
    expect(await failureOf(runtime.requestTools('a', { names: ['read'] }))).toMatchObject({
      message: 'there is no deferred tool named read; none is known',
    })
    expect(await failureOf(runtime.filterTools('b', { deny: ['read'] }))).toMatchObject({ code: 'session-not-found' })
  })

  test('of tools that nobody has listed yet is taken, and holds when they come', async () => {
    const model = scriptOf([done])
    const tools = [...toolsOf([], 'a', 'b'), deferred(lookup(undefined, { name: 'c' }))]
    const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools: () => tools }) })
    await runtime.open({ sessionId: 'a' })
    await runtime.filterTools('a', { deny: ['b', 'z'] })
    await runtime.requestTools('a', { names: ['c'] })
    await say(runtime)
    expect(sent(model)).toEqual([['a', 'c']])
  })

  test('of a stopped session holds when it is resumed', async () => {
    const model = scriptOf([done])
    const runtime = await start({
      store: freshStore('memory'),
      executor: agent({ model, tools: toolsOf([], 'a', 'b') }),
    })
    await runtime.open({ sessionId: 'a' })
    await runtime.control('a', 'stop')
    await runtime.filterTools('a', { allow: ['b'] })
    await runtime.control('a', 'resume')
    await say(runtime)
    expect(sent(model)).toEqual([['b']])
  })

  test('of names outlasts that nobody offers them', async () => {
    const model = scriptOf([done])
    const offered = [toolsOf([], 'a', 'b'), toolsOf([], 'a'), toolsOf([], 'a', 'b', 'c')]
    const runtime = await start({
      store: freshStore('memory'),
      executor: agent({ model, tools: () => offered.shift() ?? [] }),
    })
    await runtime.open({ sessionId: 'a' })
    await say(runtime)
    await runtime.filterTools('a', { deny: ['b'] })
    await say(runtime)
    await say(runtime)
    expect(sent(model)).toEqual([['a', 'b'], ['a'], ['a', 'c']])
  })
})

describe('deferred tools', () => {
  test('are named to the model, and shown once it has loaded them', async () => {
    const called: string[] = []
    const [read, ...rare] = toolsOf(called, 'read', 'plan', 'pay')
    const model = scriptOf([call('plan'), call('load_tools', { names: ['plan', 'nope'] }), call('plan'), done])
    const tools = [read as AgentTool, ...rare.map(deferred)]
    const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools }) })
    await runtime.open({ sessionId: 'a' })
    expect(await statesOf(runtime)).toEqual(['read visible', 'plan deferred', 'pay deferred'])
    expect(await say(runtime)).toMatchObject({ outcome: 'completed' })
    const before = ['read', 'load_tools']
    const after = ['read', 'plan', 'load_tools']
    expect(sent(model)).toEqual([before, before, after, after])
    const loaders = model.asked.map(({ tools: shown = [] }) => shown.find(({ name }) => name === 'load_tools'))
    expect(loaders[0]).toHaveProperty('description', saying(/- plan: plan is rare\.\n- pay: pay is rare\.$/))
    expect(loaders[2]).toHaveProperty('description', saying(/They are:\n- pay: pay is rare\.$/))
    expect(JSON.stringify(model.asked[1]?.prompt)).toContain(
      'There is no tool named plan. The tools are: read, load_tools.',
    )
    expect(JSON.stringify(model.asked[2]?.prompt)).toContain('There is no tool to load that is named nope.')
    expect(called).toEqual(['plan'])
    expect(await statesOf(runtime)).toEqual(['read visible', 'plan visible', 'pay deferred'])
    expect(await runtime.requestTools('a', { names: ['pay'] })).toEqual({ revision: 2 })
    await say(runtime)
    expect(sent(model).at(-1)).toEqual(['read', 'plan', 'pay'])
  })

  test('that do not exist, and what is no list of names, are told to the model', async () => {
    const model = scriptOf([call('load_tools', { names: ['nope'] }), call('load_tools', { names: 'plan' }), done])
    const tools = toolsOf([], 'plan').map(deferred)
    const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools }) })
    await runtime.open({ sessionId: 'a' })
    expect(await say(runtime)).toMatchObject({ outcome: 'completed' })
    expect(JSON.stringify(model.asked[1]?.prompt)).toContain(
      'There is no tool to load that is named nope. The tools to load are:',
    )
    expect(toldLast(model)).toContain('names must be a list of 1 to 100 names of tools')
  })

  test('are not loaded past a filter', async () => {
    const model = scriptOf([call('load_tools', { names: ['pay'] }), done])
    const tools = toolsOf([], 'plan', 'pay').map(deferred)
    const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools }) })
    await runtime.open({ sessionId: 'a' })
    await runtime.filterTools('a', { deny: ['pay'] })
    await say(runtime)
    expect(JSON.stringify(sent(model))).not.toContain('pay')
    expect(toldLast(model)).toContain('There is no tool to load that is named pay.')
    expect(await statesOf(runtime)).toEqual(['plan deferred', 'pay hidden'])
  })
})

describe('a session that names its tools', () => {
  test('has only those, until it is updated', async () => {
    const model = scriptOf([done])
    const executor = agent({ model, tools: toolsOf([], 'a', 'b', 'c') })
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.open({ sessionId: 'a', tools: ['a', 'b'] })
    expect(await statesOf(runtime)).toEqual(['a visible', 'b visible', 'c hidden'])
    await say(runtime)
    await runtime.filterTools('a', { deny: ['b'] })
    await say(runtime)
    await runtime.update('a', { tools: ['b', 'c'] })
    await say(runtime)
    await runtime.update('a', { tools: null })
    await say(runtime)
    await runtime.update('a', { tools: [] })
    await say(runtime)
    expect(sent(model)).toEqual([['a', 'b'], ['a'], ['c'], ['a', 'c'], []])
  })
})

test('a session names its tools also where a function gives them', async () => {
  const model = scriptOf([done])
  const executor = agent({ model, tools: () => toolsOf([], 'a', 'b') })
  const runtime = await start({ store: freshStore('memory'), executor })
  await runtime.open({ sessionId: 'a', tools: ['b', 'c'] })
  await say(runtime)
  expect(sent(model)).toEqual([['b']])
})

test('a session whose tools stay what they are is told of them once', async () => {
  const model = scriptOf([call('a'), call('a'), done])
  const runtime = await start({ store: freshStore('memory'), executor: agent({ model, tools: toolsOf([], 'a') }) })
  await runtime.open({ sessionId: 'a' })
  await say(runtime)
  await say(runtime)
  expect((await runtime.tools('a')).generation).toBe(1)
  expect((await eventsOf(runtime, 'a')).filter(({ type }) => type.startsWith('tools.'))).toEqual([])
})
