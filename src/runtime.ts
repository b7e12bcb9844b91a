/**
 * What a host needs that embeds parts of the runtime: the machine and its verdicts, the driver, and the executor's
 * port.
 */

export { AuthLeaseHandle, type AuthLeaseSnapshot, type AuthLeaseTransition } from './auth/lease.ts'
export { type AuthAuditEntry, AuthMachines, type LeaseKey, leaseKeyText } from './auth/machines.ts'
export { OAuthFlowHandle } from './auth/oauth-flow.ts'
export type { DurableOAuthFlows, OAuthFlowErrorReason, OAuthFlowStore } from './auth/oauth-flow-records.ts'
export {
  AuthRefreshCoordinator,
  type AuthRefreshOptions,
  type CredentialRefreshOutcome,
  type PerformCredentialRefresh,
  type ReadRefreshedCredential,
} from './auth/refresh.ts'
export { SessionDriver } from './driver/driver.ts'
export { KernelRejection } from './driver/kernel-rejection.ts'
export type { Committed, DriverOptions } from './driver/options.ts'
export { Transaction } from './driver/transaction.ts'
export type {
  AbortCause,
  ApplyOutput,
  BoundaryAnswer,
  CallOutcome,
  ContextMessage,
  CoreExecutor,
  RunInput,
  RunPort,
  StreamEvent,
  ToolSummary,
} from './executor/executor.ts'
export {
  CommsDrainHandle,
  PeerCommsHandle,
  type PeerIngressClassification,
  type PeerIngressReceiveVerdict,
} from './handles/comms.ts'
export {
  HandleDslAuthority,
  type HandleInput,
  HandleTeardownGate,
  type PeerProjectionFreshness,
  type SharedAuthority,
} from './handles/dsl-authority.ts'
export { type EpochCursorSnapshot, EpochCursorState } from './handles/epoch-cursors.ts'
export {
  type ExternalToolSurfaceEffect,
  ExternalToolSurfaceHandle,
  type ExternalToolSurfaceInput,
  type ExternalToolSurfaceTransition,
  type SurfaceDiagnosticSnapshot,
  type SurfaceSnapshot,
} from './handles/external-tool-surface.ts'
export { type InteractionStreamCleanupObserver, InteractionStreamHandle } from './handles/interaction-stream.ts'
export type {
  LiveChannelRequestRejectionAuthority,
  LiveChannelStatusAuthority,
  LiveCloseResultAuthority,
  LiveCommandRejectionAuthority,
  LiveCommandResultAuthority,
  LiveOpenAdmissionAuthority,
  LiveRefreshResultAuthority,
  LiveWebrtcAnswerAdmissionAuthority,
  LiveWebrtcAnswerResultAuthority,
  LiveWebrtcTokenAuthority,
  LiveWebsocketTokenAdmissionAuthority,
  LiveWebsocketTokenAuthority,
} from './handles/live-authorities.ts'
export { McpServerLifecycleHandle } from './handles/mcp-server-lifecycle.ts'
export { ModelRoutingHandle } from './handles/model-routing.ts'
export type { Uninstall } from './handles/observers.ts'
export {
  blockPrefixText,
  contextKey,
  peerResponseTerminalContextKey,
  peerResponseTerminalFact,
  promptText,
} from './handles/peer-conversation.ts'
export { type PeerInteractionCleanupObserver, PeerInteractionHandle } from './handles/peer-interaction.ts'
export {
  RealtimeProductTurnHandle,
  type RealtimeProjectionFreshnessObserver,
} from './handles/realtime-product-turn.ts'
export { SessionAdmissionHandle } from './handles/session-admission.ts'
export {
  DefaultSessionClaimRegistry,
  type SessionClaim,
  SessionClaimError,
  type SessionClaimHandle,
} from './handles/session-claim.ts'
export { type SessionContextAdvancedObserver, SessionContextHandle } from './handles/session-context.ts'
export { ToolScopeStageError, type ToolScopeStageErrorKind } from './handles/tool-scope-error.ts'
export {
  type SessionToolVisibilityState,
  standaloneToolVisibilityOwner,
  ToolVisibilityOwner,
} from './handles/tool-visibility.ts'
export { type TurnLoopState, TurnStateHandle, type TurnStateSnapshot } from './handles/turn-state.ts'
export type { AcceptOutcome, HostInput, InputCompletion } from './host/admission.ts'
export {
  bindingsFor,
  RuntimeBindingsError,
  type RuntimeBuildMode,
  type SessionRuntimeBindings,
  standaloneBindings,
} from './host/bindings.ts'
export { type MachineCommandName, machineCommandNames } from './host/commands.ts'
export type { DrainTask } from './host/drain-slot.ts'
export type { InterruptHandle } from './host/entries.ts'
export type { LiveChannels } from './host/live.ts'
export {
  type MachineCommandAnswer,
  type MachineCommandParams,
  type MachineOptions,
  MeerkatMachine,
} from './host/meerkat-machine.ts'
export type { SessionLlmReconfigureHost, SessionModels, StickyModelFallback } from './host/models.ts'
export { OpsLifecycleError, OpsLifecycleRegistry } from './host/operations.ts'
export type { Placement } from './host/placement.ts'
export type { RealtimeAttachmentAuthority, RealtimeAttachments } from './host/realtime.ts'
export type { RecoveryReport } from './host/recovery.ts'
export type { CompositionSignalDispatcher, SessionSeam } from './host/seam.ts'
export type { SessionExecutor, SessionPort } from './host/session-port.ts'
export { isGenuine, type RuntimeAuthorityWitness } from './host/witness.ts'
export { type Ids, uuidIds } from './ids.ts'
export {
  DslTransitionError,
  MachineAuthority,
} from './kernel/authority.ts'
export type { MeerkatEffect } from './kernel/effects.ts'
export type { CallId, InputId, RunId, RuntimeEpochId, SessionId } from './kernel/ids.ts'
export type { MeerkatInput } from './kernel/inputs.ts'
export {
  type PeerConversationProjection,
  type PeerResponseProgressProjectionPhase,
  type PeerResponseTerminalCorrelationId,
  type PeerResponseTerminalDisplayIdentity,
  type PeerResponseTerminalFact,
  PeerResponseTerminalFactError,
  type PeerResponseTerminalProjectionStatus,
  type PeerResponseTerminalRenderPayload,
  type PeerResponseTerminalRouteIdentity,
  type PeerResponseTerminalSource,
  type PeerResponseTerminalTransportIdentity,
  type PeerSaid,
} from './kernel/peer-conversation.ts'
export type {
  ProductTurnPhase as RealtimeProductTurnPhase,
  ProjectionFreshness as RealtimeProjectionFreshness,
} from './kernel/regions/product-turn/state.ts'
export type { MeerkatState } from './kernel/state.ts'
export type {
  Rejection,
  RejectionKind,
  RejectionKind as DslRejectionKind,
  StepResult,
  Transition,
} from './kernel/step.ts'
export {
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
  type InputPublicStateProjection,
  meerkat,
  type RuntimeLifecycleFacts,
  type RuntimeLoopQueueAdmissionPlan,
  resolveInputPublicLifecycleProjection,
  resolveInputPublicStateProjection,
  resolveVisibleRuntimePhase,
  step,
  type Verdict,
  type VisibleRuntimePhasePlan,
} from './kernel-entry/index.ts'
export { type LoopOptions, SessionLoop } from './loop/loop.ts'
export type { ExecutorClaim, MakeExecutor } from './session/serving/registrations.ts'
export { type ExportOptions, exportSession } from './session/transfer/export.ts'
export { type Imported, type ImportOptions, importSession } from './session/transfer/import.ts'
export { type Moved, type MoveOptions, moveSession } from './session/transfer/move.ts'
export type { Claim, Commit, Store, StoreSource } from './store/store.ts'
export { type Clock, Deadline, systemClock } from './time.ts'
