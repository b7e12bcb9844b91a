/**
 * What a runtime answers: the shapes of the public contract as the library speaks them. Times are ISO 8601 in UTC,
 * durations end in `Ms`.
 */

import type { CallId, InputId, OperationId, RunId, ScheduleId, SessionId } from '../kernel/ids.ts'
import type { CallState } from '../kernel/regions/calls/state.ts'
import type { SessionLlmCapabilitySurface, SessionLlmIdentity } from '../kernel/regions/llm/state.ts'
import type { ImageOperation, RoutingTerminal } from '../kernel/regions/routing/state.ts'
import type { Content, InputRecord, MessagePart, SessionOptions, UsageRecord } from '../store/records.ts'

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

/** The tools of a session's next turn. */
export interface ToolsView {
  /** Rises with every change of what the model may see. */
  readonly generation: number
  readonly tools: readonly ToolView[]
}

export interface ToolView {
  /** What the model calls it by. */
  readonly name: string
  readonly description?: string
  readonly inputSchema?: unknown
  readonly policy: string
  readonly needsApproval: boolean
  /**
   * `hidden` by a filter, by another provider's claim to its name, or because its model can't use it; `deferred` until
   * somebody asks for it, and `requested` from then to the next boundary; `unavailable` while its surface is not active.
   */
  readonly state: 'visible' | 'hidden' | 'deferred' | 'requested' | 'unavailable'
  readonly deferred?: boolean
  /** The external surface that it belongs to. */
  readonly surface?: string
  /** The surface whose tool has its bare name; empty: the executor's own. */
  readonly shadowedBy?: string
}

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

/** The model of a session's next call, and what is to come. */
export interface ModelView {
  /** Whose say it is. An input that names a model has its own way, which is not told here. */
  readonly source: 'image' | 'turn' | 'baseline' | 'default'
  /** The model that is asked next; absent where the executor does not say its default. */
  readonly model?: string
  readonly identity?: SessionLlmIdentity
  /** What it can do, where that is known. */
  readonly capabilities?: SessionLlmCapabilitySurface
  /** The session's own model; absent where it has the executor's default. */
  readonly own?: string
  /** `own` answered where the model that was named had failed, and stays until one is named. */
  readonly standsIn?: true
  /** The executor's default, where it says so. */
  readonly default?: string
  /** A switch that is in effect. */
  readonly override?: { readonly requestId: string; readonly model: string; readonly turnsLeft: number }
  /** A switch that begins with the next assistant turn. */
  readonly pending?: { readonly requestId: string; readonly model: string; readonly turns?: number }
  readonly images: readonly {
    readonly operationId: string
    readonly model: string
    readonly phase: ImageOperation['phase']
  }[]
  /** How the newest switches and image operations ended, the last one last. */
  readonly recent: readonly {
    readonly type: RoutingTerminal['type']
    readonly id: string
    readonly outcome: string
    readonly reason?: string
  }[]
}
