/** The shipped agent in a host's hands: what its model is sent after the host's handles have had their say. */
import { describe, expect, test } from 'vitest'
import { type AgentTool, agent } from '../../src/executor/agent/index.ts'
import type { ExternalToolSurfaceHandle } from '../../src/handles/external-tool-surface.ts'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { SurfaceId } from '../../src/kernel/ids.ts'
import { blind, seeing } from '../kernel/support/model-sessions.ts'
import { eventsOf } from '../session/support.ts'
import { lookup } from '../support/agent-run.ts'
import { type Line, type ScriptedModel, scriptOf } from '../support/scripted-model.ts'
import { ephemeral, S } from './support/machines.ts'

const A = 'a' as SurfaceId
const B = 'b' as SurfaceId
const done: Line = { say: 'done' }
const call = (name: string): Line => ({ call: name, args: { place: 'x' } })

const named = (name: string, execute?: () => unknown): AgentTool => lookup(execute ?? (() => `${name} ran`), { name })
const through = (surface: SurfaceId, name: string, execute?: () => unknown): AgentTool => ({
  ...named(name, execute ?? (() => `${surface}'s ${name} ran`)),
  surface,
})

function sent({ asked }: ScriptedModel): readonly (readonly string[])[] {
  return asked.map(({ tools = [] }) => tools.map(({ name }) => name))
}
function told({ asked }: ScriptedModel): string {
  return JSON.stringify(asked.at(-1)?.prompt)
}

interface House {
  readonly machine: MeerkatMachine
  readonly model: ScriptedModel
  readonly say: () => Promise<unknown>
}

async function house(
  lines: readonly Line[],
  tools: () => readonly AgentTool[],
  how: 'model' | 'factory' = 'model',
): Promise<House> {
  const machine = await ephemeral()
  const model = scriptOf(lines)
  await machine.registerSessionWithExecutor(S, agent({ model: how === 'model' ? model : () => model, tools }))
  const say = async (): Promise<unknown> => {
    const { status, result } = await machine.runtime.send(S, { content: 'go', waitMs: 10_000 })
    expect(status).toBe('consumed')
    return result
  }
  return { machine, model, say }
}

/** The connection that a surface waits for is made, with these tools. */
async function connect(handle: ExternalToolSurfaceHandle, id: SurfaceId, tools: readonly string[]): Promise<void> {
  const { pendingTaskSequence = 0, pendingLineageSequence: stagedIntentSequence = 0 } = handle.surfaceSnapshot(id) ?? {}
  await handle.markPendingSucceeded(id, { pendingTaskSequence, stagedIntentSequence, nowMs: Date.now(), tools })
}
async function boundary(handle: ExternalToolSurfaceHandle, id: SurfaceId): Promise<void> {
  const { stagedIntentSequence = 0 } = handle.surfaceSnapshot(id) ?? {}
  await handle.applyBoundary(id, { nowMs: Date.now(), stagedIntentSequence, appliedAtTurn: 0 })
}
/** A surface that is there before the next run: its own boundary is the start of a run, or the host's. */
async function added(handle: ExternalToolSurfaceHandle, id: SurfaceId, tools: readonly string[]): Promise<void> {
  await handle.stageAdd(id)
  await boundary(handle, id)
  await connect(handle, id, tools)
}

describe('an overlay', () => {
  test('is obeyed by the run there is, and ends with it', async () => {
    const { machine, model, say } = await house([call('read'), done], () => [narrow, named('write')])
    const narrow = named('read', () => toolVisibilityOwner.setTurnToolOverlay({ allow: ['read'], deny: [] }))
    const { toolVisibilityOwner } = await machine.prepareBindings(S)
    await say()
    await say()
    expect(sent(model)).toEqual([['read', 'write'], ['read'], ['read', 'write']])
    const changed = (await eventsOf(machine.runtime, S)).filter(({ type }) => type === 'tools.generation-changed')
    expect(changed.map(({ generation }) => generation)).toEqual([2, 3])
  })
})

test('a model that takes no images as results is shown no view_image of a surface, whoever has the bare name', async () => {
  const { machine, model, say } = await house(
    [done],
    () => [through(A, 'view_image'), named('view_image'), through(B, 'view_image'), through(B, 'list')],
    'factory',
  )
  const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
  await added(surfaces, A, ['view_image'])
  await added(surfaces, B, ['view_image', 'list'])
  await machine.models.hydrateSessionLlmState(S, blind)
  await say()
  await machine.models.hydrateSessionLlmState(S, seeing)
  await say()
  expect(sent(model)).toEqual([['list'], ['a__view_image', 'view_image', 'b__view_image', 'list']])
})

test('a model that takes no images as results is shown no view_image', async () => {
  const { machine, model, say } = await house([done], () => [named('view_image'), named('read')], 'factory')
  await machine.models.hydrateSessionLlmState(S, blind)
  await say()
  await machine.models.hydrateSessionLlmState(S, seeing)
  await say()
  expect(sent(model)).toEqual([['read'], ['view_image', 'read']])
})

describe('a filter of a host', () => {
  const OTHERS = { name: 'read', kind: 'mcp', sourceId: 'files' } as const

  test("holds for the tool of the provider that it names, and hides another's", async () => {
    const { machine, model, say } = await house([done], () => [named('read'), named('write'), through(A, 'list')])
    const { toolVisibilityOwner: owner, externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await added(surfaces, A, ['list'])
    await owner.replaceFilterToolAuthorityCatalog([OTHERS, { name: 'list', kind: 'mcp', sourceId: 'files' }])
    await owner.stagePersistentFilter({ type: 'allow', names: ['read', 'list'] }, [
      OTHERS,
      { name: 'list', kind: 'mcp', sourceId: 'files' },
    ])
    await say()
    // The executor's own tools are whose the catalogue says; a surface's are its own.
    expect(sent(model)).toEqual([['read']])
  })
})

describe('a surface', () => {
  test('that is added comes between boundaries, and goes', async () => {
    const { machine, model, say } = await house([call('add'), call('seen'), call('list'), call('remove'), done], () => [
      named('add', () => surfaces.stageAdd(A)),
      named('seen', () => connect(surfaces, A, ['list'])),
      named('remove', () => surfaces.stageRemove(A)),
      through(A, 'list'),
    ])
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await say()
    const own = ['add', 'seen', 'remove']
    expect(sent(model)).toEqual([own, own, [...own, 'list'], [...own, 'list'], own])
    expect(told(model)).toContain("a's list ran")
    await say()
    expect(surfaces.surfaceSnapshot(A)).toMatchObject({ baseState: 'Removed', inflightCalls: 0 })
    expect(surfaces.snapshotAlignedEpoch()).toBe(surfaces.snapshotEpoch())
    const events = await eventsOf(machine.runtime, S)
    const surfaceEvents = events.filter(({ type }) => type.startsWith('tools.'))
    expect(surfaceEvents.map(({ type, phase }) => (typeof phase === 'string' ? `${type} ${phase}` : type))).toEqual([
      'tools.connection-wanted',
      'tools.surface-changed Pending',
      'tools.surface-changed Applied',
      'tools.generation-changed',
      'tools.surface-changed Draining',
      'tools.generation-changed',
      'tools.connection-unused',
      'tools.surface-changed Applied',
    ])
  })

  test('of two that have a tool of one name the elder has the name, and both can be called', async () => {
    const { machine, model, say } = await house([call('read'), call('b__read'), call('a__list'), done], () => [
      through(B, 'read'),
      named('list'),
      through(A, 'read'),
      through(A, 'list'),
    ])
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await added(surfaces, A, ['read', 'list'])
    await added(surfaces, B, ['read'])
    await say()
    expect(sent(model)[0]).toEqual(['b__read', 'list', 'read', 'a__list'])
    for (const ran of ["a's read ran", "b's read ran", "a's list ran"]) expect(told(model)).toContain(ran)
    await machine.runtime.filterTools(S, { deny: ['b.read', 'a.list', 'a.read'] })
    await say()
    expect(sent(model).at(-1)).toEqual(['list'])
    await surfaces.stageRemove(A)
    await say()
    // What was denied by its whole name stays denied when it gets the bare one.
    expect(sent(model).at(-1)).toEqual(['list'])
  })

  test('is shown under names that providers take, each once', async () => {
    const odd = 'mcp:a' as SurfaceId
    const { machine, model, say } = await house([call('mcp_a__read'), done], () => [
      named('read'),
      named('a__read'),
      through(A, 'read'),
      through(odd, 'read'),
    ])
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await added(surfaces, A, ['read'])
    await added(surfaces, odd, ['read'])
    await say()
    expect(sent(model)[0]).toEqual(['read', 'a__read', 'mcp_a__read'])
    expect(told(model)).toContain("mcp:a's read ran")
  })

  test('has its calls counted, and the catalogue of a reload is another generation', async () => {
    const during: unknown[] = []
    const { machine, model, say } = await house(
      [
        { calls: [{ call: 'reload', args: { place: 'x' } }] },
        { calls: [{ call: 'list', args: { place: 'x' } }] },
        done,
      ],
      () => [
        named('reload', async () => {
          await surfaces.stageReload(A)
        }),
        through(A, 'list', () => during.push(surfaces.surfaceSnapshot(A)?.inflightCalls)),
      ],
    )
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await added(surfaces, A, ['list'])
    const before = (await machine.runtime.tools(S)).generation
    await say()
    expect(during).toEqual([1])
    expect(surfaces.surfaceSnapshot(A)).toMatchObject({ inflightCalls: 0, pendingOp: 'Reload' })
    await connect(surfaces, A, ['list'])
    await say()
    // A reload makes another generation, also of the same names.
    expect((await machine.runtime.tools(S)).generation).toBeGreaterThan(before)
    expect(sent(model).at(-1)).toEqual(['reload', 'list'])
  })

  test('that is removed while a call of it goes on is not shown any more, and closed when the call has ended', async () => {
    const during: unknown[] = []
    const { machine, model, say } = await house([call('list'), call('list'), done], () => [
      named('own'),
      through(A, 'list', async () => {
        await surfaces.stageRemove(A)
        await boundary(surfaces, A)
        const { baseState, inflightCalls } = surfaces.surfaceSnapshot(A) ?? {}
        during.push([baseState, inflightCalls])
        return "a's list ran"
      }),
    ])
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await added(surfaces, A, ['list'])
    await say()
    expect(during).toEqual([['Removing', 1]])
    expect(sent(model)).toEqual([['own', 'list'], ['own'], ['own']])
    expect(told(model)).toContain("a's list ran")
    expect(told(model)).toContain('There is no tool named list')
    expect(surfaces.surfaceSnapshot(A)).toMatchObject({ baseState: 'Removed', inflightCalls: 0 })
    const events = (await eventsOf(machine.runtime, S)).map(({ type }) => type)
    expect(events.indexOf('tools.connection-unused')).toBeGreaterThan(events.indexOf('tool.completed'))
  })

  test('whose connection is replaced while the model thinks answers its call as not made', async () => {
    const made: string[] = []
    const script = scriptOf([call('list'), call('list'), done])
    const model: ScriptedModel = {
      ...script,
      doStream: async options => {
        if (script.asked.length === 0) await replaced()
        return script.doStream(options)
      },
    }
    const machine = await ephemeral()
    const list = through(A, 'list', () => made.push('list'))
    await machine.registerSessionWithExecutor(S, agent({ model, tools: [list] }))
    const { externalToolSurface: surfaces } = await machine.prepareBindings(S)
    const replaced = async (): Promise<void> => {
      await surfaces.stageReload(A)
      await boundary(surfaces, A)
      await connect(surfaces, A, ['list'])
    }
    await added(surfaces, A, ['list'])
    await machine.runtime.send(S, { content: 'go', waitMs: 10_000 })
    expect(JSON.stringify(model.asked[1]?.prompt)).toContain(
      'The call was not made: a has another connection now, or none.',
    )
    expect(made).toEqual(['list'])
    expect((await eventsOf(machine.runtime, S)).find(({ type }) => type === 'tool.failed')).toMatchObject({
      code: 'tool-unavailable',
    })
  })
})
