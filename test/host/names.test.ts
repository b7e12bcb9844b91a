/**
 * What those who know Meerkat look for is there, under the name they know, from where a host imports, and does something that
 * can be seen. Names that mean nothing here stand in docs/decisions.
 */
import * as runtime from 'meerkat-ts/runtime'
import { expect, onTestFinished, test } from 'vitest'
import type { AgentRuntimeId } from '../../src/kernel/ids.ts'
import type { DrainExitReason } from '../../src/kernel/regions/drain/input.ts'
import { insideOf } from '../../src/session/inside.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { blind, seeing } from '../kernel/support/model-sessions.ts'
import { answering, S } from './support/machines.ts'
import { Seen } from './support/seen.ts'

/** Every command, but for `SetPeerIngressContext`, which keeps nothing. */
const COMMANDS = `Abort AbortAll AcceptWithCompletion AcceptWithoutWake ActivateImageOperationOverride
  AdmitModelRoutingAssistantTurn BeginImageOperation CancelAfterBoundary ClassifyImageOperationTerminal
  ClearSessionLlmState CommitServiceTurnTerminalReceipt CompleteImageOperation ConfigureModelRoutingBaseline
  ContainsSession DenyImageOperationPlan Destroy EnsureSessionWithExecutor Ingest InputState ListActiveInputs
  LoadBoundaryReceipt NotifyDrainExited OpsLifecycleRegistry PrepareBindings PrepareLocalSessionBindings
  PublishCommittedVisibleSet PublishEvent ReconfigureSessionLlmIdentity Recover Recycle RegisterSession RequestDeferredTools
  RequestSwitchTurn Reset ResolvedSessionLlmCapabilities RestoreImageOperationOverride Retire RuntimeState SessionHasComms
  SessionHasExecutor SessionModelRoutingStatus SetSilentIntents StagePersistentFilter StopRuntimeExecutor UnregisterSession
  Wait`

const METHODS = `sharesRuntimePersistenceWith sharesRuntimeStoreAuthority hasRuntimePersistence
  sessionClaimHandle setCompositionSignalDispatcher registerSession setSessionSilentIntents registerSessionWithExecutor
  ensureSessionWithExecutor installPreparedSessionInterruptHandle unregisterSession containsSession sessionHasExecutor
  sessionHasComms cancelAfterBoundary hardCancelCurrentRun`

const BINDINGS = `sessionId epochId opsLifecycle cursorState toolVisibilityOwner turnState commsDrain externalToolSurface
  peerComms sessionAdmission modelRouting authLease mcpServerLifecycle peerInteraction sessionContext sessionClaimHandle
  interactionStream realtimeProductTurn`

const DEAF = 'deaf' as runtime.SessionId
const WRITE = { name: 'write', kind: 'mcp', sourceId: 'files' } as const
const SEARCH = { name: 'search', kind: 'mcp', sourceId: 'files' } as const
const PAINTER = { model: 'painter', realtime: false }

/** A machine that is looked at: what its sessions are, who serves them, and what is asked by a command's name. */
async function watched() {
  const machine = await runtime.MeerkatMachine.ephemeral({ abortGraceMs: 20 })
  onTestFinished(() => machine.close())
  const seen = new Seen()
  const { core } = insideOf(machine.runtime)
  const look = (): unknown =>
    [S, DEAF].map(id => [core.sessions.peek(id)?.state, core.serving.peek(id)?.service?.executor.name])
  return {
    seen,
    look,
    own: machine,
    machine: seen.watching(machine, look, (key, first) => (key === 'command' ? String(first) : key)),
  }
}

test('commands: a session is registered, served, asked, and left', async () => {
  const { machine, own, seen } = await watched()
  const sessionId = S
  await machine.command('RegisterSession', { sessionId })
  await machine.command('SetSilentIntents', { sessionId, intents: ['ping'] })
  await machine.command('AcceptWithoutWake', { sessionId, input: { content: 'quiet' } })
  await machine.command('ListActiveInputs', { sessionId })
  const { inputId } = await machine.command('AcceptWithCompletion', { sessionId, input: { content: 'loud' } })
  await machine.command('InputState', { sessionId, inputId })
  await machine.command('EnsureSessionWithExecutor', { sessionId, make: answering })
  const { result } = await own.runtime.wait(S, inputId, 15_000)
  await machine.command('LoadBoundaryReceipt', { sessionId, runId: result?.runId as runtime.RunId, boundary: 1 })
  const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1 }
  await machine.command('PrepareBindings', { sessionId, placement })
  await machine.command('PrepareLocalSessionBindings', { sessionId })
  const { epochId } = await own.prepareBindings(S)
  const work = { ...placement, workId: 'w', origin: 'Webhook', ...(epochId && { epochId }) } as const
  await machine.command('Ingest', { sessionId, work, input: { content: 'routed' } })
  await machine.command('PublishEvent', { sessionId, event: { name: 'note', data: { a: 1 } } })
  await machine.command('OpsLifecycleRegistry', { sessionId })
  for (const name of ['ContainsSession', 'SessionHasExecutor', 'SessionHasComms', 'RuntimeState'] as const)
    await machine.command(name, { sessionId })
  for (const name of ['Recover', 'Recycle', 'Reset', 'Retire', 'StopRuntimeExecutor', 'UnregisterSession'] as const)
    await machine.command(name, { sessionId })
  await own.registerSession(DEAF)
  await machine.command('Destroy', { sessionId: DEAF })
  expect(
    seen.unseen(`RegisterSession SetSilentIntents AcceptWithoutWake ListActiveInputs AcceptWithCompletion InputState
      EnsureSessionWithExecutor LoadBoundaryReceipt PrepareBindings PrepareLocalSessionBindings Ingest
      OpsLifecycleRegistry ContainsSession SessionHasExecutor SessionHasComms RuntimeState Recover Recycle Reset Retire
      StopRuntimeExecutor UnregisterSession Destroy`),
  ).toEqual([])
  const { events } = await own.runtime.events({ sessionId: S })
  expect(events.map(({ type }) => type)).toContain('host.event')
})

test('commands: runs and drains', async () => {
  const { machine, own, seen, look } = await watched()
  const sessionId = S
  const silent = new Promise<never>(() => {})
  await own.registerSessionWithExecutor(S, { name: 'silent', apply: () => silent })
  const { completion } = await own.acceptInputWithCompletion(S, { content: 'x' })
  await machine.command('CancelAfterBoundary', { sessionId })
  await own.hardCancelCurrentRun(S)
  await completion
  await own.stopRuntimeExecutor(S)
  await own.resume(S)
  await own.unregisterSession(S)

  await own.registerSession(S)
  const { sessionAdmission, turnState } = await own.prepareBindings(S)
  const R = '0197f1c0-0000-7000-8000-0000000000aa' as runtime.RunId
  await own.acceptInput(S, { content: 'by hand' })
  await sessionAdmission.prepare(R, Date.now())
  await turnState.startImmediateAppend(R)
  await turnState.primitiveApplied(R)
  await machine.command('CommitServiceTurnTerminalReceipt', { sessionId, runId: R })

  const spawn = () => own.drains.spawn(S, 'Timed', until)
  await spawn()
  const aborted = look()
  await machine.command('Abort', { sessionId })
  await machine.command('Wait', { sessionId })
  expect(look()).not.toEqual(aborted)
  await spawn()
  await machine.command('AbortAll', {})
  expect(await own.drains.wait(S)).toBe(true)
  const { commsDrain } = await own.prepareBindings(S)
  await commsDrain.spawnDrain('Timed')
  await machine.command('NotifyDrainExited', { sessionId, reason: 'Dismissed' })
  expect(seen.unseen('CancelAfterBoundary CommitServiceTurnTerminalReceipt Wait NotifyDrainExited')).toEqual([])
})

test('commands: models and tools', async () => {
  const { machine, own, seen } = await watched()
  const sessionId = S
  await own.registerSession(S)
  const { toolVisibilityOwner } = await own.prepareBindings(S)
  await own.models.hydrateSessionLlmState(S, seeing)
  own.models.setSessionLlmReconfigureHost({ resolveCapabilitySurface: async () => blind.surface })
  await machine.command('ResolvedSessionLlmCapabilities', { sessionId })
  await machine.command('ReconfigureSessionLlmIdentity', { sessionId, target: blind.identity })
  await machine.command('ConfigureModelRoutingBaseline', { sessionId, target: { model: 'base', realtime: false } })
  const switched = { requestId: 'q', target: PAINTER, turns: 1 }
  await machine.command('RequestSwitchTurn', { sessionId, request: switched })
  await machine.command('AdmitModelRoutingAssistantTurn', { sessionId })
  await machine.command('AdmitModelRoutingAssistantTurn', { sessionId })
  await machine.command('SessionModelRoutingStatus', { sessionId })
  const operationId = 'i'
  const request = { operationId, target: PAINTER, requiresScopedOverride: true }
  await machine.command('BeginImageOperation', { sessionId, request })
  await machine.command('ActivateImageOperationOverride', { sessionId, operationId, target: PAINTER })
  const observation = { type: 'providerHttpError', httpStatus: 408 } as const
  const saw = { operationId, observation, providerText: 'keep' } as const
  await machine.command('ClassifyImageOperationTerminal', { sessionId, seen: saw })
  await machine.command('CompleteImageOperation', { sessionId, end: { operationId, terminal: 'timeout' } })
  await machine.command('RestoreImageOperationOverride', { sessionId, operationId })
  await machine.command('DenyImageOperationPlan', { sessionId, refusal: { operationId: 'j', denial: 'policy' } })
  await toolVisibilityOwner.replaceFilterToolAuthorityCatalog([WRITE])
  await toolVisibilityOwner.replaceDeferredToolAuthorityCatalog([SEARCH])
  const filter = { type: 'deny', names: ['write'] } as const
  await machine.command('StagePersistentFilter', { sessionId, filter, witnesses: [WRITE] })
  const revision = await machine.command('RequestDeferredTools', { sessionId, authorities: [SEARCH] })
  await machine.command('PublishCommittedVisibleSet', { sessionId, revision })
  await machine.command('ClearSessionLlmState', { sessionId })
  expect(
    seen.unseen(`ResolvedSessionLlmCapabilities
      ReconfigureSessionLlmIdentity ConfigureModelRoutingBaseline RequestSwitchTurn AdmitModelRoutingAssistantTurn
      SessionModelRoutingStatus BeginImageOperation ActivateImageOperationOverride ClassifyImageOperationTerminal
      CompleteImageOperation RestoreImageOperationOverride DenyImageOperationPlan StagePersistentFilter
      RequestDeferredTools PublishCommittedVisibleSet ClearSessionLlmState`),
  ).toEqual([])
})

/** A drain that lasts until it is told to stop. */
function until(signal: AbortSignal): Promise<DrainExitReason> {
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve('Aborted'))
  })
}

test('methods of the machine', async () => {
  const { machine, own, seen } = await watched()
  const other = await runtime.MeerkatMachine.ephemeral()
  onTestFinished(() => other.close())
  expect(machine.sharesRuntimePersistenceWith(other)).toBe(true)
  expect(machine.sharesRuntimeStoreAuthority(other)).toBe(false)
  expect(machine.hasRuntimePersistence()).toBe(false)
  machine.sessionClaimHandle()
  const signals: string[] = []
  own.setCompositionSignalDispatcher({ dispatch: async (_, { type }) => void signals.push(type) })
  await machine.registerSession(S)
  await machine.setSessionSilentIntents(S, ['ping'])
  const interrupted: string[] = []
  own.installPreparedSessionInterruptHandle(S, { interrupt: reason => void interrupted.push(reason) })
  await machine.hardCancelCurrentRun(S)
  expect(interrupted).toEqual(['cancelled'])
  const { epochId } = await own.prepareBindings(S)
  const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1, ...(epochId && { epochId }) }
  await own.prepareBindings(S, placement)
  await machine.registerSessionWithExecutor(
    S,
    scriptedExecutor(() => 'ok'),
  )
  await machine.ensureSessionWithExecutor(S, answering)
  machine.containsSession(S)
  machine.sessionHasExecutor(S)
  machine.sessionHasComms(S)
  await own.retire(S)
  expect(signals).not.toEqual([])
  await machine.unregisterSession(S)
  const rest = 'installPreparedSessionInterruptHandle setCompositionSignalDispatcher cancelAfterBoundary'.split(' ')
  expect(seen.unseen(METHODS).filter(name => !rest.includes(name))).toEqual([])
  const slow = Promise.withResolvers<never>()
  await own.registerSessionWithExecutor(DEAF, { name: 'slow', apply: () => slow.promise })
  await own.acceptInput(DEAF, { content: 'x' })
  await machine.cancelAfterBoundary(DEAF)
  expect(seen.unseen('cancelAfterBoundary')).toEqual([])
})

test('credentials and realtime attachments of the machine', async () => {
  const { own, seen, look } = await watched()
  const key = { realm: 'work', binding: 'openai' }
  const { auth } = own
  auth.generatedAuthLeaseHandle().acquireLease(key, Date.now() + 60_000)
  expect(auth.authLeaseHandle().snapshot(key).credentialPresent).toBe(true)
  const others = await runtime.MeerkatMachine.ephemeral()
  onTestFinished(() => others.close())
  const [leases, flows] = [others.auth.authLeaseHandle(), others.auth.oauthFlowAuthority()]
  for (const set of ['setAuthLeaseHandle', 'setRuntimeAuthLeaseHandle'] as const) {
    auth.setAuthLeaseHandle(auth.generatedAuthLeaseHandle())
    auth[set](leases)
    expect(auth.authLeaseHandle()).toBe(leases)
  }
  auth.setAuthLeaseHandleWithOauthFlowAuthority(leases, flows)
  expect(auth.oauthFlowAuthority()).toBe(flows)

  await own.registerSessionWithExecutor(S, answering())
  const realtime = seen.watching(own.realtime, look)
  await realtime.projectRealtimeAttachmentIntent(S, true)
  const first = await realtime.attachLive(S)
  realtime.currentRealtimeAttachmentAuthority(S)
  await realtime.publishRealtimeAttachmentSignal(first, 'BindingReady')
  const second = await realtime.replaceRealtimeAttachment(S)
  await realtime.requireRealtimeAttachmentReattachForAuthority(second)
  await realtime.beginRealtimeReconnectCycle(S)
  await realtime.scheduleRealtimeReconnectRetry(S, 10)
  await realtime.exhaustRealtimeReconnectCycle(S)
  await realtime.clearRealtimeReconnectProgress(S)
  await realtime.attachLive(S)
  await realtime.requireRealtimeAttachmentReattach(S)
  await realtime.attachLive(S)
  await realtime.detachLive(S)
  expect(
    seen.unseen(`projectRealtimeAttachmentIntent beginRealtimeReconnectCycle scheduleRealtimeReconnectRetry
      exhaustRealtimeReconnectCycle clearRealtimeReconnectProgress replaceRealtimeAttachment
      currentRealtimeAttachmentAuthority detachLive requireRealtimeAttachmentReattach
      requireRealtimeAttachmentReattachForAuthority publishRealtimeAttachmentSignal attachLive`),
  ).toEqual([])
})

test('every command is given by its name, and a session has its bindings', async () => {
  const words = (text: string): readonly string[] => text.trim().split(/\s+/)
  expect(words(COMMANDS).filter(name => !runtime.machineCommandNames.some(known => known === name))).toEqual([])
  const { own } = await watched()
  const bindings = await own.prepareBindings(S)
  expect(words(BINDINGS).filter(name => !(name in bindings))).toEqual([])
})

test('the free functions answer', () => {
  expect(runtime.classifyRuntimeLifecycleState('idle')).toMatchObject({ canAcceptInput: true })
  expect(runtime.classifyRuntimeLifecycleDurableState({ state: 'attached' })).toMatchObject({ value: 'idle' })
  expect(runtime.classifyRuntimeLoopQueueAdmission({ state: 'idle', currentRunBound: false }).ok).toBe(true)
  expect(runtime.resolveInputPublicLifecycleProjection('carried')).toBe('queued')
  expect(runtime.resolveInputPublicStateProjection({ phase: 'queued' }).ok).toBe(true)
})
