/**
 * The interface of executors, and the port through which they report.
 *
 * The loop calls `apply` once a run is durably started, outside every lock; everything that happens comes back as a
 * report through the port, or as the output. The executor decides nothing about the session: it reports what the model
 * and the tools did, and is told what to do next.
 *
 * 1. `apply` continues the work from its journal. It is called again after a crash, after a call was settled, and after
 *    steers joined at the end, so it must not assume that the work is new. An executor that says so
 *    (`hearsWhileParked`) is also called for a steer while calls still wait for a person.
 * 2. Nothing with an effect outside is done before `intend` (or `dispatch`) has answered.
 * 3. Every wait inside ends at `deadline` or when `signal` aborts, whichever comes first.
 * 4. A thrown error is a failed attempt: the input is tried again, at most three times. A failure that another attempt
 *    can't mend is an output of type `failed`.
 */
import type { CallId, OperationId, RunId, SessionId } from '../kernel/ids.ts'
import type { CallIntent } from '../kernel/regions/calls/input.ts'
import type { CallEntry } from '../kernel/regions/calls/state.ts'
import type { SessionLlmCapabilitySurface } from '../kernel/regions/llm/state.ts'
import type { SurfaceFailureCause } from '../kernel/regions/tool-surfaces/state.ts'
import type { TerminalFailureSource } from '../kernel/regions/turn/input.ts'
import type { LlmRetryFailureKind } from '../kernel/regions/turn/state.ts'
import type { CataloguedTool, OfferedTool, SurfacePin } from '../kernel/tool-catalogue.ts'
import type { RuntimeObserver } from '../observer.ts'
import type {
  InputRecord,
  MessageRecord,
  SessionOptions,
  UsageRecord,
  WholeContent,
  WholePart,
} from '../store/records.ts'
import type { Clock, Deadline } from '../time.ts'

/** Performs runs. The shipped one is the agent (`meerkat-ts/agent`); a program may bring its own. */
export interface CoreExecutor {
  /** For people and `runtime/info`. */
  readonly name: string
  apply(port: RunPort): Promise<ApplyOutput>
  /**
   * Whether steers reach its model while calls of the work wait for a person. Then a run starts for a steer at once:
   * the steer has joined at a boundary and ends the journal; `calls()` has calls that are `awaitingApproval` or
   * `unknown`; the executor asks its model with a text in the place of their results, and `apply` parks with the
   * model's answer. A boundary may then pass while those calls stay open. Absent or false: `apply` is called once all
   * of them are decided, and finds the steer at its next boundary.
   */
  hearsWhileParked?(sessionId: SessionId): boolean
  /** The tools that it offers a session, for `tool/list`. */
  tools?(session: SessionOptions, sessionId?: SessionId): readonly ToolSummary[] | undefined
  /** What it knows of models. Absent: it accepts any id, and what a model can do is unknown. */
  models?(): ExecutorModels | undefined
  /**
   * Waits for the end of an operation that a call began: called after the call, and again by every process that owns
   * the session later. Undefined, at once or later, where this executor can't tell; then the end has to be reported
   * from outside.
   */
  watch?(operation: RunningOperation, context: WatchContext): Promise<OperationOutcome | undefined> | undefined
  /** Called once when the runtime closes. */
  close?(): Promise<void>
}

/** What an executor knows of models. Each method gets a bounded time; if it throws, it counts as giving no answer. */
export interface ExecutorModels {
  /** The id of the model for sessions without one of their own, for people. */
  readonly default?: string
  /**
   * Looks a model up before a session gets it. Without an answer the model is accepted, and what it can do is unknown.
   */
  look?(id: string, signal: AbortSignal): ModelLook | Promise<ModelLook>
  /** Whether a session may switch the model for some turns. Absent: it may. Without an answer it may not. */
  approveSwitch?(request: SwitchRequest, signal: AbortSignal): SwitchDecision | Promise<SwitchDecision>
}

export type ModelLook =
  | { readonly capabilities?: SessionLlmCapabilitySurface }
  /** The model can't be had: `message` tells the caller what to do; `code`, such as `unauthorized`, is for programs. */
  | {
      readonly problem: { readonly code: string; readonly message: string }
      /** Another model that would answer in its place now: an input may ask for it all the same, a session may not. */
      readonly standIn?: string
    }

export interface SwitchRequest {
  readonly sessionId: SessionId
  readonly model: string
  readonly turns: number
}

export type SwitchDecision = { readonly type: 'approved' } | { readonly type: 'denied'; readonly reason: string }

export interface ToolSummary {
  readonly name: string
  readonly description?: string
  readonly inputSchema?: unknown
  readonly policy: 'retry' | 'ask' | 'fail'
  readonly needsApproval: boolean
  /** Hidden until the model or a caller requests it. */
  readonly deferred?: boolean
  /** The tool surface that it belongs to. */
  readonly surface?: string
}

/** Work that a call began and that outlasts the run. */
export interface BackgroundWork {
  readonly operationId: OperationId
  readonly tool: string
  /** The name of the work, for people. */
  readonly title: string
  /** What a process that takes it up after a restart needs to know: any JSON value. */
  readonly handle?: unknown
  /**
   * How long it may take from now on, across restarts; default one day, and no limit where no executor `watch`es it.
   */
  readonly maxMs?: number
  /** Whether it goes on without this process. Otherwise it ends with the process, and the session is told. */
  readonly resumable: boolean
}

export interface RunningOperation {
  readonly id: OperationId
  readonly sessionId: SessionId
  readonly session: SessionOptions
  readonly tool?: string
  readonly callId?: string
  readonly title: string
  readonly handle?: unknown
}

export interface WatchContext {
  /**
   * Aborts when the operation was cancelled or ended otherwise, or when this process does not own the session any more;
   * then `signal.reason` is `closing`.
   */
  readonly signal: AbortSignal
  /** Shows observers how far it is. */
  readonly progress: (data: unknown) => void
}

export type OperationOutcome =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: string }

/** A message with its files' data, as the model has to see it. */
export interface ContextMessage {
  readonly role: MessageRecord['role']
  readonly content: string | readonly WholePart[]
  /** Its index in the transcript; absent for messages of unfinished work. */
  readonly index?: number
}

/** An input with its content, including the data of files. */
export interface RunInput extends Omit<InputRecord, 'content'> {
  readonly content: WholeContent
}

/** The model of the next call of a run. */
export interface AskedModel {
  /** `provider/model`, or a name that the executor knows; absent: the executor's default. */
  readonly id?: string
  /**
   * What decides it, in this order: an image operation while it lasts, the newest of the run's inputs that names one, a
   * switch for some turns, the session's own model, the executor's default.
   */
  readonly source: 'image' | 'input' | 'turn' | 'baseline' | 'default'
  /** With source `turn`: how many assistant turns the switch lasts, this one included. */
  readonly turnsLeft?: number
  /** What the model can do, as far as the session knows from naming it or from the newest request. */
  readonly capabilities?: SessionLlmCapabilitySurface
}

/** The model that a request goes to, as the executor knows it. */
export interface CalledModel {
  /** Its id; absent: the one that `model()` answered. Another one where a fallback model is asked. */
  readonly id?: string
  /** What it can do; absent: unknown. */
  readonly capabilities?: SessionLlmCapabilitySurface
}

/** What an executor may ask and report while a run is current. A report is durable when its promise resolves. */
export interface RunPort {
  readonly sessionId: SessionId
  readonly runId: RunId
  /** How often the head input was staged, from 1. */
  readonly attempt: number
  readonly session: SessionOptions
  /** The run's inputs, head first, each with its content. Steers that joined earlier are in the journal, not here. */
  readonly inputs: readonly RunInput[]
  /**
   * The JSON Schema that the answer has to fit: of the newest of the work's inputs that names one, steers that have joined
   * included, so it is read anew behind a boundary. Absent: any answer.
   */
  readonly outputSchema?: unknown
  /** Aborts on a cancel now, on the deadline, and when the runtime closes. `signal.reason` is an `AbortCause`. */
  readonly signal: AbortSignal
  /**
   * The run's one deadline. A steer that joins with a `maxRunMs` of its own may bring it nearer, so it is read anew behind
   * a boundary.
   */
  readonly deadline: Deadline
  readonly clock: Clock
  /**
   * The session's handles, where it is registered with a machine: `SessionPort` of `meerkat-ts/runtime` has their type.
   */
  readonly bindings?: unknown
  /** Observes model and tool calls, for telemetry. */
  readonly observer?: RuntimeObserver | undefined
  /** How many model calls the work has made in earlier attempts; the next one is this + 1. */
  readonly turnsSoFar: number
  /** The usage of those calls, as far as it was recorded. */
  readonly usageSoFar?: UsageRecord
  /** The committed transcript from the newest summary on, oldest first. */
  context(): Promise<readonly ContextMessage[]>
  /**
   * Messages that the model gets with its next request and with no other, behind everything else, such as which tool
   * servers are still connecting. Asked for anew before each request: they stand in no journal and no transcript.
   */
  notices(): readonly ContextMessage[]
  /** The work's messages so far: its inputs, the model's answers, and tool results. Never empty. */
  journal(): readonly ContextMessage[]
  /** The work's tool calls so far, with their state. */
  calls(): readonly CallEntry[]
  /**
   * Which model has to answer now: asked before each model call that is no retry. An assistant turn is what becomes one
   * message of the work; asking again for the same message, in this attempt or a later one, counts no further turn of a
   * switch. Rejects with `conflict` once the run is over.
   */
  model(): Promise<AskedModel>
  /**
   * Asked before each model call: which of the executor's present tools the model may see. The answer is pinned: a call
   * that the model makes with this request is for a tool that was `visible` in it, and any other call is answered as
   * unknown and not performed. Later changes show in the next answer.
   *
   * `called`: which model this request goes to, and what it can do, because some tools are hidden from models that
   * can't use them. Where that is unknown, nothing is hidden.
   */
  tools(offered: readonly OfferedTool[], called?: CalledModel): Promise<ToolCatalogue>
  /**
   * The model requests deferred tools: they are shown from the next boundary on. Answers the names that no tool has.
   */
  requestTools(names: readonly string[]): Promise<{ readonly unknown: readonly string[] }>
  /**
   * Performs a call to a tool of an external surface, through the connection that the catalogue pinned, which stays
   * open until the call ends. `refused`: the surface can't be called any more, and nothing was done.
   */
  throughSurface<T>(pin: SurfacePin, call: () => T | PromiseLike<T>): Promise<SurfaceAnswer<Awaited<T>>>
  /** An event for observers: shown soon, and lost without harm. */
  stream(event: StreamEvent): void
  /**
   * The model asked for tools: records the message and the intents. Calls that don't wait for approval may be
   * dispatched.
   */
  intend(report: {
    readonly turn: number
    readonly message: MessageRecord
    readonly calls: readonly CallIntent[]
    readonly usage?: UsageRecord
  }): Promise<void>
  /** These `owed` calls (approved, or lost and repeatable) are about to be dispatched. */
  dispatch(callIds: readonly CallId[]): Promise<void>
  /** These calls have ended. */
  outcomes(report: readonly CallOutcome[]): Promise<void>
  /**
   * Every call has an outcome, or waits for a person while the model goes on without it: commits the boundary.
   * `steered` inputs have joined, and are in the journal already. It is also the first report of an attempt whose
   * journal ends in calls of an earlier attempt.
   */
  boundary(report: { readonly turn: number }): Promise<BoundaryAnswer>
  /** A model call failed and will be tried again after a delay. */
  retrying(report: {
    readonly turn: number
    readonly attempt: number
    readonly maxRetries: number
    readonly delayMs: number
    readonly kind: LlmRetryFailureKind
    readonly message: string
  }): void
  /** The retry that was announced last begins. */
  retry(attempt: number): void
  /**
   * Another model answered after the one that was asked had failed for good: reported in the place of `retry`, while
   * the failure that `retrying` announced stands. A fallback for the session's own model, or the default, replaces it
   * from now on, durably with the next report; a fallback for a model that the input or a switch named answered only
   * this time.
   */
  fellBack(report: {
    readonly turn: number
    readonly attempt: number
    /** The id of the model that answered. */
    readonly model: string
    /** What it can do, where that is known. */
    readonly capabilities?: SessionLlmCapabilitySurface
    /** Why the other model did not answer. */
    readonly code: string
  }): Promise<void>
  /** The structured answer is not valid. `again` while attempts are left. */
  invalidAnswer(report: { readonly turn: number; readonly error: string }): Promise<'again' | 'exhausted'>
  /**
   * Replaces the context before `covers` by a summary, durably. Only before this attempt has written a message to the
   * journal.
   */
  compact(report: { readonly summary: string; readonly covers: number }): Promise<void>
}

/** The result of a call through a surface: its value, or why it was not performed. */
export type SurfaceAnswer<T> = { readonly value: T } | { readonly refused: SurfaceFailureCause }

/** The tools of one model call. */
export interface ToolCatalogue {
  /** Rises with every change of what the model may see. */
  readonly generation: number
  /** Every tool that was offered, in that order, with its state. */
  readonly tools: readonly CataloguedTool[]
}

/** Why `signal` aborted. */
export type AbortCause = 'cancelled' | 'deadline' | 'closing' | 'superseded'

export type StreamEvent =
  | { readonly type: 'turn.started'; readonly turn: number }
  | { readonly type: 'turn.ended'; readonly turn: number; readonly finish: string; readonly usage?: UsageRecord }
  | { readonly type: 'text.delta'; readonly turn: number; readonly text: string }
  | { readonly type: 'reasoning.delta'; readonly turn: number; readonly text: string }
  | { readonly type: 'reasoning.completed'; readonly turn: number; readonly text: string }
  | { readonly type: 'tool.progress'; readonly turn: number; readonly callId: CallId; readonly data: unknown }
  | { readonly type: 'budget.warning'; readonly budget: string; readonly used: number; readonly limit: number }
  | { readonly type: 'notice'; readonly code: string; readonly message: string }

export interface CallOutcome {
  readonly callId: CallId
  readonly name: string
  readonly ok: boolean
  /** What the model is told. */
  readonly output: unknown
  /** `timeout`, `invalid-arguments`, `unknown-tool`, `threw`, `cancelled`, ... where `ok` is false. */
  readonly code?: string
  readonly durationMs?: number
  /** The call has answered, and what it began goes on. */
  readonly background?: BackgroundWork
}

export type BoundaryAnswer =
  /** Go on; inputs that joined are in the journal. */
  | { readonly next: 'continue'; readonly steered: number }
  /** The run was cancelled at this boundary: return `cancelled`. */
  | { readonly next: 'cancelled' }

/** How `apply` ends. `usage` is the sum of the model calls of this `apply`, failed ones included. */
export type ApplyOutput =
  | {
      readonly type: 'completed'
      /** The answer; without one the run completes without a result. */
      readonly message?: MessageRecord
      /** The validated structured answer. */
      readonly output?: unknown
      readonly usage?: UsageRecord
      readonly turn?: number
    }
  | {
      readonly type: 'failed'
      readonly source: TerminalFailureSource
      readonly error: { readonly code: string; readonly message: string }
      /** What the model had said before the failure; it is kept. */
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
      /** With source `max-turns-reached`: how many model calls were made, and how many were allowed. */
      readonly turns?: { readonly made: number; readonly allowed: number }
    }
  /** After an abort with cause `cancelled`, or when a boundary answered `cancelled`. */
  | {
      readonly type: 'cancelled'
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
    }
  /**
   * A call waits for an approval or a resolution: the work goes on when it is settled. With `message`: the model's
   * answer to steers that it got meanwhile.
   */
  | {
      readonly type: 'parked'
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
    }
