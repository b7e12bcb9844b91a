/**
 * The executor's side of a run.
 *
 * The loop calls `apply` once a run is durably started, outside every lock; whatever happens comes back as a report
 * through the port, or as the output. The executor decides nothing about the session: it says what the model and the
 * tools did, and hears what to do next.
 *
 * 1. `apply` continues the work from its journal. It is called again after a crash, after a call was settled, and after
 *    steers joined at the end, so it never assumes that it begins. An executor that says so (`hearsWhileParked`) is also
 *    called while calls still wait for a person, because a steer came: see there.
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

/** Runs turns. The shipped one is the agent (`meerkat-ts/agent`); anyone can bring their own. */
export interface CoreExecutor {
  /** For people and `runtime/info`. */
  readonly name: string
  apply(port: RunPort): Promise<ApplyOutput>
  /**
   * Whether steers reach its model while calls of the work wait for a person. Then a run starts for a steer at once: the
   * steer has joined at a boundary and ends the journal, `calls()` has calls that are `awaitingApproval` or `unknown`, the
   * model is asked with something said in the place of their results, and `apply` parks with what it answered. A boundary
   * may then pass while those calls stay open. Absent or false: `apply` is called once all of them are decided, and finds the
   * steer at its next boundary.
   */
  hearsWhileParked?(sessionId: SessionId): boolean
  /** Tools it offers a session, for `tool/list`. */
  tools?(session: SessionOptions, sessionId?: SessionId): readonly ToolSummary[] | undefined
  /** What it knows of models. Absent: it takes any id, and nobody can say what its model can do. */
  models?(): ExecutorModels | undefined
  /**
   * Waits for the end of an operation that a call began: asked after the call, and again by every process that owns the
   * session later. Undefined, at once or later, where nobody here can; then somebody outside says how it ended.
   */
  watch?(operation: RunningOperation, context: WatchContext): Promise<OperationOutcome | undefined> | undefined
  /** Called once when the runtime closes. */
  close?(): Promise<void>
}

/** What an executor knows of models. Each is asked for a bounded time; what it throws is the same as no answer. */
export interface ExecutorModels {
  /** The id of the model that serves sessions without one of their own, for people. */
  readonly default?: string
  /** Looks a model up before a session gets it. Without an answer it is taken as it is, and what it can do is not known. */
  look?(id: string, signal: AbortSignal): ModelLook | Promise<ModelLook>
  /** Whether a session may switch for some turns. Absent: it may. Without an answer it may not. */
  approveSwitch?(request: SwitchRequest, signal: AbortSignal): SwitchDecision | Promise<SwitchDecision>
}

export type ModelLook =
  | { readonly capabilities?: SessionLlmCapabilitySurface }
  /** It can't be had: the caller is told what to do, and programs the code, such as `unauthorized`. */
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
  /** Hidden until somebody asks for it. */
  readonly deferred?: boolean
  /** The external surface that it belongs to. */
  readonly surface?: string
}

/** What a call began that outlasts the run. */
export interface BackgroundWork {
  readonly operationId: OperationId
  readonly tool: string
  /** For people. */
  readonly title: string
  /** What whoever takes it up after a restart has to know: anything JSON can hold. */
  readonly handle?: unknown
  /** How long it may take from now on, across restarts; unless told a day, or, where nobody `watch`es it, any time. */
  readonly maxMs?: number
  /** Whether it goes on without this process. Otherwise it ends with it, and the session hears of that. */
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
   * Aborts when the operation was cancelled or ended otherwise, or this process does not own the session any more: then
   * `signal.reason` is `closing`.
   */
  readonly signal: AbortSignal
  /** Shows observers how far it is. */
  readonly progress: (data: unknown) => void
}

export type OperationOutcome =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: string }

/** A message with its content resolved, as the model has to see it. */
export interface ContextMessage {
  readonly role: MessageRecord['role']
  readonly content: string | readonly WholePart[]
  /** Index in the transcript; absent for the journal of unfinished work. */
  readonly index?: number
}

/** An input with its content, files included. */
export interface RunInput extends Omit<InputRecord, 'content'> {
  readonly content: WholeContent
}

/** The model of the next call of a run. */
export interface AskedModel {
  /** `provider/model`, or a name that the executor knows; absent: its default. */
  readonly id?: string
  /**
   * Who has the say, in this order: an image operation for as long as it lasts, the newest of the run's inputs that names one, a switch for some turns,
   * the session's own model, the executor's default.
   */
  readonly source: 'image' | 'input' | 'turn' | 'baseline' | 'default'
  /** With source `turn`: how many assistant turns the switch lasts, this one included. */
  readonly turnsLeft?: number
  /** What the model can do, as far as the session knows: it was said where it was named, or with the newest request. */
  readonly capabilities?: SessionLlmCapabilitySurface
}

/** The model that a request goes to, as the executor that makes it knows it. */
export interface CalledModel {
  /** Its id; absent: the one that `model()` answered. Another one where a model stands in for that. */
  readonly id?: string
  /** What it can do; absent, or no such description: the executor can't say. */
  readonly capabilities?: SessionLlmCapabilitySurface
}

/** What the executor may ask and report while a run is current. Reports are durable when their promise resolves. */
export interface RunPort {
  readonly sessionId: SessionId
  readonly runId: RunId
  /** How often the head input was staged, from 1. */
  readonly attempt: number
  readonly session: SessionOptions
  /** The run's inputs, head first, each with its content. Steers that joined earlier are in the journal, not here. */
  readonly inputs: readonly RunInput[]
  /** Aborts on a cancel now, on the deadline, and when the runtime closes. `signal.reason` is an `AbortCause`. */
  readonly signal: AbortSignal
  /** The run's one deadline. */
  readonly deadline: Deadline
  readonly clock: Clock
  /**
   * The session's handles, where it is registered with a machine and so has some: `SessionPort` of `meerkat-ts/runtime`
   * says what they are.
   */
  readonly bindings?: unknown
  /** Whom model and tool calls are told, for telemetry. */
  readonly observer?: RuntimeObserver | undefined
  /** Model calls the work has made in earlier attempts and before; the next one is this + 1. */
  readonly turnsSoFar: number
  /** Usage of those calls, as far as it was recorded. */
  readonly usageSoFar?: UsageRecord
  /** The committed transcript from the newest summary on, oldest first. */
  context(): Promise<readonly ContextMessage[]>
  /**
   * What the model is to be told with its next request and with no other, behind everything else, such as which tool servers
   * are still connecting. Asked anew before each request: it is in no journal and no transcript, and gone when it holds no
   * more.
   */
  notices(): readonly ContextMessage[]
  /** The work's messages so far: what its inputs said, what the model said, what tools answered. Never empty. */
  journal(): readonly ContextMessage[]
  /** The work's tool calls so far, with their state. */
  calls(): readonly CallEntry[]
  /**
   * Which model is to answer now: asked before each model call that is no retry. An assistant turn is what becomes one
   * message of the work, so that asking again for the same message, in this attempt or a later one, counts no other turn
   * of a switch. Rejects with `conflict` once the run is over.
   */
  model(): Promise<AskedModel>
  /**
   * Asked before each model call: which of the tools that the executor has now the model may see. The answer is pinned: a
   * call that the model makes after this request is for a tool of it that was `visible`, and any other is answered as
   * unknown, not run. What changes meanwhile shows in the next answer.
   *
   * `called`: which model this request goes to and what it can do, for tools that not every model can use are hidden from
   * those that can't. Where nobody can say what a model can do, nothing is hidden.
   */
  tools(offered: readonly OfferedTool[], called?: CalledModel): Promise<ToolCatalogue>
  /** The model asks for deferred tools: they are shown from the next boundary on. Answers the names that there are none of. */
  requestTools(names: readonly string[]): Promise<{ readonly unknown: readonly string[] }>
  /**
   * Makes a call to a tool of an external surface, through the connection that the catalogue pinned, which stays open
   * until the call ends. `refused`: it can't be called any more, and nothing was done.
   */
  throughSurface<T>(pin: SurfacePin, call: () => T | PromiseLike<T>): Promise<SurfaceAnswer<Awaited<T>>>
  /** An event for observers: shown soon, its loss costs nothing. */
  stream(event: StreamEvent): void
  /** The model asked for tools: the message and the intents are recorded; calls not awaiting approval may be dispatched. */
  intend(report: {
    readonly turn: number
    readonly message: MessageRecord
    readonly calls: readonly CallIntent[]
    readonly usage?: UsageRecord
  }): Promise<void>
  /** Calls that are `owed` (approved, or lost and repeatable) are about to be dispatched. */
  dispatch(callIds: readonly CallId[]): Promise<void>
  /** Calls ended. */
  outcomes(report: readonly CallOutcome[]): Promise<void>
  /**
   * Every call has an outcome, or waits for a person while the model goes on without it: commits the boundary. `steered`
   * inputs joined and are in the journal already. Also the first report of an attempt whose journal ends in calls that an
   * earlier attempt made.
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
  /** The retry announced last begins. */
  retry(attempt: number): void
  /**
   * Another model answered where the one that was asked had failed for good: in the place of `retry`, while the failure that
   * `retrying` announced stands. It takes the place of the session's own model, or the default, from now on, durably with the
   * next report; in that of one that the input or a switch asked for it only answered this time.
   */
  fellBack(report: {
    readonly turn: number
    readonly attempt: number
    /** The id of the model that answered. */
    readonly model: string
    /** What it can do, where that is known. */
    readonly capabilities?: SessionLlmCapabilitySurface
    /** Why the other one did not. */
    readonly code: string
  }): Promise<void>
  /** The structured answer did not validate. `again` while attempts are left. */
  invalidAnswer(report: { readonly turn: number; readonly error: string }): Promise<'again' | 'exhausted'>
  /** Replaces the context before `covers` by a summary, durably. Only while no journal message was written by this attempt. */
  compact(report: { readonly summary: string; readonly covers: number }): Promise<void>
}

/** What a call through a surface came to: what it gave, or why it was not made. */
export type SurfaceAnswer<T> = { readonly value: T } | { readonly refused: SurfaceFailureCause }

/** The tools of one model call. */
export interface ToolCatalogue {
  /** Rises with every change of what the model may see. */
  readonly generation: number
  /** Every tool that was offered, in that order, with how it stands. */
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
  /** The call answered; what it began goes on. */
  readonly background?: BackgroundWork
}

export type BoundaryAnswer =
  /** Go on; inputs that joined are in the journal now. */
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
      /** What was said before the failure, kept. */
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
      /** With source `max-turns-reached`: how many of how many. */
      readonly turns?: { readonly made: number; readonly allowed: number }
    }
  /** After an abort with cause `cancelled`, or a boundary that answered so. */
  | {
      readonly type: 'cancelled'
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
    }
  /**
   * A call waits for an approval or a resolution: the work goes on when it is settled. With a message: what the model
   * said to steers that it heard meanwhile.
   */
  | {
      readonly type: 'parked'
      readonly message?: MessageRecord
      readonly usage?: UsageRecord
      readonly turn?: number
    }
