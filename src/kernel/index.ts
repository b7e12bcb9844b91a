/** The session machine by itself: pure data and functions, for tools, tests and hosts that decide as the runtime does. */

export type {
  AcceptInput,
  InputDurability,
  InputKind,
  InputMode,
  InputOrigin,
  PostAdmissionSignal,
} from './admission.ts'
export { type BaseChanged, DslTransitionError, MachineAuthority, type Staged } from './authority.ts'
export {
  authorizeStoredInputStateSeed,
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
  type DurableLifecyclePhase,
  type InputPhase,
  type InputPublicLifecycle,
  type InputPublicStateProjection,
  type InputPublicTerminalOutcome,
  type RuntimeLifecycleFacts,
  type RuntimeLoopQueueAdmissionPlan,
  resolveInputPublicLifecycleProjection,
  resolveInputPublicStateProjection,
  resolveVisibleRuntimePhase,
  type StoredInputSeed,
  type Verdict,
  type VisibleRuntimePhasePlan,
} from './classify.ts'
export {
  classifyOperationCompletionFeed,
  classifyOperationCompletionWake,
  classifyOperationDurability,
  classifyOperationPublicResult,
  classifyOperationTerminality,
  type OperationAction,
  type OperationPublicResult,
  type OperationRefusal,
  type OperationTransitionRejection,
  resolveOperationTransitionRejection,
} from './classify-operations.ts'
export type {
  CallEffect,
  InputEffect,
  MeerkatEffect,
  OperationEffect,
  RollbackCause,
  RunEffect,
  ScheduleEffect,
  ScheduleEnd,
  SessionEffect,
  TurnEffect,
} from './effects.ts'
export { decodeState, encodeState, StateDecodeError } from './encode.ts'
export type {
  AgentRuntimeId,
  CallId,
  CommsRuntimeId,
  InputId,
  LiveChannelId,
  LiveToken,
  McpServerId,
  MobId,
  OperationId,
  PeerCorrelationId,
  PeerId,
  RunId,
  RuntimeEpochId,
  ScheduleId,
  SessionId,
  SurfaceId,
  WaitId,
} from './ids.ts'
export { type MeerkatInput, type MeerkatState, meerkat, step } from './machine.ts'
export { settlingSteps, takeOverSteps } from './owed.ts'
export { type QueryEffect, type QueryInput, type QueryState, queries } from './queries.ts'
export type { Emit, Follow, Guard, Invariant, Of, Region, Row, Tagged } from './region.ts'
export type { CallEntry, CallIntent, CallPolicy, CallState } from './regions/calls.ts'
export {
  type Comms,
  type CommsEffect,
  type CommsInput,
  isPeerProjectionFresh,
  type PeerEnvelope,
  type PeerIngressAuth,
  type PeerIngressClass,
  type PeerIngressPhase,
  type PeerIngressReceiveOutcome,
  type PeerResponseStatus,
  type PeerResponseTerminality,
} from './regions/comms.ts'
export type { ContextInput } from './regions/context.ts'
export type { Drain, DrainExitReason, DrainInput, DrainMode } from './regions/drain.ts'
export { classifyImageTerminal, type ImageErrorCode, type ImageObservation } from './regions/image-terminal.ts'
export type { Ingress, IngressInput } from './regions/ingress.ts'
export type {
  InteractionEffect,
  InteractionsInput,
  OutboundRequestEnd,
  OutboundRequestState,
  PeerTerminalDisposition,
} from './regions/interactions.ts'
export {
  type AbandonReason,
  entryOf,
  type Lane,
  type LedgerEntry,
  type Terminal,
  unfinishedInputs,
} from './regions/ledger-entries.ts'
export type { Lifecycle, LifecyclePhase, PreRunPhase } from './regions/lifecycle.ts'
export type {
  LiveAdmission,
  LiveCommand,
  LiveCommandRejection,
  LiveEffect,
  LiveErrorClass,
  LiveInput,
  LiveOpenRejection,
  LiveRequest,
  LiveRequestRejection,
  LiveTokenRejection,
} from './regions/live-rules.ts'
export type { Live, LiveChannel, LiveDegradationReason, LiveStatus, LiveTransport } from './regions/live-state.ts'
export type { LlmEffect, LlmInput, ModelProfile } from './regions/llm.ts'
export {
  capabilityBaseFilter,
  type Llm,
  type SessionLlm,
  type SessionLlmCapabilitySurface,
  type SessionLlmIdentity,
} from './regions/llm-state.ts'
export { type McpServerEffect, type McpServerState, type McpServers, pendingServers } from './regions/mcp-servers.ts'
export {
  completionsAfter,
  type EndedOperation,
  type OperationCursors,
  type OperationEntry,
  type OperationKind,
  type OperationNature,
  type OperationSource,
  type OperationStatus,
  type Operations,
  type OperationTerminal,
  type OperationWait,
  type UnfinishedOperation,
  unfinishedOperations,
} from './regions/operations-entries.ts'
export {
  type ProductTurn,
  type ProductTurnEffect,
  type ProductTurnInput,
  type ProductTurnPhase,
  type ProjectionFreshness,
  type RealtimeReconnectPolicy,
  shouldPreemptOnInput,
} from './regions/product-turn.ts'
export type { RealtimeEffect, RealtimeInput } from './regions/realtime.ts'
export {
  type LiveTopologyPhase,
  type Realtime,
  type RealtimeAttachmentStatus,
  type RealtimeChannelState,
  realtimeAttachmentStatus,
  realtimeChannelState,
} from './regions/realtime-state.ts'
export type { RoutingApproval, RoutingEffect, RoutingInput } from './regions/routing-rules.ts'
export {
  type ImageOperation,
  type ImagePlanDenial,
  type ImageTerminal,
  type ModelRoutingStatus,
  type ModelTarget,
  modelRoutingStatus,
  type PendingSwitch,
  type ProviderTextDisposition,
  type Routing,
  type RoutingTerminal,
  type SwitchDenial,
  type TurnOverride,
} from './regions/routing-state.ts'
export type { Run } from './regions/run.ts'
export {
  dueSchedules,
  nextDueAt,
  type ScheduleEntry,
  type ScheduleMisfire,
  type ScheduleOverlap,
  schedulesOf,
} from './regions/schedules.ts'
export type {
  InteractionStreamEnd,
  InteractionStreamState,
  StreamAbandonReason,
  StreamEffect,
  StreamsInput,
} from './regions/streams.ts'
export type {
  Supervisor,
  SupervisorIdentity,
  SupervisorRotationReceipt,
  SupervisorRotationRejection,
} from './regions/supervisor-facts.ts'
export type {
  SupervisorEffect,
  SupervisorInput,
  SupervisorRotationStatus,
  SupervisorVerdict,
} from './regions/supervisor-rules.ts'
export type { DurableTailDisposition, TailInput } from './regions/tail.ts'
export type { ToolFilter } from './regions/tool-filter.ts'
export type { ToolSurfaceEffect, ToolSurfacesInput } from './regions/tool-surfaces-rules.ts'
export {
  hasPendingOrStaged,
  isSnapshotAligned,
  pendingSurfaces,
  qualifiedToolName,
  removingSurfaces,
  type Surface,
  type SurfaceFailureCause,
  type SurfaceTool,
  surfaceTools,
  type ToolSurfaces,
  visibleSurfaces,
} from './regions/tool-surfaces-state.ts'
export type { PeerEndpoint, Trust, TrustEffect, TrustInput } from './regions/trust.ts'
export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './regions/turn.ts'
export type { ReplaceVisibilityState, VisibilityEffect, VisibilityInput } from './regions/visibility.ts'
export {
  effectiveToolFilter,
  hasStagedVisibility,
  isToolVisible,
  type ToolAuthority,
  type ToolCatalog,
  type ToolWitness,
  type TurnToolOverlay,
  type Visibility,
  type VisibleSet,
} from './regions/visibility-state.ts'
export {
  type Blocker,
  blockers,
  type CompletionBatch,
  canHear,
  canPrepare,
  completionBatchDue,
  completionsUntold,
  hearable,
  runnable,
} from './runnable.ts'
export type {
  AnyRegion,
  Edge,
  Machine,
  Rejection,
  RejectionKind,
  StepResult,
  Transition,
  Violation,
} from './step.ts'
export { machine } from './step.ts'
