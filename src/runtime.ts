/** What a host that embeds the runtime's parts needs: the kernel's authority, its verdicts, the driver and the executor port. */

export { type Committed, type DriverOptions, SessionDriver } from './driver/driver.ts'
export { KernelRejection, Transaction } from './driver/transaction.ts'
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
export { type Ids, uuidIds } from './ids.ts'
export {
  type BaseChanged,
  DslTransitionError,
  MachineAuthority,
  type Staged,
} from './kernel/authority.ts'
export {
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
  type InputPublicStateProjection,
  type RuntimeLifecycleFacts,
  type RuntimeLoopQueueAdmissionPlan,
  resolveInputPublicLifecycleProjection,
  resolveInputPublicStateProjection,
  resolveVisibleRuntimePhase,
  type Verdict,
  type VisibleRuntimePhasePlan,
} from './kernel/classify.ts'
export type { MeerkatEffect } from './kernel/effects.ts'
export type { CallId, InputId, RunId, RuntimeEpochId, SessionId } from './kernel/ids.ts'
export { type MeerkatInput, type MeerkatState, meerkat, step } from './kernel/machine.ts'
export type { Rejection, RejectionKind, StepResult, Transition } from './kernel/step.ts'
export { type LoopOptions, SessionLoop } from './loop/loop.ts'
export { exportSession } from './session/transfer/export.ts'
export { type Imported, type ImportOptions, importSession } from './session/transfer/import.ts'
export { type Moved, type MoveOptions, moveSession } from './session/transfer/move.ts'
export type { Claim, Commit, Store, StoreSource } from './store/store.ts'
export { type Clock, Deadline, systemClock } from './time.ts'
