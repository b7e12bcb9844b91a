export { DslTransitionError, MachineAuthority } from './authority.ts'
export {
  authorizeStoredInputStateSeed,
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
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
export type { MeerkatEffect } from './effects.ts'
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
export type { MeerkatInput } from './inputs.ts'
export { meerkat, step } from './machine.ts'
export { settlingSteps, takeOverSteps } from './owed.ts'
export type { AnyRegion, Edge } from './plan.ts'
export { type QueryEffect, type QueryInput, type QueryState, queries } from './queries.ts'
export type { Decides, Emit, Follow, Guard, Invariant, Of, Region, Row, Tagged } from './region.ts'
export type { CallEffect } from './regions/calls/effect.ts'
export type { CallIntent } from './regions/calls/input.ts'
export type { CallEntry, CallPolicy, CallState } from './regions/calls/state.ts'
export type {
  CommsEffect,
  PeerIngressClass,
  PeerIngressReceiveOutcome,
  PeerResponseTerminality,
} from './regions/comms/effect.ts'
export type { CommsInput, PeerEnvelope, PeerIngressAuth, PeerResponseStatus } from './regions/comms/input.ts'
export type { Comms, PeerIngressPhase } from './regions/comms/state.ts'
export { isPeerProjectionFresh } from './regions/comms/table.ts'
export type { ContextInput } from './regions/context/input.ts'
export type { DrainExitReason, DrainInput } from './regions/drain/input.ts'
export type { Drain, DrainMode } from './regions/drain/state.ts'
export type { IngressInput } from './regions/ingress/input.ts'
export type { Ingress } from './regions/ingress/state.ts'
export type { InteractionEffect, OutboundRequestEnd } from './regions/interactions/effect.ts'
export type { InteractionsInput, PeerTerminalDisposition } from './regions/interactions/input.ts'
export type { OutboundRequestState } from './regions/interactions/state.ts'
export type { InputEffect, PostAdmissionSignal } from './regions/ledger/effect.ts'
export type { AcceptInput, InputDurability, InputMode, InputOrigin } from './regions/ledger/input.ts'
export {
  type AbandonReason,
  entryOf,
  type InputKind,
  type Lane,
  type LedgerEntry,
  type Terminal,
  unfinishedInputs,
} from './regions/ledger/state.ts'
export type { SessionEffect } from './regions/lifecycle/effect.ts'
export type { DurableLifecyclePhase, Lifecycle, LifecyclePhase, PreRunPhase } from './regions/lifecycle/state.ts'
export type {
  LiveAdmission,
  LiveEffect,
  LiveErrorClass,
  LiveOpenRejection,
  LiveTokenRejection,
} from './regions/live/effect.ts'
export type {
  LiveCommand,
  LiveCommandRejection,
  LiveInput,
  LiveRequest,
  LiveRequestRejection,
} from './regions/live/input.ts'
export type { Live, LiveChannel, LiveDegradationReason, LiveStatus, LiveTransport } from './regions/live/state.ts'
export type { LlmEffect } from './regions/llm/effect.ts'
export type { LlmInput, ModelProfile } from './regions/llm/input.ts'
export {
  capabilityBaseFilter,
  type Llm,
  type SessionLlm,
  type SessionLlmCapabilitySurface,
  type SessionLlmIdentity,
} from './regions/llm/state.ts'
export type { McpServerEffect } from './regions/mcp-servers/effect.ts'
export type { McpServerState, McpServers } from './regions/mcp-servers/state.ts'
export { pendingServers } from './regions/mcp-servers/table.ts'
export type { OperationEffect } from './regions/operations/effect.ts'
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
} from './regions/operations/state.ts'
export type { ProductTurnEffect } from './regions/product-turn/effect.ts'
export type { ProductTurnInput } from './regions/product-turn/input.ts'
export type {
  ProductTurn,
  ProductTurnPhase,
  ProjectionFreshness,
  RealtimeReconnectPolicy,
} from './regions/product-turn/state.ts'
export { shouldPreemptOnInput } from './regions/product-turn/table.ts'
export type { RealtimeEffect } from './regions/realtime/effect.ts'
export type { RealtimeInput } from './regions/realtime/input.ts'
export {
  type LiveTopologyPhase,
  type Realtime,
  type RealtimeAttachmentStatus,
  type RealtimeChannelState,
  realtimeAttachmentStatus,
  realtimeChannelState,
} from './regions/realtime/state.ts'
export type { RoutingEffect } from './regions/routing/effect.ts'
export { classifyImageTerminal } from './regions/routing/image-terminal.ts'
export type { ImageErrorCode, ImageObservation, RoutingApproval, RoutingInput } from './regions/routing/input.ts'
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
} from './regions/routing/state.ts'
export type { RollbackCause, RunEffect } from './regions/run/effect.ts'
export type { Run } from './regions/run/state.ts'
export type { ScheduleEffect, ScheduleEnd } from './regions/schedules/effect.ts'
export {
  type ScheduleEntry,
  type ScheduleMisfire,
  type ScheduleOverlap,
  schedulesOf,
} from './regions/schedules/state.ts'
export {
  dueSchedules,
  nextDueAt,
} from './regions/schedules/table.ts'
export type { InteractionStreamEnd, StreamEffect } from './regions/streams/effect.ts'
export type { StreamAbandonReason, StreamsInput } from './regions/streams/input.ts'
export type { InteractionStreamState } from './regions/streams/state.ts'
export type { SupervisorEffect, SupervisorRotationStatus, SupervisorVerdict } from './regions/supervisor/effect.ts'
export type { SupervisorInput } from './regions/supervisor/input.ts'
export type {
  Supervisor,
  SupervisorIdentity,
  SupervisorRotationReceipt,
  SupervisorRotationRejection,
} from './regions/supervisor/state.ts'
export type { ToolFilter } from './regions/tool-filter.ts'
export type { ToolSurfaceEffect } from './regions/tool-surfaces/effect.ts'
export type { ToolSurfacesInput } from './regions/tool-surfaces/input.ts'
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
} from './regions/tool-surfaces/state.ts'
export type { TrustEffect } from './regions/trust/effect.ts'
export type { TrustInput } from './regions/trust/input.ts'
export type { PeerEndpoint, Trust } from './regions/trust/state.ts'
export type { TurnEffect } from './regions/turn/effect.ts'
export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './regions/turn/table.ts'
export type { VisibilityEffect } from './regions/visibility/effect.ts'
export type { ReplaceVisibilityState, VisibilityInput } from './regions/visibility/input.ts'
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
} from './regions/visibility/state.ts'
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
export type { MeerkatState } from './state.ts'
export type {
  Machine,
  Rejection,
  RejectionKind,
  StepResult,
  Transition,
  Violation,
} from './step.ts'
export { machine } from './step.ts'
