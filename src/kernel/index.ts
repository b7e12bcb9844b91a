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
  InputId,
  OperationId,
  RunId,
  RuntimeEpochId,
  ScheduleId,
  SessionId,
  WaitId,
} from './ids.ts'
export { type MeerkatInput, type MeerkatState, meerkat, step } from './machine.ts'
export { settlingSteps, takeOverSteps } from './owed.ts'
export type { Emit, Follow, Guard, Invariant, Of, Region, Row, Tagged } from './region.ts'
export type { CallEntry, CallIntent, CallPolicy, CallState } from './regions/calls.ts'
export {
  type AbandonReason,
  entryOf,
  type Lane,
  type LedgerEntry,
  type Terminal,
  unfinishedInputs,
} from './regions/ledger-entries.ts'
export type { Lifecycle, LifecyclePhase, PreRunPhase } from './regions/lifecycle.ts'
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
export type { Run } from './regions/run.ts'
export {
  dueSchedules,
  nextDueAt,
  type ScheduleEntry,
  type ScheduleMisfire,
  type ScheduleOverlap,
  schedulesOf,
} from './regions/schedules.ts'
export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './regions/turn.ts'
export { type Blocker, blockers, type CompletionBatch, canPrepare, completionBatchDue, runnable } from './runnable.ts'
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
