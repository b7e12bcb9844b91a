/** What those who know Meerkat look for is there, under the name they know, from where a host imports. */
import * as runtime from 'meerkat-ts/runtime'
import { expect, test } from 'vitest'

const commands = `Abort AbortAll AcceptWithCompletion AcceptWithoutWake ActivateImageOperationOverride
  AdmitModelRoutingAssistantTurn BeginImageOperation CancelAfterBoundary ClassifyImageOperationTerminal
  ClearSessionLlmState CommitServiceTurnTerminalReceipt CommitStickyModelFallback CompleteImageOperation ConfigureModelRoutingBaseline ContainsSession
  DenyImageOperationPlan Destroy EnsureSessionWithExecutor Ingest InputState ListActiveInputs LoadBoundaryReceipt
  NotifyDrainExited OpsLifecycleRegistry PrepareBindings PrepareLocalSessionBindings PublishCommittedVisibleSet PublishEvent
  ReconfigureSessionLlmIdentity Recover Recycle RegisterSession RequestDeferredTools RequestSwitchTurn Reset
  ResolvedSessionLlmCapabilities RestoreImageOperationOverride Retire RuntimeState SessionHasComms SessionHasExecutor
  SessionModelRoutingStatus SetPeerIngressContext SetSilentIntents StagePersistentFilter StopRuntimeExecutor
  UnregisterSession Wait`

/** By the group in which a machine has them; none: on the machine itself. */
const methods = {
  machine: `sessionControlAuthority sharesRuntimePersistenceWith sharesRuntimeStoreAuthority hasRuntimePersistence
    sessionClaimHandle setCompositionSignalDispatcher registerSession setSessionSilentIntents registerSessionWithExecutor
    ensureSessionWithExecutor installPreparedSessionInterruptHandle unregisterSession containsSession sessionHasExecutor
    sessionHasComms cancelAfterBoundary hardCancelCurrentRun`,
  auth: `authLeaseHandle generatedAuthLeaseHandle setAuthLeaseHandle setAuthLeaseHandleWithOauthFlowAuthority
    setRuntimeAuthLeaseHandle oauthFlowAuthority`,
  models: `stagePersistentFilter requestDeferredTools publishCommittedVisibleSet setSessionLlmReconfigureHost`,
  realtime: `projectRealtimeAttachmentIntent beginRealtimeReconnectCycle scheduleRealtimeReconnectRetry
    exhaustRealtimeReconnectCycle clearRealtimeReconnectProgress replaceRealtimeAttachment
    currentRealtimeAttachmentAuthority detachLive requireRealtimeAttachmentReattach
    requireRealtimeAttachmentReattachForAuthority publishRealtimeAttachmentSignal attachLive`,
}

const methodsOf = {
  ModelRoutingHandle: 'setBaseline',
  TurnStateHandle: `startConversationRun startImmediateAppend startImmediateContext primitiveApplied llmReturnedToolCalls
    llmReturnedTerminal registerPendingOps toolCallsResolved opsBarrierSatisfied boundaryContinue boundaryComplete
    enterExtraction extractionStart extractionValidationPassed extractionValidationFailed extractionFailed
    recoverableFailure fatalFailure retryRequested cancelNow requestCancelAfterBoundary cancellationObserved
    acknowledgeTerminal turnLimitReached budgetExhausted timeBudgetExceeded forceCancelNoRun runCompleted runFailed
    runCancelled snapshot`,
  CommsDrainHandle: `ensureDrainRunning spawnDrain stopDrain drainExitedClean drainExitedRespawnable notifyDrainExited`,
  ExternalToolSurfaceHandle: `applySurfaceInput register stageAdd stageRemove stageReload applyBoundary
    markPendingSucceeded markPendingFailed callStarted callFinished finalizeRemovalClean finalizeRemovalForced
    snapshotAligned shutdownSurface surfaceSnapshot diagnosticSnapshot visibleSurfaces removingSurfaces pendingSurfaces
    hasPendingOrStaged snapshotEpoch snapshotAlignedEpoch`,
  PeerCommsHandle: 'classifyExternalEnvelope classifyPlainEvent setPeerIngressContext',
  SessionAdmissionHandle: 'ingest acceptWithCompletion acceptWithoutWake prepare commit recycle',
  AuthLeaseHandle: `acquireLease markExpiring beginRefresh completeRefresh refreshFailed markReauthRequired releaseLease
    releaseCredentialLifecycle restoreAuthLifecycleSnapshot snapshot`,
  McpServerLifecycleHandle: `applyConnectPending applyConnected applyFailed applyDisconnected applyReload pendingServerIds`,
  PeerInteractionHandle: `requestSent responseProgress responseTerminal requestTimedOut classifyResponseReply requestReceived responseReplied
    outboundState inboundState installCleanupObserver`,
  SessionContextHandle: 'contextAdvanced currentWatermarkMs installObserver installObserverWithBaseline',
  DefaultSessionClaimRegistry: 'tryAcquire release',
  InteractionStreamHandle: 'reserved attached completed expired closedEarly state installCleanupObserver',
  RealtimeProductTurnHandle: `turnInFlight turnCommitted outputStarted turnInterrupted turnTerminal currentPhase isInFlight
    shouldPreemptOnInput projectionAdvanceObserved projectionRefreshed projectionReset projectionFreshness
    projectionFrontierMs isProjectionStaleImmediate installProjectionFreshnessObserver
    installProjectionFreshnessObserverWithSnapshot classifyClientInputSubmitted classifyMidTurnActivity
    classifyTurnTerminated reconnectPolicyOnCleanClose`,
  HandleDslAuthority: `applyInput applyInputWithEffects applyInputWithTransition applyInputWithEffectsAndSample applySignal
    applySignalWithEffects applySignalAndSample snapshotState withStateLock peerProjectionFreshnessAuthority`,
}

/** Each named as a user would import it. */
const handles: { readonly [Name in keyof typeof methodsOf]: { readonly prototype: object } } = {
  ModelRoutingHandle: runtime.ModelRoutingHandle,
  TurnStateHandle: runtime.TurnStateHandle,
  CommsDrainHandle: runtime.CommsDrainHandle,
  ExternalToolSurfaceHandle: runtime.ExternalToolSurfaceHandle,
  PeerCommsHandle: runtime.PeerCommsHandle,
  SessionAdmissionHandle: runtime.SessionAdmissionHandle,
  AuthLeaseHandle: runtime.AuthLeaseHandle,
  McpServerLifecycleHandle: runtime.McpServerLifecycleHandle,
  PeerInteractionHandle: runtime.PeerInteractionHandle,
  SessionContextHandle: runtime.SessionContextHandle,
  DefaultSessionClaimRegistry: runtime.DefaultSessionClaimRegistry,
  InteractionStreamHandle: runtime.InteractionStreamHandle,
  RealtimeProductTurnHandle: runtime.RealtimeProductTurnHandle,
  HandleDslAuthority: runtime.HandleDslAuthority,
}

const bindings = `sessionId epochId opsLifecycle cursorState toolVisibilityOwner turnState commsDrain externalToolSurface
  peerComms sessionAdmission modelRouting authLease mcpServerLifecycle peerInteraction sessionContext sessionClaimHandle
  interactionStream realtimeProductTurn`

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Names of a class that none of its objects have. */
function missing(object: object, names: string): readonly string[] {
  return words(names).filter(name => !(name in object))
}

test('every command is given by its name', () => {
  expect(words(commands).filter(name => !runtime.machineCommandNames.some(known => known === name))).toEqual([])
})

test('every handle has its methods', () => {
  const lacking = Object.entries(methodsOf).flatMap(([name, names]) =>
    missing(handles[name as keyof typeof methodsOf].prototype, names).map(method => `${name}.${method}`),
  )
  expect(lacking).toEqual([])
})

test('a machine and what hangs on it have their methods, and a session its bindings', async () => {
  await using machine = await runtime.MeerkatMachine.ephemeral()
  const { machine: own, ...groups } = methods
  expect(missing(machine, own)).toEqual([])
  const lacking = Object.entries(groups).flatMap(([group, names]) =>
    missing(machine[group as keyof typeof groups], names).map(method => `${group}.${method}`),
  )
  expect(lacking).toEqual([])
  expect(missing(await machine.prepareBindings('s' as runtime.SessionId), bindings)).toEqual([])
})

test('the free functions answer', () => {
  expect(runtime.classifyRuntimeLifecycleState('idle')).toMatchObject({ canAcceptInput: true })
  expect(runtime.classifyRuntimeLifecycleDurableState({ state: 'attached' })).toMatchObject({ value: 'idle' })
  expect(runtime.classifyRuntimeLoopQueueAdmission({ state: 'idle', currentRunBound: false }).ok).toBe(true)
  expect(runtime.resolveInputPublicLifecycleProjection('carried')).toBe('queued')
  expect(runtime.resolveInputPublicStateProjection({ phase: 'queued' }).ok).toBe(true)
})
