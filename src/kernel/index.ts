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
export type {
  CallEffect,
  InputEffect,
  MeerkatEffect,
  RollbackCause,
  RunEffect,
  SessionEffect,
  TurnEffect,
} from './effects.ts'
export { decodeState, encodeState, StateDecodeError } from './encode.ts'
export type { AgentRuntimeId, CallId, InputId, RunId, RuntimeEpochId, SessionId } from './ids.ts'
export { type MeerkatInput, type MeerkatState, meerkat, step } from './machine.ts'
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
export type { Run } from './regions/run.ts'
export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './regions/turn.ts'
export { type Blocker, blockers, canPrepare, runnable } from './runnable.ts'
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
