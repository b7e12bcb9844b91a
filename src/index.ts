/** meerkat-ts: a durable session runtime for AI agents. */

export { ERROR_CODES, type ErrorBody, type ErrorCode, MeerkatError } from './errors.ts'
export type { ApplyOutput, CoreExecutor, RunPort } from './executor/executor.ts'
export type * from './session/api.ts'
export { createRuntime } from './session/create-runtime.ts'
export { type SendOptions, SentInput, type SentResult, SessionHandle } from './session/handle.ts'
export type { RuntimeOptions } from './session/options.ts'
export type { OutputOf, StandardSchema } from './session/output-schema.ts'
export { Runtime } from './session/runtime.ts'
export type { Content, ContentPart, MessagePart, SessionOptions, UsageRecord } from './store/records.ts'
export type { StoreSource } from './store/store.ts'
export { type Clock, Deadline, systemClock } from './time.ts'
export { version } from './version.ts'
