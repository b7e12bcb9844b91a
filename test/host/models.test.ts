/** The models and tools of a machine's sessions, as a host changes them, and what of it a restart leaves. */
import { MeerkatError } from 'meerkat-ts'
import { ManualClock } from 'meerkat-ts/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { type MachineOptions, MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { SessionLlmReconfigureHost, StickyModelFallback } from '../../src/host/models.ts'
import type { AgentRuntimeId, RunId, SessionId } from '../../src/kernel/ids.ts'
import type { SessionLlmCapabilitySurface, SessionLlmIdentity } from '../../src/kernel/regions/llm/state.ts'
import type { ModelTarget } from '../../src/kernel/regions/routing/state.ts'
import type { ToolAuthority } from '../../src/kernel/regions/visibility/state.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { blind, seeing } from '../kernel/support/model-sessions.ts'
import { freshPath } from '../store/support/files.ts'

const S = 's' as SessionId
const SEEING: SessionLlmIdentity = seeing.identity
const BLIND: SessionLlmIdentity = blind.identity
const FAST: ModelTarget = { model: 'fast', realtime: false }
const WRITE: ToolAuthority = { name: 'write', kind: 'mcp', sourceId: 'files' }
const SEARCH: ToolAuthority = { name: 'search', kind: 'mcp', sourceId: 'files' }

const KNOWN = new Map([seeing, blind].map(({ identity, surface }) => [identity.model, surface]))
/** Knows the two models that tests change between. */
const knowing: SessionLlmReconfigureHost = {
  resolveCapabilitySurface: async (_, { model }) => KNOWN.get(model),
}

const open: MeerkatMachine[] = []
async function machineOf(path?: string, options: MachineOptions = {}): Promise<MeerkatMachine> {
  const opening =
    path === undefined ? MeerkatMachine.ephemeral(options) : MeerkatMachine.persistent(sqlite(path), options)
  const machine = await opening
  open.push(machine)
  await machine.registerSession(S)
  machine.models.setSessionLlmReconfigureHost(knowing)
  return machine
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(machine => machine.close()))
})

/** Serves a session that is asked nothing. */
const idle: CoreExecutor = {
  name: 'idle',
  apply: () => Promise.reject(new Error('nobody asked anything')),
}

async function failure(act: Promise<unknown>): Promise<MeerkatError> {
  try {
    await act
  } catch (error) {
    if (error instanceof MeerkatError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** Answers a question when it is told to. */
function slow(): SessionLlmReconfigureHost & {
  readonly asked: Promise<AbortSignal>
  readonly answer: (surface?: SessionLlmCapabilitySurface) => void
} {
  const asked = Promise.withResolvers<AbortSignal>()
  const answer = Promise.withResolvers<SessionLlmCapabilitySurface | undefined>()
  return {
    asked: asked.promise,
    answer: answer.resolve,
    resolveCapabilitySurface: (_, __, signal) => {
      asked.resolve(signal)
      return answer.promise
    },
  }
}

describe('the model that serves a session', () => {
  test('is changed with what it can do, and the plan says what that changes', async () => {
    const { models } = await machineOf()
    expect(models.resolvedSessionLlmCapabilities(S)).toBeUndefined()
    await models.hydrateSessionLlmState(S, seeing)
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(seeing.surface)
    const plan = await models.reconfigureSessionLlmIdentity(S, BLIND)
    expect(plan).toEqual({
      previousSurface: seeing.surface,
      currentSurface: blind.surface,
      capabilityChanged: true,
      previousBaseFilter: { type: 'all' },
      currentBaseFilter: { type: 'deny', names: ['view_image'] },
      committedVisibleSetChanged: true,
      activeVisibilityRevision: 1,
    })
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(blind.surface)
  })

  test('moves the baseline with it, once there is one', async () => {
    const { models } = await machineOf()
    await models.hydrateSessionLlmState(S, seeing)
    await models.configureModelRoutingBaseline(S, { model: 'seeing', realtime: true })
    await models.reconfigureSessionLlmIdentity(S, BLIND)
    expect(models.sessionModelRoutingStatus(S).effective).toEqual({ model: 'blind', realtime: false })
  })

  test('is not changed by who saw another one: the session can be used meanwhile, and the second is refused', async () => {
    const { models } = await machineOf()
    await models.hydrateSessionLlmState(S, { identity: { provider: 'p', model: 'first' } })
    const host = slow()
    models.setSessionLlmReconfigureHost(host)
    const late = failure(models.reconfigureSessionLlmIdentity(S, SEEING))
    await host.asked
    models.setSessionLlmReconfigureHost(knowing)
    await models.reconfigureSessionLlmIdentity(S, BLIND)
    host.answer(seeing.surface)
    expect(await late).toMatchObject({
      code: 'conflict',
      retryable: true,
      details: { model: 'seeing', current: BLIND },
    })
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(blind.surface)
  })

  test('stays if its registration ends while the other one is looked up', async () => {
    const machine = await machineOf()
    const host = slow()
    machine.models.setSessionLlmReconfigureHost(host)
    const late = failure(machine.models.reconfigureSessionLlmIdentity(S, SEEING))
    await host.asked
    await machine.unregisterSession(S)
    await machine.registerSession(S)
    host.answer(seeing.surface)
    expect(await late).toMatchObject({ code: 'rejected' })
    expect(machine.models.resolvedSessionLlmCapabilities(S)).toBeUndefined()
  })

  test('stays if nobody knows the other one, or can say so, or does in time', async () => {
    const clock = new ManualClock()
    const { models } = await machineOf(undefined, { clock })
    await models.hydrateSessionLlmState(S, seeing)
    const unheardOf = { provider: 'p', model: 'unheard-of' }
    const change = (): Promise<MeerkatError> => failure(models.reconfigureSessionLlmIdentity(S, unheardOf))
    expect(await change()).toMatchObject({ code: 'rejected', details: unheardOf })
    models.setSessionLlmReconfigureHost({
      resolveCapabilitySurface: () => Promise.reject(new Error('the catalogue is gone')),
    })
    const failed = await change()
    expect(failed.code).toBe('rejected')
    expect(failed.message).toContain('the catalogue is gone')
    const host = slow()
    models.setSessionLlmReconfigureHost(host)
    const late = change()
    const signal = await host.asked
    clock.advance(30_000)
    expect(await late).toMatchObject({ code: 'rejected', retryable: true })
    expect(signal.aborted).toBe(true)
    models.setSessionLlmReconfigureHost(undefined)
    expect((await change()).code).toBe('unsupported')
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(seeing.surface)
  })

  test('of a session that is served is changed where it is placed, and realtime goes with it', async () => {
    const machine = await machineOf()
    const { models, realtime } = machine
    await models.hydrateSessionLlmState(S, blind)
    await machine.registerSessionWithExecutor(S, idle)
    expect((await failure(models.reconfigureSessionLlmIdentity(S, SEEING))).code).toBe('rejected')
    const { epochId } = await machine.prepareBindings(S)
    await machine.prepareBindings(S, {
      runtimeId: 'host' as AgentRuntimeId,
      fence: 1,
      generation: 1,
      ...(epochId && { epochId }),
    })
    await models.reconfigureSessionLlmIdentity(S, SEEING)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
    await models.reconfigureSessionLlmIdentity(S, BLIND)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('Unattached')
  })

  test('is of a registered session', async () => {
    const { models } = await machineOf()
    const other = 'other' as SessionId
    expect(() => models.resolvedSessionLlmCapabilities(other)).toThrow(expect.objectContaining({ code: 'not-ready' }))
    expect((await failure(models.reconfigureSessionLlmIdentity(other, SEEING))).code).toBe('not-ready')
  })
})

describe('what is asked of the machine', () => {
  test('reaches the handles of the session: a switch, its turns, its end', async () => {
    const machine = await machineOf()
    const { models } = machine
    const { modelRouting } = await machine.prepareBindings(S)
    const request = { requestId: 'r', target: FAST, turns: 1 }
    expect(await failure(models.requestSwitchTurn(S, request))).toMatchObject({
      code: 'rejected',
      details: { kind: 'guard-rejected' },
    })
    await models.configureModelRoutingBaseline(S, { model: 'base', realtime: false })
    expect(await models.requestSwitchTurn(S, request)).toBeUndefined()
    expect(await models.requestSwitchTurn(S, { ...request, requestId: 'q' })).toBe('scopedOverrideConflict')
    expect(await models.admitModelRoutingAssistantTurn(S)).toBe(true)
    expect(modelRouting.status().effective).toEqual(FAST)
    expect(await models.admitModelRoutingAssistantTurn(S)).toBe(true)
    expect(await models.admitModelRoutingAssistantTurn(S)).toBe(false)
    expect(await models.requestSwitchTurn(S, { requestId: 'l', target: FAST })).toBeUndefined()
    await models.completeUntilChangedSwitchTurn(S, 'l')
    expect(models.sessionModelRoutingStatus(S)).toMatchObject({ baseline: FAST, effective: FAST })
  })

  test('an image operation has its model asked and ends as it was seen', async () => {
    const { models } = await machineOf()
    const target = { model: 'painter', realtime: false }
    await models.configureModelRoutingBaseline(S, { model: 'base', realtime: false })
    const request = { operationId: 'i', target, requiresScopedOverride: true }
    expect(await models.beginImageOperation(S, request)).toBeUndefined()
    await models.activateImageOperationOverride(S, 'i', target)
    expect(models.sessionModelRoutingStatus(S)).toMatchObject({ source: 'image', effective: target })
    const observation = { type: 'providerHttpError', httpStatus: 408 } as const
    const seen = await models.classifyImageOperationTerminal(S, { operationId: 'i', observation, providerText: 'keep' })
    expect(seen).toEqual({ terminal: 'timeout', providerText: 'keep' })
    await models.completeImageOperation(S, { operationId: 'i', terminal: 'timeout' })
    expect(await models.restoreImageOperationOverride(S, 'i')).toBe(true)
    expect(await models.restoreImageOperationOverride(S, 'i')).toBe(false)
    await models.denyImageOperationPlan(S, { operationId: 'j', denial: 'policy' })
    expect(models.sessionModelRoutingStatus(S).recent).toMatchObject([{ terminal: 'timeout' }, { denial: 'policy' }])
    expect((await failure(models.beginImageOperation(S, request))).code).toBe('rejected')
  })

  test('tools are staged and published, and what is wrong with a name is said', async () => {
    const machine = await machineOf()
    const { models } = machine
    const { toolVisibilityOwner: tools } = await machine.prepareBindings(S)
    const deny = { type: 'deny', names: ['write'] } as const
    expect(await failure(models.stagePersistentFilter(S, deny, [WRITE]))).toMatchObject({
      code: 'rejected',
      details: { kind: 'UnknownTools', tools: ['write'] },
    })
    await tools.replaceFilterToolAuthorityCatalog([WRITE])
    await tools.replaceDeferredToolAuthorityCatalog([SEARCH])
    expect(await models.stagePersistentFilter(S, deny, [WRITE])).toBe(1)
    const revision = await models.requestDeferredTools(S, [SEARCH])
    expect((await failure(models.publishCommittedVisibleSet(S, revision - 1))).code).toBe('rejected')
    expect([tools.isVisible('write'), tools.isVisible('search')]).toEqual([true, false])
    await models.publishCommittedVisibleSet(S, revision)
    expect([tools.isVisible('write'), tools.isVisible('search')]).toEqual([false, true])
    expect(await failure(models.requestDeferredTools(S, [{ ...SEARCH, sourceId: 'web' }]))).toMatchObject({
      details: { kind: 'InvalidWitnesses', tools: ['search'] },
    })
  })
})

describe('a model that answers where the session’s own failed', () => {
  const fallback = (runId: RunId, more: Partial<StickyModelFallback> = {}): StickyModelFallback => ({
    runId,
    retryAttempt: 1,
    previous: seeing,
    ...blind,
    profile: BLIND,
    ...more,
  })
  /** A machine whose session runs once: its model fails, and this is done before it is tried again. */
  async function failing(
    recover: (machine: MeerkatMachine, runId: RunId) => Promise<unknown>,
  ): Promise<MeerkatMachine> {
    const machine = await machineOf()
    await machine.models.hydrateSessionLlmState(S, seeing)
    const apply: CoreExecutor['apply'] = async port => {
      const kind = 'rate-limited'
      port.retrying({ turn: 1, attempt: 1, maxRetries: 2, delayMs: 0, kind, message: 'too many' })
      await recover(machine, port.runId)
      port.retry(1)
      return { type: 'completed', turn: 1, message: { role: 'assistant', content: 'done' } }
    }
    await machine.registerSessionWithExecutor(S, { name: 'failing', apply })
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'go' })
    expect(await completion).toMatchObject({ result: { outcome: 'completed' } })
    return machine
  }

  test('stays, and the plan says what that changes', async () => {
    const plans: unknown[] = []
    const { models } = await failing(async ({ models: held }, runId) => {
      plans.push(await held.commitStickyModelFallback(S, fallback(runId)))
    })
    expect(plans).toMatchObject([{ previousSurface: seeing.surface, currentSurface: blind.surface }])
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(blind.surface)
  })

  test('does not take the place of one that was changed meanwhile', async () => {
    const errors: MeerkatError[] = []
    const { models } = await failing(async ({ models: held }, runId) => {
      const seen = { ...seeing, identity: { provider: 'p', model: 'older' } }
      errors.push(await failure(held.commitStickyModelFallback(S, fallback(runId, { previous: seen }))))
    })
    expect(errors).toMatchObject([{ code: 'conflict', retryable: true, details: { model: 'blind', current: SEEING } }])
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(seeing.surface)
  })

  test('does not stay for another attempt than it was chosen for, nor after the run', async () => {
    const errors: MeerkatError[] = []
    const runs: RunId[] = []
    const { models } = await failing(async ({ models: held }, runId) => {
      runs.push(runId)
      errors.push(await failure(held.commitStickyModelFallback(S, fallback(runId, { retryAttempt: 2 }))))
    })
    for (const runId of runs) errors.push(await failure(models.commitStickyModelFallback(S, fallback(runId))))
    expect(errors.map(({ code }) => code)).toEqual(['rejected', 'rejected'])
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(seeing.surface)
  })
})

describe('a model that is forgotten', () => {
  test('holds nothing back, and another may be named', async () => {
    const machine = await machineOf()
    const { models } = machine
    const { toolVisibilityOwner: tools } = await machine.prepareBindings(S)
    await models.hydrateSessionLlmState(S, blind)
    expect(tools.isVisible('view_image')).toBe(false)
    await machine.command('ClearSessionLlmState', { sessionId: S })
    expect(models.resolvedSessionLlmCapabilities(S)).toBeUndefined()
    expect(tools.isVisible('view_image')).toBe(true)
    expect(await models.reconfigureSessionLlmIdentity(S, SEEING)).not.toHaveProperty('previousSurface')
  })

  test('is one of a session that is there', async () => {
    const machine = await machineOf()
    await machine.unregisterSession(S)
    expect(await failure(machine.models.clearSessionLlmState(S))).toMatchObject({ code: 'not-ready' })
  })
})

describe('after a restart', () => {
  test('the model, the tools and a switch are as they were; what was under way is over', async () => {
    const path = freshPath()
    const machine = await machineOf(path)
    const { models } = machine
    const { toolVisibilityOwner: tools } = await machine.prepareBindings(S)
    await models.reconfigureSessionLlmIdentity(S, BLIND)
    await machine.registerSessionWithExecutor(S, idle)
    await tools.replaceFilterToolAuthorityCatalog([WRITE])
    await tools.replaceDeferredToolAuthorityCatalog([SEARCH])
    await models.publishCommittedVisibleSet(
      S,
      await models.stagePersistentFilter(S, { type: 'deny', names: ['write'] }, [WRITE]),
    )
    const pending = await models.requestDeferredTools(S, [SEARCH])
    await tools.setTurnToolOverlay({ deny: ['read'] })
    await models.configureModelRoutingBaseline(S, { model: 'blind', realtime: false })
    await models.requestSwitchTurn(S, { requestId: 'r', target: FAST, turns: 2 })
    await models.admitModelRoutingAssistantTurn(S)
    const target = { model: 'painter', realtime: false }
    await models.beginImageOperation(S, { operationId: 'i', target, requiresScopedOverride: true })
    await models.activateImageOperationOverride(S, 'i', target)
    const before = tools.visibilityState()
    await machine.close()

    const again = await machineOf(path)
    const { toolVisibilityOwner: left } = await again.prepareBindings(S)
    expect(again.models.resolvedSessionLlmCapabilities(S)).toEqual(blind.surface)
    const { overlay, ...lasting } = before
    expect(overlay).toEqual({ deny: ['read'] })
    expect(left.visibilityState()).toEqual(lasting)
    expect(['write', 'search', 'read', 'view_image'].filter(name => left.isVisible(name))).toEqual(['read'])
    await again.models.publishCommittedVisibleSet(S, pending)
    expect(left.isVisible('search')).toBe(true)
    expect(again.models.sessionModelRoutingStatus(S)).toMatchObject({
      effective: FAST,
      override: { requestId: 'r', remaining: 2 },
      images: [],
      recent: [{ type: 'image', id: 'i', terminal: 'failed' }],
    })
  })

  test('a lasting switch that was being applied is interrupted, and the model is as it was', async () => {
    const path = freshPath()
    const machine = await machineOf(path)
    await machine.models.hydrateSessionLlmState(S, seeing)
    await machine.models.configureModelRoutingBaseline(S, { model: 'seeing', realtime: true })
    await machine.registerSessionWithExecutor(S, idle)
    await machine.models.requestSwitchTurn(S, { requestId: 'l', target: FAST })
    await machine.close()
    const { models } = await machineOf(path)
    const status = models.sessionModelRoutingStatus(S)
    expect(status).toMatchObject({ effective: { model: 'seeing' }, recent: [{ id: 'l', terminal: 'interrupted' }] })
    expect(status).not.toHaveProperty('pending')
    expect(await failure(models.completeUntilChangedSwitchTurn(S, 'l'))).toMatchObject({ code: 'rejected' })
    expect(models.resolvedSessionLlmCapabilities(S)).toEqual(seeing.surface)
  })
})
