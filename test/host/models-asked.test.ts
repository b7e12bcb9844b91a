/** What a host decides about a session's model is what its agent asks. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { createRuntime } from '../../src/index.ts'
import type { AgentRuntimeId } from '../../src/kernel/ids.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { freshPath } from '../session/support.ts'
import { looking, modelsById } from '../session/support-models.ts'
import { lookup } from '../support/agent-run.ts'
import { ABLE, ephemeral, S } from './support/machines.ts'

const IMAGE = { model: 'm/image', realtime: false }

async function house() {
  const models = modelsById()
  const machine = await ephemeral()
  await machine.registerSessionWithExecutor(S, models.executor)
  const { modelRouting, epochId } = await machine.prepareBindings(S)
  const placement = { runtimeId: 'host' as AgentRuntimeId, fence: 1, generation: 1 }
  await machine.prepareBindings(S, { ...placement, ...(epochId && { epochId }) })
  const { runtime } = machine
  const say = async (content: string, model?: string) => {
    const sent = await runtime.send(S, { content, waitMs: 10_000, ...(model !== undefined && { model }) })
    return sent.result?.text
  }
  return { ...models, machine, runtime, modelRouting, say }
}

describe('the agent of a session that a host keeps', () => {
  test('asks the model that the host names, and every surface shows it', async () => {
    const { machine, runtime, say, asked } = await house()
    await machine.models.hydrateSessionLlmState(S, { identity: { provider: 'm', model: 'named' } })
    await say('one')
    machine.models.setSessionLlmReconfigureHost({ resolveCapabilitySurface: () => Promise.resolve(ABLE) })
    await machine.models.reconfigureSessionLlmIdentity(S, { provider: 'm', model: 'better' })
    await say('two')
    expect(await runtime.get(S)).toMatchObject({ model: 'm/better' })
    expect(await runtime.model(S)).toMatchObject({ own: 'm/better', capabilities: ABLE })
    await machine.models.configureModelRoutingBaseline(S, { model: 'm/base', realtime: false })
    await say('three')
    expect(await runtime.get(S)).toMatchObject({ model: 'm/base' })
    await runtime.setModel(S, { model: 'm/set' })
    await say('four')
    expect(machine.models.sessionModelRoutingStatus(S)).toMatchObject({ effective: { model: 'm/set' } })
    expect(asked).toEqual(['m/named', 'm/better', 'm/base', 'm/set'])
  })

  test('asks the model of an image operation until that is restored, before all others', async () => {
    const { machine, runtime, modelRouting, asked } = await house()
    await runtime.setModel(S, { model: 'm/own' })
    await runtime.switchModel(S, { model: 'm/other', turns: 1 })
    await modelRouting.beginImageOperation({ operationId: 'i', target: IMAGE, requiresScopedOverride: true })
    await machine.models.activateImageOperationOverride(S, 'i', IMAGE)
    // An override lasts no longer than the run that it came up in; this one begins before any.
    const first = await runtime.send(S, { content: 'one', model: 'm/named', waitMs: 10_000 })
    expect(first.result?.text).toBe('m/image')
    expect(await runtime.model(S)).toMatchObject({ source: 'baseline', pending: { model: 'm/other' } })
    await runtime.send(S, { content: 'two', waitMs: 10_000 })
    await runtime.send(S, { content: 'three', waitMs: 10_000 })
    expect(asked).toEqual(['m/image', 'm/other', 'm/own'])
  })

  test('goes back to the model before it in the middle of a run, once the operation is over', async () => {
    const machine = await ephemeral()
    const restored: unknown[] = []
    const draw = looking(async () => {
      const observation = { type: 'generated' } as const
      const { models: host } = machine
      await host.classifyImageOperationTerminal(S, { operationId: 'i', observation, providerText: 'keep' })
      await host.completeImageOperation(S, { operationId: 'i', terminal: 'generated' })
      restored.push(await host.restoreImageOperationOverride(S, 'i'))
    })
    const models = modelsById({ 'm/image': () => ({ call: 'look' }) }, { tools: [draw] })
    await machine.registerSessionWithExecutor(S, models.executor)
    await machine.runtime.setModel(S, { model: 'm/own' })
    const { modelRouting } = await machine.prepareBindings(S)
    await modelRouting.beginImageOperation({ operationId: 'i', target: IMAGE, requiresScopedOverride: true })
    await machine.models.activateImageOperationOverride(S, 'i', IMAGE)
    const sent = await machine.runtime.send(S, { content: 'draw', waitMs: 10_000 })
    expect(sent.result?.text).toBe('m/own')
    expect(restored).toEqual([true])
    expect(models.asked).toEqual(['m/image', 'm/own'])
    expect(await machine.runtime.model(S)).toMatchObject({
      source: 'baseline',
      recent: [{ type: 'image', id: 'i', outcome: 'generated' }],
    })
  })

  test('shows what the model of an image operation can use, and of its own again', async () => {
    const tools = ['read', 'view_image'].map(name => lookup(() => name, { name }))
    const capabilities = (id: string) => ({ ...ABLE, imageToolResults: id !== 'm/image' })
    const models = modelsById({}, { tools, capabilities })
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, models.executor)
    await machine.runtime.setModel(S, { model: 'm/own' })
    const { modelRouting } = await machine.prepareBindings(S)
    await modelRouting.beginImageOperation({ operationId: 'i', target: IMAGE, requiresScopedOverride: true })
    await machine.models.activateImageOperationOverride(S, 'i', IMAGE)
    await machine.runtime.send(S, { content: 'draw', model: 'm/named', waitMs: 10_000 })
    await machine.runtime.send(S, { content: 'look', waitMs: 10_000 })
    expect(models.sent).toEqual(['m/image read', 'm/own read view_image'])
  })

  test('is sent the pictures of the history and of the input, whichever model an image operation has asked', async () => {
    const prompts: string[] = []
    const noting = (_: number, { prompt }: { readonly prompt: unknown }) => {
      prompts.push(JSON.stringify(prompt))
      return { say: 'seen' }
    }
    const models = modelsById({ 'm/image': noting })
    const machine = await MeerkatMachine.persistent(sqlite(freshPath()))
    onTestFinished(() => machine.close())
    await machine.registerSessionWithExecutor(S, models.executor)
    await machine.runtime.setModel(S, { model: 'm/own' })
    const { modelRouting } = await machine.prepareBindings(S)
    const picture = (data: string) => [{ type: 'file' as const, mediaType: 'image/png', data }]
    await machine.runtime.send(S, { content: picture('iVBORw0KGgo='), waitMs: 10_000 })
    await modelRouting.beginImageOperation({ operationId: 'i', target: IMAGE, requiresScopedOverride: true })
    await machine.models.activateImageOperationOverride(S, 'i', IMAGE)
    await machine.runtime.send(S, { content: picture('aW5wdXQ='), waitMs: 10_000 })
    expect(models.asked).toEqual(['m/own', 'm/image'])
    expect(prompts).toHaveLength(1)
    for (const data of ['iVBORw0KGgo=', 'aW5wdXQ=']) expect(prompts[0]).toContain(data)
  })

  test('shows what the baseline can use that its host sets, of which nothing is known', async () => {
    const tools = [lookup(() => 'png', { name: 'view_image' })]
    const models = modelsById({}, { tools })
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, models.executor)
    const identity = { provider: 'm', model: 'blind' }
    await machine.models.hydrateSessionLlmState(S, { identity, surface: { ...ABLE, imageToolResults: false } })
    await machine.runtime.send(S, { content: 'one', waitMs: 10_000 })
    await machine.models.configureModelRoutingBaseline(S, { model: 'm/base', realtime: false })
    expect(await machine.runtime.model(S)).not.toHaveProperty('capabilities')
    await machine.runtime.send(S, { content: 'two', waitMs: 10_000 })
    expect(models.sent).toEqual(['m/blind', 'm/base view_image'])
  })

  test('is attached to realtime where a model that any door names can do that', async () => {
    const models = modelsById({}, { capabilities: id => ({ ...ABLE, realtime: id === 'm/voice' }) })
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, models.executor)
    await machine.prepareBindings(S)
    await machine.runtime.setModel(S, { model: 'm/voice' })
    await expect.poll(() => machine.realtime.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
    await machine.runtime.setModel(S, { model: 'm/text' })
    await expect.poll(() => machine.realtime.realtimeAttachmentStatus(S)).toBe('Unattached')
  })
})

test('a session that its host leaves has the model of its options for whoever comes next', async () => {
  const models = modelsById()
  const runtime = await createRuntime({ executor: models.executor })
  const machine = await MeerkatMachine.over(runtime)
  await runtime.sessions.open(S, { model: 'm/own' })
  await machine.registerSession(S)
  await machine.unregisterSession(S)
  const sent = await runtime.send(S, { content: 'hi', waitMs: 10_000 })
  expect(sent.result?.text).toBe('m/own')
  expect(await runtime.audit(S)).toMatchObject({ ok: true })
  await runtime.close()
})
