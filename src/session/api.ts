/**
 * The shapes of the public contract as the library speaks them. The operations table checks the same shapes on every
 * surface. Times are ISO 8601 in UTC, durations end in `Ms`.
 */
import type { EventView } from '../events.ts'
import type { CallId, InputId, OperationId, RunId, ScheduleId, SessionId } from '../kernel/ids.ts'
import type { CallState } from '../kernel/regions/calls/state.ts'
import type { Content, InputRecord, MessagePart, SessionOptions, UsageRecord } from '../store/records.ts'
import type { AuditOptions } from './audit.ts'
import type { BlobView } from './blobs.ts'
import type { RetentionPolicy } from './retention/policy.ts'
import type { PruneReport } from './retention/prune.ts'
import type { ScheduleTimes } from './schedule-times.ts'

export type { EventOf, EventType, EventView } from '../events.ts'

export type InputStatus =
  | 'queued'
  | 'staged'
  | 'applied'
  | 'consumed'
  | 'superseded'
  | 'coalesced'
  | 'abandoned'
  | 'withdrawn'

export interface SessionView extends SessionOptions {
  readonly id: SessionId
  /** initializing, idle, attached, running, retired, stopped, destroyed. */
  readonly phase: string
  readonly createdAt: string
  readonly updatedAt: string
  /** Rises with every `session/update`, from 1. */
  readonly revision: number
  /** Messages in the transcript. */
  readonly messages: number
  /** Inputs accepted and not ended. */
  readonly unfinished: number
  readonly forkOf?: { readonly sessionId: SessionId; readonly messages: number }
  /** What the store has of it is damaged: what can't be read of it is absent here. */
  readonly unreadable?: true
}

/** What may be changed of a session; `null` takes a field away. */
export type SessionChanges = {
  readonly [Field in 'title' | 'labels' | 'model' | 'system' | 'tools' | 'budget']?: SessionOptions[Field] | null
}

/**
 * What opening an existing session with other options does. `refuse` (default): `session-conflict`. `keep`: answers it
 * as it is. `update`: changes what was given and is different.
 */
export type OnConflict = 'keep' | 'update' | 'refuse'

export interface RunResult {
  readonly outcome: 'completed' | 'failed' | 'cancelled'
  readonly runId: RunId
  readonly text?: string
  readonly output?: unknown
  readonly usage?: UsageRecord
  readonly error?: { readonly code: string; readonly message: string; readonly cause: string }
}

export interface InputView {
  readonly id: InputId
  readonly status: InputStatus
  /** Why it ended badly. */
  readonly reason?: string
  readonly attempts: number
  readonly mode: InputRecord['mode']
  readonly kind: string
  readonly content: Content
  readonly acceptedAt: string
  readonly idempotencyKey?: string
  readonly supersessionKey?: string
  /** The run that holds it or ended it. */
  readonly runId?: RunId
  /** What became of a steer: it joined a run at a boundary, or it waited for the next turn. */
  readonly receipt?:
    | { readonly type: 'steered'; readonly runId: RunId; readonly boundary: number }
    | { readonly type: 'queued' }
  readonly result?: RunResult
  /** The input that replaced it. */
  readonly by?: InputId
}

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

export interface SendAnswer {
  readonly outcome: 'accepted' | 'deduplicated'
  readonly inputId: InputId
  readonly status: InputStatus
  readonly result?: RunResult
  /** Events from here on concern what was sent. */
  readonly cursor: string
}

export interface HistoryMessage {
  readonly id: string
  readonly index: number
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'notice'
  readonly content: string | readonly MessagePart[]
  readonly runId?: RunId
  readonly inputIds?: readonly InputId[]
  readonly at: string
}

export interface RunView {
  readonly id: RunId
  readonly state: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted'
  readonly inputIds: readonly InputId[]
  readonly startedAt: string
  readonly endedAt?: string
  readonly cause?: string
}

export interface ReceiptView {
  readonly runId: RunId
  readonly boundary: number
  readonly inputIds: readonly InputId[]
  readonly steered?: readonly InputId[]
  readonly at: string
}

export interface CallView extends Pick<ApprovalView, 'expiresAt' | 'onExpiry'> {
  readonly id: CallId
  readonly inputId: InputId
  readonly tool: string
  readonly policy: 'retry' | 'ask' | 'fail'
  readonly state: CallState
  readonly since: string
  /** Processes that ended while it was in flight. */
  readonly crashes?: number
  readonly args?: unknown
  readonly output?: unknown
}

export interface ApprovalView {
  /** Equals the call's id. */
  readonly id: CallId
  readonly tool: string
  readonly args?: unknown
  readonly inputId: InputId
  readonly since: string
  /** When `onExpiry` counts as decided, where the tool declares that. */
  readonly expiresAt?: string
  readonly onExpiry?: 'allow' | 'deny'
}

/** A schedule: an input that the session gets at a time, once or again and again. */
export interface ScheduleView {
  readonly id: ScheduleId
  readonly title?: string
  readonly content: Content
  readonly rule:
    | { readonly type: 'once'; readonly at: string; readonly until?: string }
    | { readonly type: 'every'; readonly everyMs: number; readonly from: string; readonly until?: string }
    | { readonly type: 'cron'; readonly pattern: string; readonly timeZone: string; readonly until?: string }
  /** Absent once it is over. */
  readonly nextDueAt?: string
  readonly overlap: OverlapPolicy
  readonly misfire: MisfirePolicy
  /** The input that it gave last. */
  readonly lastInputId?: InputId
  readonly createdAt: string
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

/** `skip`: not this time; `queue`: one more input waits; `replace`: a waiting one is superseded. */
export type OverlapPolicy = 'skip' | 'queue' | 'replace'
/** `skip`: on to the next time; `once`: one input for all that was missed; `all`: one for each. */
export type MisfirePolicy = 'skip' | 'once' | 'all'

/** Work that goes on outside a run: a tool call that answered "still running". */
export interface OperationView {
  readonly id: OperationId
  readonly kind: string
  readonly title: string
  readonly status: string
  readonly tool?: string
  readonly callId?: CallId
  readonly startedAt: string
  readonly endedAt?: string
  /** Reports so far. */
  readonly progress: number
  readonly output?: unknown
  readonly error?: string
  readonly reason?: 'timed-out' | 'crashed-process' | 'owner-lost' | 'owner-retired' | (string & {})
}

export interface Explanation {
  readonly runnable: boolean
  readonly phase: string
  /** What it does or waits for, and since when, as the end of a sentence that begins with the session. */
  readonly summary: string
  readonly waitingFor: readonly {
    readonly guard: string
    readonly owner: string
    readonly sinceMs?: number
    readonly inputId?: InputId
    /** The call that waits for a person. */
    readonly callId?: CallId
    /** What that means, as the end of "it waits for". */
    readonly text: string
    /** A command that changes it, where there is one. */
    readonly command?: string
  }[]
}

export interface AuditReport {
  readonly ok: boolean
  /** Kernel inputs re-run. */
  readonly steps: number
  readonly firstIllegal?: {
    readonly position: number
    readonly step: number
    readonly input: string
    readonly kind: string
    readonly reason: string
  }
}

/** What a lifecycle operation did. Absent counts are 0. */
export interface ControlReport {
  readonly sessionId: SessionId
  readonly phase: string
  readonly inputsAbandoned: number
  readonly inputsPendingDrain: number
  readonly inputsTransferred: number
}

export type ControlOperation = 'stop' | 'resume' | 'retire' | 'reset' | 'recycle' | 'destroy'

export interface RuntimeInfo {
  readonly name: 'meerkat-ts'
  readonly version: string
  readonly protocol: number
  readonly store: string
  readonly executor: string
  readonly features: readonly string[]
}

export interface Health {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly reasons: readonly string[]
  /** Age of the oldest input that could run and does not; 0 when none. */
  readonly oldestRunnableMs: number
  readonly sessions: { readonly loaded: number; readonly running: number; readonly unfinished: number }
  readonly loops: {
    readonly performing: number
    /** Runs that wait until fewer are performed than may be. */
    readonly waiting: number
    readonly overdue: number
    /** Runs that may be performed at once; absent: as many as there are. */
    readonly limit?: number
  }
  /** Due times that passed without their input. */
  readonly schedules: { readonly overdue: number }
  readonly store: { readonly name: string; readonly failing: boolean; readonly lastError?: string }
}

/** A page of what `list` answers; `next` is the cursor of the next one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

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
  resolveCall(
    sessionId: string,
    callId: string,
    params: { readonly resolution: 'retry' | 'succeeded' | 'failed'; readonly output?: unknown },
  ): Promise<CallView>
  approvals(sessionId: string): Promise<readonly ApprovalView[]>
  decide(
    sessionId: string,
    approvalId: string,
    params: { readonly decision: 'allow' | 'deny'; readonly reason?: string },
  ): Promise<CallView>
  tools(sessionId: string): Promise<{
    readonly generation: number
    readonly tools: readonly {
      readonly name: string
      readonly description?: string
      readonly inputSchema?: unknown
      readonly policy: string
      readonly needsApproval: boolean
    }[]
  }>
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
