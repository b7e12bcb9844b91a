/**
 * The shapes of what a runtime answers. Times are ISO 8601 in UTC, durations end in `Ms`.
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
  /** How many messages the transcript has. */
  readonly messages: number
  /** How many accepted inputs have not ended. */
  readonly unfinished: number
  readonly forkOf?: { readonly sessionId: SessionId; readonly messages: number }
  /** Its data in the store is damaged: fields that can't be read are absent. */
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
  /** Why it ended without an answer. */
  readonly reason?: string
  readonly attempts: number
  readonly mode: InputRecord['mode']
  readonly kind: string
  readonly content: Content
  readonly acceptedAt: string
  readonly idempotencyKey?: string
  readonly supersessionKey?: string
  /** The run that holds it, or that ended it. */
  readonly runId?: RunId
  /** What became of a steer: it joined a run at a boundary, or waited for the next turn. */
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
  /** Events about the input stand behind this cursor. */
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
  /** How many processes ended while the call was in flight. */
  readonly crashes?: number
  readonly args?: unknown
  readonly output?: unknown
}

export interface ApprovalView {
  /** The same as the call's id. */
  readonly id: CallId
  readonly tool: string
  readonly args?: unknown
  readonly inputId: InputId
  readonly since: string
  /** When the decision `onExpiry` is taken, where the tool declares one. */
  readonly expiresAt?: string
  readonly onExpiry?: 'allow' | 'deny'
}

/** A schedule: it gives the session an input at a time, once or repeatedly. */
export interface ScheduleView {
  readonly id: ScheduleId
  readonly title?: string
  readonly content: Content
  readonly rule:
    | { readonly type: 'once'; readonly at: string; readonly until?: string }
    | { readonly type: 'every'; readonly everyMs: number; readonly from: string; readonly until?: string }
    | { readonly type: 'cron'; readonly pattern: string; readonly timeZone: string; readonly until?: string }
  /** Absent once the schedule has ended. */
  readonly nextDueAt?: string
  readonly overlap: OverlapPolicy
  readonly misfire: MisfirePolicy
  /** The newest input that it gave. */
  readonly lastInputId?: InputId
  readonly createdAt: string
}

/** `skip`: no input this time; `queue`: the input waits behind the other; `replace`: a waiting one is superseded. */
export type OverlapPolicy = 'skip' | 'queue' | 'replace'

/** `skip`: goes on with the next time; `once`: one input for all missed times; `all`: one input for each. */
export type MisfirePolicy = 'skip' | 'once' | 'all'

/** Work outside a run, such as a tool call that answered "still running". */
export interface OperationView {
  readonly id: OperationId
  readonly kind: string
  readonly title: string
  readonly status: string
  readonly tool?: string
  readonly callId?: CallId
  readonly startedAt: string
  readonly endedAt?: string
  /** How many reports of progress there were. */
  readonly progress: number
  readonly output?: unknown
  readonly error?: string
  readonly reason?: 'timed-out' | 'crashed-process' | 'owner-lost' | 'owner-retired' | (string & {})
}

export interface Explanation {
  readonly runnable: boolean
  readonly phase: string
  /** What the session does or waits for, and since when, as the end of a sentence whose subject is the session. */
  readonly summary: string
  readonly waitingFor: readonly {
    readonly guard: string
    readonly owner: string
    readonly sinceMs?: number
    readonly inputId?: InputId
    /** The call that waits for a person. */
    readonly callId?: CallId
    /** What it means, as the end of a sentence that begins "it waits for". */
    readonly text: string
    /** A command that changes it, where there is one. */
    readonly command?: string
  }[]
}

export interface AuditReport {
  readonly ok: boolean
  /** How many kernel inputs were re-run. */
  readonly steps: number
  readonly firstIllegal?: {
    readonly position: number
    readonly step: number
    readonly input: string
    readonly kind: string
    readonly reason: string
  }
}

/** What a lifecycle operation did. An absent count is 0. */
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
  /** The name by which the model calls it. */
  readonly name: string
  readonly description?: string
  readonly inputSchema?: unknown
  readonly policy: string
  readonly needsApproval: boolean
  /**
   * `hidden`: by a filter, by another provider that has the name, or because the model can't use it. `deferred`:
   * until a caller or the model requests it; `requested`: from then to the next boundary. `unavailable`: its tool
   * surface is not active.
   */
  readonly state: 'visible' | 'hidden' | 'deferred' | 'requested' | 'unavailable'
  readonly deferred?: boolean
  /** The tool surface that it belongs to. */
  readonly surface?: string
  /** The tool surface whose tool is called by this name; empty: the executor itself. */
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
  /** The age of the oldest input that could run and does not; 0: there is none. */
  readonly oldestRunnableMs: number
  readonly sessions: { readonly loaded: number; readonly running: number; readonly unfinished: number }
  readonly loops: {
    readonly performing: number
    /** How many runs wait for a free slot. */
    readonly waiting: number
    readonly overdue: number
    /** How many runs may be performed at once; absent: no limit. */
    readonly limit?: number
  }
  /** How many due times passed without their input. */
  readonly schedules: { readonly overdue: number }
  readonly store: { readonly name: string; readonly failing: boolean; readonly lastError?: string }
}

/** One page of a list; `next` is the cursor of the next page. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/** The model of a session's next call, and how it will change. */
export interface ModelView {
  /** What decides it. An input that names a model overrides it for its own turn, which is not shown here. */
  readonly source: 'image' | 'turn' | 'baseline' | 'default'
  /** The model that is asked next; absent where the executor does not name its default. */
  readonly model?: string
  readonly identity?: SessionLlmIdentity
  /** What it can do, where that is known. */
  readonly capabilities?: SessionLlmCapabilitySurface
  /** The session's own model; absent where it has the executor's default. */
  readonly own?: string
  /** `own` is a fallback: it answered when the model that was named failed, and stays until another is named. */
  readonly standsIn?: true
  /** The executor's default, where it names it. */
  readonly default?: string
  /** A switch in effect. */
  readonly override?: { readonly requestId: string; readonly model: string; readonly turnsLeft: number }
  /** A switch that begins with the next assistant turn. */
  readonly pending?: { readonly requestId: string; readonly model: string; readonly turns?: number }
  readonly images: readonly {
    readonly operationId: string
    readonly model: string
    readonly phase: ImageOperation['phase']
  }[]
  /** How the newest switches and image operations ended, oldest first. */
  readonly recent: readonly {
    readonly type: RoutingTerminal['type']
    readonly id: string
    readonly outcome: string
    readonly reason?: string
  }[]
}
