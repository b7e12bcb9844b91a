// What the kernel declares and nothing in the product drives yet. It only shrinks (reach.ts).

/** How many effects of a session nothing hears yet: rows `later` of the table in src/driver/project.ts. */
export const EFFECTS_FOR_LATER: number = 16

/**
 * Kernel inputs by region. `byNobody`: no line outside the kernel sends it. `byHostsAlone`: only a program that embeds
 * MeerkatMachine sends it, through its methods and handles; the agent and the surfaces do not. Later work will send
 * them: tools, MCP servers and credentials (tool-surfaces, mcp-servers, visibility, auth), models (llm, routing), peers
 * and mobs (comms, trust, ingress, drain, interactions, streams, supervisor, mob), voice (realtime, product-turn,
 * live).
 */
export const undrivenInputs: { readonly byNobody: readonly string[]; readonly byHostsAlone: readonly string[] } = {
  byNobody: [
    // mob/spawns
    'AbortSpawnExec',
    'AuthorizeSpawnProfile',
    'BeginSpawnExec',
    'CancelPendingSpawn',
    'CommitSpawnActivation',
    'CommitSpawnMembership',
    'Respawn',
    // trust
    'AddDirectPeerEndpoint',
    'ApplyMobPeerOverlay',
    'AuthorizeSupervisorMobPeerOverlay',
    'ClearLocalEndpoint',
    'PublishLocalEndpoint',
    'RemoveDirectPeerEndpoint',
    // tail
    'AuthorizeDurableTailRecovery',
    // supervisor
    'AuthorizeSupervisor',
    'BindSupervisor',
    'ObserveSupervisorRotation',
    'RefreshSupervisorBindingRoute',
    'RequestSupervisorTrustPublish',
    'ResolveSupervisorAuthorizeAdmission',
    'ResolveSupervisorBindAdmission',
    'ResolveSupervisorBindMaterialAdmission',
    'ResolveSupervisorBridgeCommandAdmission',
    'ResolveSupervisorCleanupCommandAdmission',
    'ResumeSupervisorRotation',
    'RevokeSupervisor',
    'SubmitSupervisorRotation',
    'SupervisorRotationNextPublished',
    'SupervisorRotationPreviousRevoked',
    'SupervisorTrustEdgePublishFailed',
    'SupervisorTrustEdgePublished',
    'SupervisorTrustEdgeRevokeFailed',
    'SupervisorTrustEdgeRevoked',
    // registration
    'BeginUnregisterUnservedAttachment',
    'ResolveRuntimeOpsLifecycleDurability',
    // mob/lifecycle
    'BindCoordinator',
    'Complete',
    'ObserveRuntimeDestroyed',
    'Stop',
    'UnbindCoordinator',
    // mob/work
    'CancelAllWork',
    'ObserveWorkSettled',
    'ResolveRuntimeIngressRefusal',
    'SubmitWork',
    // mob/flows
    'CancelFlow',
    'CompleteStep',
    'CreateRunSeed',
    'FailStep',
    'RunFlow',
    'SkipStep',
    'StartStep',
    // ledger
    'DeferInputBehindBacklog',
    // mob/kickoffs
    'MarkKickoffFailed',
    // mob/wiring
    'ObserveMemberTrustWired',
    'UnwireExternalPeer',
    'UnwireMembers',
    'WireExternalPeer',
    'WireMembers',
    // mob/roster
    'ObserveRuntimeReady',
    'ObserveRuntimeRetired',
    'PublishMemberEndpoint',
    'RestoreBinding',
    // mob/ingress
    'ObserveSessionIngressDetached',
    // comms
    'PeerProjectionReconciled',
    // tool-surfaces
    'SurfaceMarkPendingFailed',
    'SurfaceMarkPendingSucceeded',
    'SurfaceRegister',
    'SurfaceSetRemovalTimeout',
    'SurfaceShutdown',
    'SurfaceStageAdd',
    'SurfaceStageReload',
    'SurfaceStageRemove',
  ],
  byHostsAlone: [
    // turn
    'ForceCancelNoRun',
    // live
    'AbandonLiveOpenAdmission',
    'RecordLiveChannelRequestRejected',
    'RecordLiveChannelStatus',
    'RecordLiveCloseClosed',
    'RecordLiveCommandAccepted',
    'RecordLiveCommandRejected',
    'RecordLiveRefreshQueued',
    'RecordLiveWebrtcAnswerAccepted',
    'RecordLiveWebrtcTokenIssued',
    'RecordLiveWebsocketTokenIssued',
    'ResolveLiveOpenAdmission',
    'ResolveLiveWebrtcAnswerAdmission',
    'ResolveLiveWebsocketTokenAdmission',
    // realtime
    'AbortLiveTopologyBeforeDetach',
    'ApplyLiveTopologyIdentity',
    'ApplyLiveTopologyVisibility',
    'BeginLiveTopologyReconfigure',
    'BeginRealtimeBinding',
    'BeginRealtimeReconnectCycle',
    'ClearRealtimeReconnectProgress',
    'CompleteLiveTopology',
    'DetachRealtimeBinding',
    'ExhaustRealtimeReconnectCycle',
    'FailLiveTopologyAfterDetach',
    'MarkLiveTopologyDetached',
    'ProjectRealtimeIntent',
    'PublishRealtimeSignal',
    'ReplaceRealtimeBinding',
    'RequireRealtimeReattach',
    'RequireRealtimeReattachForAuthority',
    'ScheduleRealtimeReconnectRetry',
    // operations
    'AbortOperation',
    'CancelWaitAll',
    'OperationPeerReady',
    'RequestOperationRetire',
    'RetireOperation',
    'RollbackUnreturnedOperation',
    'TerminateOwnerOperations',
    'WaitAllOperations',
    // auth/lease
    'Acquire',
    'BeginRefresh',
    'BeginRelease',
    'ClearCredentialLifecycle',
    'CompleteRefresh',
    'MarkExpiring',
    'MarkReauthRequired',
    'ObserveCredentialFreshness',
    'RefreshFailed',
    'Release',
    'ReleaseCredentialLifecycle',
    'RestoreCredentialLifecycle',
    // routing
    'ActivateImageOperationOverride',
    'BeginImageOperation',
    'ClassifyImageOperationTerminal',
    'CompleteImageOperation',
    'CompleteUntilChangedSwitchTurnReconfigure',
    'DenyImageOperationPlan',
    'RequestUntilChangedSwitchTurn',
    'RestoreImageOperationOverride',
    // auth/flows
    'AdmitOAuthBrowserFlow',
    'AdmitOAuthDeviceFlow',
    'ConfirmOAuthDurableAdmission',
    'ConsumeOAuthBrowserFlow',
    'ConsumeOAuthDeviceFlow',
    'ExpireOAuthBrowserFlow',
    'ExpireOAuthDeviceFlow',
    'VerifyOAuthBrowserFlow',
    'VerifyOAuthDeviceFlow',
    // ingress
    'AttachMobIngress',
    'AttachSessionIngress',
    'DetachIngress',
    // auth/polls
    'BeginOAuthDevicePoll',
    'FinishOAuthDevicePoll',
    // registration
    'SetSilentIntents',
    // comms
    'ClassifyExternalEnvelope',
    'ClassifyPeerResponseReply',
    'ClassifyPlainEvent',
    'ResolvePeerIngressDequeue',
    'ResolvePeerIngressReceive',
    // product-turn
    'ClassifyRealtimeClientInputSubmitted',
    'ClassifyRealtimeMidTurnActivity',
    'ClassifyRealtimeTurnTerminated',
    'ProductOutputStarted',
    'ProductTurnCommitted',
    'ProductTurnInFlight',
    'ProductTurnInterrupted',
    'ProductTurnTerminal',
    'RealtimeProjectionAdvanceObserved',
    'RealtimeProjectionRefreshed',
    'RealtimeProjectionReset',
    // llm
    'ReconfigureSessionLlmIdentity',
    // visibility
    'ClearTurnToolOverlay',
    'CommitDeferredNames',
    'CommitVisibilityFilter',
    'SetTurnToolOverlay',
    'StageDeferredNames',
    'SyncVisibilityRevisions',
    // drain
    'EnsureDrainRunning',
    'NotifyDrainExited',
    'SetPeerIngressContext',
    'SpawnDrain',
    'StopDrain',
    // binding
    'Ingest',
    'PrepareBindings',
    // streams
    'InteractionStreamAbandoned',
    'InteractionStreamAttached',
    'InteractionStreamClosedEarly',
    'InteractionStreamCompleted',
    'InteractionStreamExpired',
    'InteractionStreamReserved',
    // mcp-servers
    'McpServerConnectPending',
    'McpServerConnected',
    'McpServerDisconnected',
    'McpServerFailed',
    'McpServerReload',
    // interactions
    'PeerRequestSendFailed',
    'PeerRequestSent',
    'PeerRequestTimedOut',
    'PeerResponseRejected',
    'PeerResponseReplied',
  ],
}
