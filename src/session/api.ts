/**
 * What may be asked of a runtime, as the library speaks it. The operations table checks the same shapes on every surface.
 * Durations end in `Ms`.
 */
import type { EventView } from '../events.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import type { Content, SessionOptions } from '../store/records.ts'
import type { AuditOptions } from './audit.ts'
import type { BlobView } from './blobs.ts'
import type { Decision, Resolution } from './calls.ts'
import type { RetentionPolicy } from './retention/policy.ts'
import type { PruneReport } from './retention/prune.ts'
import type { ScheduleTimes } from './schedule-times.ts'
import type { ToolFilterParams, ToolRequestParams } from './tool-choice.ts'
import type {
  ApprovalView,
  AuditReport,
  CallView,
  ControlReport,
  Explanation,
  Health,
  HistoryMessage,
  InputStatus,
  InputView,
  MisfirePolicy,
  ModelView,
  OperationView,
  OverlapPolicy,
  Page,
  ReceiptView,
  RunResult,
  RuntimeInfo,
  RunView,
  ScheduleView,
  SendAnswer,
  SessionView,
  ToolsView,
} from './views.ts'

/** What may be changed of a session; `null` takes a field away. */
export type SessionChanges = {
  readonly [Field in 'title' | 'labels' | 'model' | 'system' | 'tools' | 'budget']?: SessionOptions[Field] | null
}

/**
 * What opening an existing session with other options does. `refuse` (default): `session-conflict`. `keep`: answers it
 * as it is. `update`: changes what was given and is different.
 */
export type OnConflict = 'keep' | 'update' | 'refuse'

export interface SendParams {
  readonly content: Content
  readonly mode?: 'queue' | 'steer' | 'supersede'
  readonly idempotencyKey?: string
  readonly supersessionKey?: string
  /** JSON Schema of the answer, or a schema that has one: Zod's, or any other Standard Schema's. */
  readonly outputSchema?: unknown
  readonly model?: string
  readonly maxRunMs?: number
  /** The span that it is sent in, a W3C `traceparent`: parent of its run. The active one unless told, where traced. */
  readonly traceparent?: string
  /** Answer only after the input ended, or this time passed; the run goes on. */
  readonly waitMs?: number
  /** Revive a stopped session. */
  readonly resume?: boolean
}

export interface ScheduleParams extends ScheduleTimes {
  readonly content: Content
  readonly title?: string
  /** What happens when it is due while the input it gave last is unfinished. Default `skip`. */
  readonly overlap?: OverlapPolicy
  /** What happens to times that passed while nobody could fire it. Default `once`. */
  readonly misfire?: MisfirePolicy
  /** Asking again with it answers the first schedule instead of making a second one, for ever. */
  readonly idempotencyKey?: string
}

export type ControlOperation = 'stop' | 'resume' | 'retire' | 'reset' | 'recycle' | 'destroy'

/** Everything the surfaces can ask of a runtime. Errors are `MeerkatError`s. */
export interface RuntimeApi {
  info(): RuntimeInfo
  health(): Health
  open(params: SessionOptions & { readonly sessionId?: string; readonly onConflict?: OnConflict }): Promise<SessionView>
  /** Changes how the session is served from its next turn on. `conflict` where `revision` is not the session's any more. */
  update(sessionId: string, changes: SessionChanges & { readonly revision?: number }): Promise<SessionView>
  get(sessionId: string): Promise<SessionView>
  list(params?: {
    readonly after?: string
    readonly limit?: number
    readonly phase?: string
    readonly label?: string
  }): Promise<Page<SessionView>>
  history(
    sessionId: string,
    params?: { readonly after?: number; readonly limit?: number },
  ): Promise<{ readonly messages: readonly HistoryMessage[]; readonly next?: number }>
  fork(
    sessionId: string,
    params?: { readonly atMessage?: number; readonly newSessionId?: string },
  ): Promise<SessionView>
  control(sessionId: string, operation: ControlOperation): Promise<ControlReport>
  explain(sessionId: string): Promise<Explanation>
  /** Re-runs the session's log; beside everything else, for as long as that takes or until the signal aborts. */
  audit(sessionId: string, options?: AuditOptions): Promise<AuditReport>
  send(sessionId: string, params: SendParams): Promise<SendAnswer>
  input(sessionId: string, by: { readonly inputId?: string; readonly idempotencyKey?: string }): Promise<InputView>
  inputs(
    sessionId: string,
    params?: { readonly status?: InputStatus; readonly after?: string; readonly limit?: number },
  ): Promise<Page<InputView>>
  withdraw(sessionId: string, inputId: string): Promise<{ readonly withdrawn: boolean; readonly input: InputView }>
  /** Answers with the terminal status, or with the present one when the time is up. */
  wait(
    sessionId: string,
    inputId: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ readonly status: InputStatus; readonly reason?: string; readonly result?: RunResult }>
  cancel(
    sessionId: string,
    params?: { readonly runId?: string; readonly when?: 'now' | 'boundary'; readonly queue?: 'keep' | 'drop' },
  ): Promise<{
    readonly cancelled: boolean
    readonly runId?: RunId
    readonly alreadyEnded?: boolean
    readonly dropped?: number
    /** Inputs that ended with the cancel itself: parked work, and the dropped queue. */
    readonly endedInputs: readonly InputId[]
  }>
  runs(sessionId: string, params?: { readonly after?: string; readonly limit?: number }): Promise<Page<RunView>>
  run(sessionId: string, runId: string): Promise<{ readonly run: RunView; readonly receipts: readonly ReceiptView[] }>
  /**
   * Events after a cursor, oldest first. With `waitMs` it waits for the first one that long. Fewer than `limit` are no
   * sign of the end where they are long: `cursor` goes on behind them, and an empty answer is the end. They are frozen,
   * for other readers get the same.
   */
  events(params?: {
    readonly sessionId?: string
    readonly after?: string
    readonly limit?: number
    readonly waitMs?: number
    readonly signal?: AbortSignal
  }): Promise<{ readonly events: readonly EventView[]; readonly cursor: string }>
  calls(sessionId: string, params?: { readonly state?: string }): Promise<readonly CallView[]>
  resolveCall(sessionId: string, callId: string, params: Resolution): Promise<CallView>
  approvals(sessionId: string): Promise<readonly ApprovalView[]>
  decide(sessionId: string, approvalId: string, params: Decision): Promise<CallView>
  /** The tools of the session's next turn, each with how it stands. */
  tools(sessionId: string): Promise<ToolsView>
  /**
   * Leaves the model these tools (`allow`), without those (`deny`); all again where neither is given. In force from the
   * session's next boundary or turn on.
   */
  filterTools(sessionId: string, params?: ToolFilterParams): Promise<{ readonly revision: number }>
  /** Shows deferred tools to the model, from the session's next boundary or turn on. */
  requestTools(sessionId: string, params: ToolRequestParams): Promise<{ readonly revision: number }>
  /** Which model answers next, and what is known of it. */
  model(sessionId: string): Promise<ModelView>
  /** Gives the session another model from its next call on, as `update` does. */
  setModel(sessionId: string, params: { readonly model: string }): Promise<ModelView>
  /** Has another model answer for so many assistant turns, from the next one on. `rejected` where that may not be. */
  switchModel(sessionId: string, params: { readonly model: string; readonly turns: number }): Promise<ModelView>
  schedule(sessionId: string, params: ScheduleParams): Promise<ScheduleView>
  schedules(sessionId: string): Promise<readonly ScheduleView[]>
  unschedule(sessionId: string, scheduleId: string): Promise<{ readonly cancelled: boolean }>
  operations(sessionId: string): Promise<readonly OperationView[]>
  operation(sessionId: string, operationId: string): Promise<OperationView>
  /** Ends an operation that goes on outside. The first end stands; the same one again is answered, another is refused. */
  finishOperation(
    sessionId: string,
    operationId: string,
    params: {
      readonly outcome: 'completed' | 'failed' | 'cancelled'
      readonly output?: unknown
      readonly error?: string
    },
  ): Promise<OperationView>
  /** Takes off what need not be kept by this policy (default: the runtime's own), of every session it can get hold of. */
  prune(params?: RetentionPolicy & { readonly dryRun?: boolean; readonly compact?: boolean }): Promise<PruneReport>
  /** A file that the session speaks of by its digest. `not-found` if it speaks of none such. */
  blob(sessionId: string, digest: string): Promise<BlobView>
  close(): Promise<void>
}
