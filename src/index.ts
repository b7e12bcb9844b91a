/** meerkat-ts: a durable session runtime for AI agents. */

export { ERROR_CODES, type ErrorBody, type ErrorCode, MeerkatError } from './errors.ts'
export type { EventOf, EventType, EventView } from './events.ts'
export type {
  ApplyOutput,
  AskedModel,
  CoreExecutor,
  ExecutorModels,
  ModelLook,
  RunPort,
  SwitchDecision,
  SwitchRequest,
  ToolCatalogue,
} from './executor/executor.ts'
export type { CataloguedTool, OfferedTool } from './kernel/tool-catalogue.ts'
export type * from './session/api.ts'
export { createRuntime } from './session/create-runtime.ts'
export { type SendOptions, SentInput, type SentResult, SessionHandle } from './session/handle.ts'
export type { RuntimeOptions } from './session/options.ts'
export type { OutputOf, StandardSchema } from './session/output-schema.ts'
export { Runtime } from './session/runtime.ts'
export type { LeaveOptions } from './session/serving/leave.ts'
export type { ServingEnd } from './session/serving/registration.ts'
export type { ServedSession } from './session/serving/served-session.ts'
export type { ToolFilterParams, ToolRequestParams } from './session/tool-choice.ts'
export type * from './session/views.ts'
export type { Content, ContentPart, MessagePart, SessionOptions, UsageRecord } from './store/records.ts'
export type { StoreSource } from './store/store.ts'
export type { CallContext } from './surfaces/operation.ts'
export type { OperationName, OperationParams, OperationResult } from './surfaces/operations.ts'
export { type Clock, Deadline, systemClock } from './time.ts'
export { version } from './version.ts'
