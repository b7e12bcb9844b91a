/** What leaves the kernel: facts for the shell to realise or to publish, in the order in which they happened. */

import type { PostAdmissionSignal } from './admission.ts'
import type { CallId, InputId, OperationId, RunId, RuntimeEpochId, ScheduleId, SessionId, WaitId } from './ids.ts'
import type { IngestEffect } from './regions/binding.ts'
import type { CallEntry } from './regions/calls.ts'
import type { CommsEffect } from './regions/comms.ts'
import type { ContextEffect } from './regions/context.ts'
import type { DrainEffect } from './regions/drain.ts'
import type { InteractionEffect } from './regions/interactions.ts'
import type { Lane, Terminal } from './regions/ledger-entries.ts'
import type { LiveEffect } from './regions/live-rules.ts'
import type { LlmEffect } from './regions/llm.ts'
import type { McpServerEffect } from './regions/mcp-servers.ts'
import type {
  OperationCursors,
  OperationKind,
  OperationTerminal,
  UnfinishedOperation,
} from './regions/operations-entries.ts'
import type { ProductTurnEffect } from './regions/product-turn.ts'
import type { RealtimeEffect } from './regions/realtime.ts'
import type { RoutingEffect } from './regions/routing-rules.ts'
import type { StreamEffect } from './regions/streams.ts'
import type { SupervisorEffect } from './regions/supervisor-rules.ts'
import type { TailEffect } from './regions/tail.ts'
import type { ToolSurfaceEffect } from './regions/tool-surfaces-rules.ts'
import type { TrustEffect } from './regions/trust.ts'
import type { TurnTerminalCause, TurnTerminalOutcome } from './regions/turn-state.ts'
import type { VisibilityEffect } from './regions/visibility.ts'

/** An input's way. */
export type InputEffect =
  | { readonly type: 'InputAccepted'; readonly inputId: InputId; readonly lane: Lane }
  | { readonly type: 'AdmissionDeduplicated'; readonly inputId: InputId; readonly existing: InputId }
  | { readonly type: 'IdempotencyConflicted'; readonly inputId: InputId; readonly existing: InputId }
  | { readonly type: 'AdmissionRejected'; readonly inputId: InputId; readonly reason: string }
  | { readonly type: 'PostAdmissionSignal'; readonly signal: PostAdmissionSignal }
  | { readonly type: 'InputStaged'; readonly inputId: InputId; readonly runId: RunId; readonly attempt: number }
  | { readonly type: 'InputSteered'; readonly inputId: InputId; readonly runId: RunId; readonly boundary: number }
  | { readonly type: 'InputRequeued'; readonly inputId: InputId; readonly runId: RunId; readonly attempts: number }
  | {
      readonly type: 'InputTerminated'
      readonly inputId: InputId
      readonly terminal: Terminal
      readonly attempts: number
    }

/** A run's way. */
export type RunEffect =
  | { readonly type: 'SubmitRunPrimitive'; readonly runId: RunId; readonly contributors: readonly InputId[] }
  | {
      readonly type: 'BoundaryApplied'
      readonly runId: RunId
      readonly boundary: number
      readonly contributors: readonly InputId[]
      readonly steered: readonly InputId[]
    }
  | { readonly type: 'RequestCancellationAtBoundary'; readonly runId: RunId }
  | { readonly type: 'WakeInterrupt'; readonly runId: RunId }
  | { readonly type: 'BoundaryCancelAlreadyPending'; readonly runId: RunId }
  | { readonly type: 'RunCompleted'; readonly runId: RunId }
  | {
      readonly type: 'RunFailed'
      readonly runId: RunId
      readonly outcome: TurnTerminalOutcome
      readonly cause: TurnTerminalCause
    }
  | { readonly type: 'RunCancelled'; readonly runId: RunId }
  | { readonly type: 'RunRolledBack'; readonly runId: RunId; readonly cause: RollbackCause }

/** Why a run ended without an outcome of its own. */
export type RollbackCause =
  /** The executor failed; the attempt counts. */
  | 'attempt-failed'
  /** The owner died; the attempt counts. */
  | 'recovered'
  /** The owner is going away in good order; the attempt does not count. */
  | 'interrupted'
  /** A tool call waits for a person; the attempt does not count. */
  | 'parked'

/** A model turn's way. */
export type TurnEffect =
  | { readonly type: 'TurnRunStarted'; readonly runId: RunId }
  | { readonly type: 'TurnCheckCompaction'; readonly runId: RunId }
  | { readonly type: 'TurnRunCompleted'; readonly runId: RunId }
  | { readonly type: 'TurnRunFailed'; readonly runId: RunId; readonly cause: TurnTerminalCause }
  | { readonly type: 'TurnRunCancelled'; readonly runId: RunId }

/** The tool-effect ledger. */
export type CallEffect = {
  readonly type: 'CallChanged'
  readonly callId: CallId
  readonly state: CallEntry['state']
  readonly tool: string
  /** Why it failed without an outcome of its own. */
  readonly reason?: 'crashed-process' | 'outcome-lost'
}

/** An operation's way, and who waits for it. */
export type OperationEffect =
  /** Registered, started, or asked to retire. */
  | {
      readonly type: 'OperationChanged'
      readonly operationId: OperationId
      readonly kind: OperationKind
      readonly status: UnfinishedOperation['status']
    }
  | { readonly type: 'OperationProgressed'; readonly operationId: OperationId; readonly progress: number }
  /** A member child can be reached. */
  | { readonly type: 'ExposeOperationPeer'; readonly operationId: OperationId }
  | {
      readonly type: 'OperationEnded'
      readonly operationId: OperationId
      readonly kind: OperationKind
      readonly status: OperationTerminal
      /** Its number among all that ended in this session, from 1. */
      readonly seq: number
      /** Why it was terminated: `owner-lost`, `owner-retired`, or the caller's words. */
      readonly reason?: string
    }
  /** Registered, but never handed to anybody: it leaves nothing. */
  | { readonly type: 'UnreturnedOperationRolledBack'; readonly operationId: OperationId }
  /** Completions up to this number are no longer in the state. */
  | { readonly type: 'CompletionsDropped'; readonly through: number }
  /** Every operation of the wait has ended; the run that waited has their results. */
  | {
      readonly type: 'WaitAllSatisfied'
      readonly waitId: WaitId
      readonly runId: RunId
      readonly operationIds: readonly OperationId[]
    }
  | { readonly type: 'WaitAllCancelled'; readonly waitId: WaitId; readonly runId: RunId }
  | {
      readonly type: 'OperationCursorAdvanced'
      readonly cursor: keyof OperationCursors
      /** Where it stands now. */
      readonly through: number
    }

/** A schedule's way. */
export type ScheduleEffect =
  | {
      readonly type: 'ScheduleChanged'
      readonly scheduleId: ScheduleId
      readonly dueAt: number
      readonly paused: boolean
    }
  /** The input is to be accepted in the same transaction. `replaces`: the one before it, which has not ended. */
  | {
      readonly type: 'ScheduleFired'
      readonly scheduleId: ScheduleId
      readonly inputId: InputId
      readonly dueAt: number
      readonly replaces?: InputId
    }
  | {
      readonly type: 'ScheduleSkipped'
      readonly scheduleId: ScheduleId
      readonly dueAt: number
      readonly reason: 'overlap' | 'misfire'
    }
  | { readonly type: 'ScheduleEnded'; readonly scheduleId: ScheduleId; readonly reason: ScheduleEnd }

/** Why a schedule is no more. */
export type ScheduleEnd =
  /** It has no due time left. */
  | 'done'
  | 'cancelled'
  | 'retired'
  | 'destroyed'
  | 'unregistered'
  /** The session was registered anew under another id. */
  | 'new-identity'

/** The session's own way. */
export type SessionEffect =
  | { readonly type: 'RuntimeNotice'; readonly notice: 'Recover' | 'Reset' | 'Stop' | 'Exit' | 'Resume' }
  | { readonly type: 'RuntimeEffectFact'; readonly fact: 'StopRuntimeExecutor'; readonly reason: string }
  | { readonly type: 'RuntimeBound'; readonly runtimeId: string; readonly fence: number | undefined }
  | { readonly type: 'RuntimeRetired'; readonly runtimeId: string }
  | { readonly type: 'RuntimeDestroyed'; readonly runtimeId: string }
  | { readonly type: 'InitiateRecycle' }
  | { readonly type: 'SessionRegistered'; readonly sessionId: SessionId }
  | {
      readonly type: 'SessionRegistrationRejected'
      readonly reason: 'UnregisterTeardownInProgress' | 'RuntimeEpochConflict'
      /** Drain obligations still open, by name. */
      readonly open: readonly string[]
      readonly registeredEpoch: RuntimeEpochId | undefined
      readonly attemptedEpoch: RuntimeEpochId | undefined
    }
  | { readonly type: 'RequestRuntimeLoopStopForUnregister' }
  | { readonly type: 'RequestCommsDrainExitForUnregister' }
  | { readonly type: 'RequestCompletionWaiterResolutionForUnregister' }
  | { readonly type: 'RuntimeOpsLifecycleDurabilityResolved'; readonly action: 'RetainSnapshot' | 'DeleteSnapshot' }
  | { readonly type: 'TranscriptExtended'; readonly from: number; readonly count: number }

export type MeerkatEffect =
  | InputEffect
  | RunEffect
  | TurnEffect
  | CallEffect
  | OperationEffect
  | ScheduleEffect
  | LlmEffect
  | VisibilityEffect
  | RoutingEffect
  | SessionEffect
  | IngestEffect
  | DrainEffect
  | McpServerEffect
  | ToolSurfaceEffect
  | RealtimeEffect
  | ProductTurnEffect
  | LiveEffect
  | CommsEffect
  | ContextEffect
  | InteractionEffect
  | StreamEffect
  | SupervisorEffect
  | TailEffect
  | TrustEffect
