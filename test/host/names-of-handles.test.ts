/** Each method of the handles that those who know Meerkat look for does something that can be seen. */
import {
  AuthLeaseHandle,
  AuthMachines,
  CommsDrainHandle,
  DefaultSessionClaimRegistry,
  ExternalToolSurfaceHandle,
  HandleDslAuthority,
  InteractionStreamHandle,
  McpServerLifecycleHandle,
  ModelRoutingHandle,
  PeerCommsHandle,
  PeerInteractionHandle,
  RealtimeProductTurnHandle,
  SessionAdmissionHandle,
  SessionContextHandle,
  type SessionId,
  TurnStateHandle,
} from 'meerkat-ts/runtime'
import { expect, test } from 'vitest'
import type { InputId, McpServerId, PeerCorrelationId, PeerId, RunId, SurfaceId } from '../../src/kernel/ids.ts'
import { systemClock } from '../../src/time.ts'
import { HOST, written } from '../handles/support.ts'
import { Seen } from './support/seen.ts'

const R = 'r' as RunId
const C = 'c' as PeerCorrelationId
const A = 'a' as SurfaceId
const M = 'm' as McpServerId

/** A handle that is looked at, over a session of its own. */
function watched<T extends object>(make: new (authority: HandleDslAuthority) => T) {
  const authority = HandleDslAuthority.ephemeral()
  const seen = new Seen()
  return { seen, authority, handle: seen.watching(new make(authority), () => authority.snapshotState()) }
}

test('TurnStateHandle', async () => {
  const seen = new Seen()
  const begun = async (...names: readonly ('conversation' | 'called' | 'tools' | 'answered' | 'extracting')[]) => {
    const turn = TurnStateHandle.standalone()
    const handle = seen.watching(turn, () => turn.snapshot())
    if (names.includes('conversation')) await handle.startConversationRun(R, { maxExtractionRetries: 1 })
    if (names.includes('called')) await handle.primitiveApplied(R)
    if (names.includes('tools')) await handle.llmReturnedToolCalls(R, 1)
    if (names.includes('answered')) await handle.llmReturnedTerminal(R)
    if (names.includes('extracting')) await handle.enterExtraction(R)
    return handle
  }
  const calling = () => begun('conversation', 'called')
  await (await begun()).startImmediateAppend(R)
  await (await begun()).startImmediateContext(R)
  const withTools = await begun('conversation', 'called', 'tools')
  await withTools.registerPendingOps(R, ['op'])
  await withTools.opsBarrierSatisfied(R, ['op'])
  await withTools.toolCallsResolved(R)
  await withTools.boundaryContinue(R)
  await withTools.requestCancelAfterBoundary(R)
  const answered = await begun('conversation', 'called', 'answered')
  await answered.boundaryComplete(R)
  await answered.acknowledgeTerminal(R)
  const ended = await begun('conversation', 'called', 'answered')
  await ended.boundaryComplete(R)
  await ended.runCompleted(R)
  const extracting = () => begun('conversation', 'called', 'answered', 'extracting')
  await (await extracting()).extractionStart(R)
  await (await extracting()).extractionValidationPassed(R)
  await (await extracting()).extractionValidationFailed(R, 'no')
  await (await extracting()).extractionFailed(R, 'no')
  const retried = await calling()
  await retried.recoverableFailure(R, { attempt: 1, maxRetries: 2, delayMs: 1, kind: 'rate-limited' })
  await retried.retryRequested(R, 1)
  const failed = await calling()
  await failed.fatalFailure(R, 'internal')
  await failed.runFailed(R)
  const cancelled = await calling()
  await cancelled.cancelNow(R)
  await cancelled.cancellationObserved(R)
  await cancelled.runCancelled(R)
  await (await calling()).turnLimitReached(R, 1, 1)
  await (await calling()).budgetExhausted(R)
  await (await calling()).timeBudgetExceeded(R)
  await expect((await calling()).forceCancelNoRun()).rejects.toMatchObject({ kind: 'no-matching-transition' })
  ;(await begun()).snapshot()
  expect(
    seen.unseen(`startConversationRun startImmediateAppend startImmediateContext primitiveApplied llmReturnedToolCalls
      llmReturnedTerminal registerPendingOps toolCallsResolved opsBarrierSatisfied boundaryContinue boundaryComplete
      enterExtraction extractionStart extractionValidationPassed extractionValidationFailed extractionFailed
      recoverableFailure fatalFailure retryRequested cancelNow requestCancelAfterBoundary cancellationObserved
      acknowledgeTerminal turnLimitReached budgetExhausted timeBudgetExceeded runCompleted runFailed runCancelled snapshot`),
  ).toEqual([])
})

test('ExternalToolSurfaceHandle', async () => {
  const { seen, handle } = watched(ExternalToolSurfaceHandle)
  const boundary = (stagedIntentSequence = handle.surfaceSnapshot(A)?.stagedIntentSequence ?? 0) =>
    handle.applyBoundary(A, { nowMs: 1, stagedIntentSequence, appliedAtTurn: 1 })
  const pending = () => {
    const { pendingTaskSequence = 0, pendingLineageSequence = 0 } = handle.surfaceSnapshot(A) ?? {}
    return { pendingTaskSequence, stagedIntentSequence: pendingLineageSequence }
  }
  const connected = () => handle.markPendingSucceeded(A, { ...pending(), nowMs: 2, tools: ['read'] })
  await handle.register(A)
  await handle.stageAdd(A)
  handle.hasPendingOrStaged()
  await boundary()
  handle.pendingSurfaces()
  await handle.markPendingFailed(A, { ...pending(), cause: 'pending_failed' })
  await handle.applySurfaceInput({ type: 'StageAdd', surfaceId: A } as never)
  await boundary()
  await connected()
  handle.visibleSurfaces()
  await handle.snapshotAligned(handle.snapshotEpoch())
  handle.snapshotAlignedEpoch()
  await handle.stageReload(A)
  await boundary()
  await connected()
  await handle.callStarted(A)
  await handle.stageRemove(A)
  await boundary()
  handle.removingSurfaces()
  await handle.callFinished(A)
  await handle.finalizeRemovalClean(A)
  await handle.stageAdd(A)
  await boundary()
  await connected()
  await handle.callStarted(A)
  await handle.stageRemove(A)
  await boundary()
  await handle.finalizeRemovalForced(A)
  handle.diagnosticSnapshot()
  await handle.shutdownSurface()
  expect(
    seen.unseen(`applySurfaceInput register stageAdd stageRemove stageReload applyBoundary markPendingSucceeded
      markPendingFailed callStarted callFinished finalizeRemovalClean finalizeRemovalForced snapshotAligned shutdownSurface
      surfaceSnapshot diagnosticSnapshot visibleSurfaces removingSurfaces pendingSurfaces hasPendingOrStaged snapshotEpoch
      snapshotAlignedEpoch`),
  ).toEqual([])
})

test('CommsDrainHandle and PeerCommsHandle', async () => {
  const { seen, handle } = watched(CommsDrainHandle)
  await handle.ensureDrainRunning()
  await handle.spawnDrain('PersistentHost')
  await handle.drainExitedRespawnable()
  await handle.spawnDrain('PersistentHost')
  await handle.drainExitedClean()
  await handle.spawnDrain('Timed')
  await handle.stopDrain()
  await handle.notifyDrainExited('Aborted')
  const drain = 'ensureDrainRunning spawnDrain stopDrain drainExitedClean drainExitedRespawnable notifyDrainExited'
  expect(seen.unseen(drain)).toEqual([])
  const peers = watched(PeerCommsHandle)
  const item = { itemId: C, fromPeer: 'p', fromPeerId: 'p' as PeerId, envelope: { kind: 'Message' } as const }
  await peers.handle.classifyExternalEnvelope(item)
  await peers.handle.classifyPlainEvent('timer')
  expect(peers.seen.unseen('classifyExternalEnvelope classifyPlainEvent')).toEqual([])
})

test('SessionAdmissionHandle', async () => {
  const { authority } = await written()
  const seen = new Seen()
  const handle = seen.watching(new SessionAdmissionHandle(authority), () => authority.snapshotState())
  const turn = new TurnStateHandle(authority)
  await handle.acceptWithCompletion('i' as InputId, { at: 0 })
  await handle.prepare(R, 0)
  await turn.startImmediateAppend(R)
  await turn.primitiveApplied(R)
  await handle.commit(R)
  await handle.acceptWithoutWake('j' as InputId, { at: 0 })
  await handle.recycle()
  const placed = await written({
    type: 'PrepareBindings',
    sessionId: 'session' as SessionId,
    runtimeId: HOST,
    fence: 1,
    generation: 1,
    epochId: 'epoch' as never,
  })
  await seen.watching(new SessionAdmissionHandle(placed.authority), () => undefined).ingest(HOST, 'w', 'Webhook')
  expect(seen.unseen('ingest acceptWithCompletion acceptWithoutWake prepare commit recycle')).toEqual([])
})

test('AuthLeaseHandle and DefaultSessionClaimRegistry', async () => {
  const key = { realm: 'work', binding: 'openai' }
  const seen = new Seen()
  const leases = new AuthLeaseHandle({ machines: new AuthMachines(), clock: systemClock })
  const handle = seen.watching(leases, () => leases.snapshot(key))
  handle.acquireLease(key, Date.now() + 60_000)
  const saved = handle.snapshot(key)
  handle.markExpiring(key)
  handle.beginRefresh(key)
  handle.completeRefresh(key, Date.now() + 60_000)
  handle.markExpiring(key)
  handle.beginRefresh(key)
  handle.refreshFailed(key, { httpStatus: 500 })
  handle.markReauthRequired(key)
  handle.releaseCredentialLifecycle(key)
  handle.restoreAuthLifecycleSnapshot(key, saved)
  await handle.releaseLease(key)
  expect(
    seen.unseen(`acquireLease markExpiring beginRefresh completeRefresh refreshFailed markReauthRequired releaseLease
      releaseCredentialLifecycle restoreAuthLifecycleSnapshot snapshot`),
  ).toEqual([])
  const claims = new DefaultSessionClaimRegistry()
  const claim = claims.tryAcquire('s' as SessionId)
  await claim.confirmed
  expect(() => claims.tryAcquire('s' as SessionId)).toThrow(/in use/i)
  claims.release('s' as SessionId)
  claims.tryAcquire('s' as SessionId).release()
})

test('McpServerLifecycleHandle, PeerInteractionHandle and InteractionStreamHandle', async () => {
  const mcp = watched(McpServerLifecycleHandle)
  await mcp.handle.applyConnectPending(M)
  mcp.handle.pendingServerIds()
  await mcp.handle.applyConnected(M)
  await mcp.handle.applyReload(M)
  await mcp.handle.applyFailed(M, 'no')
  await mcp.handle.applyDisconnected(M)
  const servers = 'applyConnectPending applyConnected applyFailed applyDisconnected applyReload pendingServerIds'
  expect(mcp.seen.unseen(servers)).toEqual([])

  const peers = watched(PeerInteractionHandle)
  const uninstall = peers.handle.installCleanupObserver({ onPeerInteractionCleanup: peers.seen.hear })
  await peers.handle.requestSent(C)
  peers.handle.outboundState(C)
  await peers.handle.responseProgress(C)
  await peers.seen.through('installCleanupObserver', () => peers.handle.responseTerminal(C, 'Completed'))
  await peers.handle.requestSent(C)
  await peers.handle.requestTimedOut(C)
  await peers.handle.requestReceived(C)
  peers.handle.inboundState(C)
  await peers.handle.classifyResponseReply('completed' as never)
  await peers.handle.responseReplied(C)
  uninstall()
  expect(
    peers.seen.unseen(`requestSent responseProgress responseTerminal requestTimedOut requestReceived responseReplied
      outboundState inboundState installCleanupObserver`),
  ).toEqual([])

  const streams = watched(InteractionStreamHandle)
  streams.handle.installCleanupObserver({ onInteractionStreamCleanup: streams.seen.hear })
  await streams.handle.reserved(C)
  streams.handle.state(C)
  await streams.handle.attached(C)
  await streams.seen.through('installCleanupObserver', () => streams.handle.completed(C))
  await streams.handle.reserved(C)
  await streams.handle.expired(C)
  await streams.handle.reserved(C)
  await streams.handle.attached(C)
  await streams.handle.closedEarly(C)
  const names = 'reserved attached completed expired closedEarly state installCleanupObserver'
  expect(streams.seen.unseen(names)).toEqual([])
})

test('SessionContextHandle and ModelRoutingHandle', async () => {
  const { seen, handle } = watched(SessionContextHandle)
  handle.installObserver({ onSessionContextAdvanced: seen.hear })
  await seen.through('installObserver', () => handle.contextAdvanced(5))
  handle.currentWatermarkMs()
  expect(handle.installObserverWithBaseline({ onSessionContextAdvanced: seen.hear }).watermarkMs).toBe(5)
  const names = 'contextAdvanced currentWatermarkMs installObserver installObserverWithBaseline'
  expect(seen.unseen(names)).toEqual([])
  const routing = watched(ModelRoutingHandle)
  await routing.handle.setBaseline({ model: 'm', realtime: false })
  expect(routing.seen.unseen('setBaseline')).toEqual([])
})

test('RealtimeProductTurnHandle', async () => {
  const { seen, handle } = watched(RealtimeProductTurnHandle)
  const observer = { onRealtimeProjectionFreshnessChanged: seen.hear }
  handle.installProjectionFreshnessObserver(observer)
  handle.installProjectionFreshnessObserverWithSnapshot(observer)
  await handle.turnInFlight()
  handle.isInFlight()
  handle.currentPhase()
  await handle.turnCommitted()
  await handle.outputStarted()
  handle.shouldPreemptOnInput()
  await handle.turnInterrupted()
  await seen.through('installProjectionFreshnessObserver', () => handle.projectionAdvanceObserved(5))
  handle.projectionFreshness()
  handle.projectionFrontierMs()
  handle.isProjectionStaleImmediate()
  await handle.projectionRefreshed(5)
  await handle.projectionReset(7)
  await handle.turnTerminal()
  await handle.classifyClientInputSubmitted()
  await handle.classifyMidTurnActivity()
  await handle.classifyTurnTerminated()
  handle.reconnectPolicyOnCleanClose()
  expect(
    seen.unseen(`turnInFlight turnCommitted outputStarted turnInterrupted turnTerminal currentPhase isInFlight
      shouldPreemptOnInput projectionAdvanceObserved projectionRefreshed projectionReset projectionFreshness
      projectionFrontierMs isProjectionStaleImmediate installProjectionFreshnessObserver
      installProjectionFreshnessObserverWithSnapshot classifyClientInputSubmitted classifyMidTurnActivity
      classifyTurnTerminated reconnectPolicyOnCleanClose`),
  ).toEqual([])
})

test('HandleDslAuthority', async () => {
  const authority = HandleDslAuthority.ephemeral()
  const seen = new Seen()
  const watchedOne = seen.watching(authority, () => authority.snapshotState())
  const sent = (id: string) => ({ type: 'PeerRequestSent', correlationId: id as PeerCorrelationId }) as const
  await watchedOne.applyInput(sent('1'))
  await watchedOne.applyInputWithEffects(sent('2'))
  await watchedOne.applyInputWithTransition(sent('3'))
  await watchedOne.applyInputWithEffectsAndSample(sent('4'), effects => effects)
  await watchedOne.applySignal(sent('5'))
  await watchedOne.applySignalWithEffects(sent('6'))
  await watchedOne.applySignalAndSample(sent('7'), ({ interactions }) => interactions.outbound.size)
  expect(watchedOne.withStateLock(({ interactions }) => interactions.outbound.size)).toBe(7)
  watchedOne.peerProjectionFreshnessAuthority()
  watchedOne.snapshotState()
  expect(HandleDslAuthority.fromShared({ state: authority.snapshotState() } as never).closed).toBe(false)
  expect(
    seen.unseen(`applyInput applyInputWithEffects applyInputWithTransition applyInputWithEffectsAndSample applySignal
      applySignalWithEffects applySignalAndSample snapshotState withStateLock peerProjectionFreshnessAuthority`),
  ).toEqual([])
})
