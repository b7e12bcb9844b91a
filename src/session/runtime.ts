/**
 * A runtime: methods over the operations table, and the background work that keeps sessions going. Each method is one
 * operation in a program's words: ids come first, and an answer that holds one view is that view.
 */
import type { CoreExecutor } from '../executor/executor.ts'
import type { SessionOptions } from '../store/records.ts'
import { invalidParams } from '../surfaces/invalid-params.ts'
import type { CallContext, EventFeed, FeedOptions, FeedPlace } from '../surfaces/operation.ts'
import type { OperationName, OperationParams } from '../surfaces/operations.ts'
import { Deadline } from '../time.ts'
import type { ControlOperation, OnConflict, ScheduleParams, SendParams, SessionChanges } from './api.ts'
import type { AuditOptions } from './audit.ts'
import type { BlobView } from './blobs.ts'
import type { Decision, Resolution } from './calls.ts'
import { Caretaker } from './caretaker.ts'
import type { CancelAnswer } from './control.ts'
import type { Core } from './core.ts'
import { checkedCount, fieldsOf, ofSession } from './door.ts'
import { follow } from './event-feed.ts'
import { SessionHandle } from './handle.ts'
import { healthOf } from './health.ts'
import { setInside } from './inside.ts'
import { infoOf } from './queries.ts'
import type { RetentionPolicy } from './retention/policy.ts'
import type { PruneReport } from './retention/prune.ts'
import { asSent } from './sending.ts'
import { Registrations } from './serving/registrations.ts'
import { ServedSession } from './serving/served-session.ts'
import { callRow } from './table/call.ts'
import type { AnswerOf, Calls } from './table/rows.ts'
import type { ToolFilterParams, ToolRequestParams } from './tool-choice.ts'
import type {
  ApprovalView,
  AuditReport,
  CallView,
  ControlReport,
  Explanation,
  Health,
  InputStatus,
  InputView,
  ModelView,
  OperationView,
  Page,
  RuntimeInfo,
  RunView,
  ScheduleView,
  SendAnswer,
  SessionView,
} from './views.ts'

/** How long an executor may take to close; afterwards the runtime is closed without it. */
const CLOSE_MS = 5_000

const CONTROLS: readonly ControlOperation[] = ['stop', 'resume', 'retire', 'reset', 'recycle', 'destroy']

interface OpensSessions {
  /** Opens a session, or answers the existing one; `onConflict` says what to do where that has other options. */
  readonly open: (
    sessionId?: string,
    options?: SessionOptions,
    how?: { readonly onConflict?: OnConflict },
  ) => Promise<SessionHandle>
}

export class Runtime implements Calls, AsyncDisposable {
  /** Sessions as handles (`Session`). */
  readonly sessions: OpensSessions
  readonly #core: Core
  readonly #caretaker: Caretaker
  readonly #registrations: Registrations
  #closed: Promise<void> | undefined

  constructor(core: Core) {
    this.#core = core
    this.#registrations = new Registrations(core)
    setInside(this, { core, registrations: this.#registrations })
    this.#caretaker = new Caretaker(core)
    this.sessions = {
      open: async (sessionId, given = {}, how = {}) => {
        const options = { ...fieldsOf(given, 'options'), ...fieldsOf(how, 'how') }
        return new SessionHandle(this, (await this.open(ofSession(sessionId, options))).id)
      },
    }
  }

  /**
   * Calls an operation by its name, with the parameters and the answer that every surface has (docs/operations.md).
   * Parameters are checked as if they came over the wire, except that `input/send` takes a library's schema here.
   * Fails with a `MeerkatError`.
   */
  async call<Name extends OperationName>(
    name: Name,
    params: OperationParams<Name>,
    context: CallContext = {},
  ): Promise<AnswerOf<Name>> {
    return callRow(this.#core, name, params, context)
  }

  info(): RuntimeInfo {
    return infoOf(this.#core)
  }

  health(): Health {
    return healthOf(this.#core)
  }

  async open(
    params: SessionOptions & { readonly sessionId?: string; readonly onConflict?: OnConflict } = {},
  ): Promise<SessionView> {
    return (await this.call('session/open', params)).session
  }

  /** Changes how the session is served from its next turn on. `conflict` where `revision` is not its current one. */
  async update(sessionId: string, changes: SessionChanges & { readonly revision?: number }): Promise<SessionView> {
    return (await this.call('session/update', ofSession(sessionId, changes))).session
  }

  async get(sessionId: string): Promise<SessionView> {
    return (await this.call('session/get', { sessionId })).session
  }

  async list(
    params: { readonly after?: string; readonly limit?: number; readonly phase?: string; readonly label?: string } = {},
  ): Promise<Page<SessionView>> {
    const { sessions: items, ...next } = await this.call('session/list', params as OperationParams<'session/list'>)
    return { items, ...next }
  }

  async history(
    sessionId: string,
    params?: { readonly after?: number; readonly limit?: number },
  ): Promise<AnswerOf<'session/history'>> {
    return this.call('session/history', ofSession(sessionId, params))
  }

  async fork(
    sessionId: string,
    params?: { readonly atMessage?: number; readonly newSessionId?: string },
  ): Promise<SessionView> {
    return (await this.call('session/fork', ofSession(sessionId, params))).session
  }

  async control(sessionId: string, operation: ControlOperation): Promise<ControlReport> {
    if (!CONTROLS.includes(operation))
      throw invalidParams([{ path: 'operation', message: `must be one of ${CONTROLS.join(', ')}` }])
    return this.call(`session/${operation}`, { sessionId })
  }

  /** A file that the session refers to by its digest. `not-found` if it refers to no such file. */
  async blob(sessionId: string, digest: string): Promise<BlobView> {
    return this.call('blob/get', { sessionId, digest })
  }

  async explain(sessionId: string): Promise<Explanation> {
    return this.call('session/explain', { sessionId })
  }

  /** Re-runs the session's log, in pages between which other work gets its turn, until the end or the signal aborts. */
  async audit(sessionId: string, options: AuditOptions = {}): Promise<AuditReport> {
    return this.call('session/audit', { sessionId }, options)
  }

  async send(sessionId: string, params: SendParams): Promise<SendAnswer> {
    return this.call('input/send', asSent(ofSession(sessionId, params)))
  }

  async input(
    sessionId: string,
    by: { readonly inputId?: string; readonly idempotencyKey?: string },
  ): Promise<InputView> {
    return (await this.call('input/get', ofSession(sessionId, by))).input
  }

  async inputs(
    sessionId: string,
    params?: { readonly status?: InputStatus; readonly after?: string; readonly limit?: number },
  ): Promise<Page<InputView>> {
    const { inputs: items, ...next } = await this.call('input/list', ofSession(sessionId, params))
    return { items, ...next }
  }

  async withdraw(sessionId: string, inputId: string): Promise<AnswerOf<'input/withdraw'>> {
    return this.call('input/withdraw', { sessionId, inputId })
  }

  /** Answers the status at the input's end, or the present one when the time is up. */
  async wait(
    sessionId: string,
    inputId: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<AnswerOf<'input/wait'>> {
    return this.call('input/wait', { sessionId, inputId, waitMs }, { signal })
  }

  async cancel(
    sessionId: string,
    params?: { readonly runId?: string; readonly when?: 'now' | 'boundary'; readonly queue?: 'keep' | 'drop' },
  ): Promise<CancelAnswer> {
    return this.call('run/cancel', { when: 'now', ...ofSession(sessionId, params) })
  }

  async runs(sessionId: string, params?: { readonly after?: string; readonly limit?: number }): Promise<Page<RunView>> {
    const { runs: items, ...next } = await this.call('run/list', ofSession(sessionId, params))
    return { items, ...next }
  }

  async run(sessionId: string, runId: string): Promise<AnswerOf<'run/get'>> {
    return this.call('run/get', { sessionId, runId })
  }

  /**
   * Events after a cursor, oldest first. With `waitMs` it waits that long for the first one. Fewer than `limit` are
   * not the end, because an answer is bounded in size too: `cursor` continues behind them, and an empty answer is the
   * end. Events are frozen, because other readers get the same objects.
   */
  async events(
    given: {
      readonly sessionId?: string
      readonly after?: string
      readonly limit?: number
      readonly waitMs?: number
      readonly signal?: AbortSignal
    } = {},
  ): Promise<AnswerOf<'events/read'>> {
    const { signal, ...params } = fieldsOf(given) as typeof given
    return this.call('events/read', params, { signal })
  }

  /** The same as a feed, which keeps its place. An empty page says that nothing came for `idleMs`, 30 s where none is given. */
  async follow(place: FeedPlace = {}, options: FeedOptions = {}): Promise<EventFeed<AnswerOf<'events/read'>>> {
    return follow(this.#core, place, options)
  }

  async calls(sessionId: string, params?: { readonly state?: string }): Promise<readonly CallView[]> {
    const asked = ofSession(sessionId, params) as OperationParams<'call/list'>
    return (await this.call('call/list', asked)).calls
  }

  async resolveCall(sessionId: string, callId: string, params: Resolution): Promise<CallView> {
    return (await this.call('call/resolve', { ...ofSession(sessionId, params), callId })).call
  }

  async approvals(sessionId: string): Promise<readonly ApprovalView[]> {
    return (await this.call('approval/list', { sessionId })).approvals
  }

  async decide(sessionId: string, approvalId: string, params: Decision): Promise<CallView> {
    return (await this.call('approval/decide', { ...ofSession(sessionId, params), approvalId })).call
  }

  async tools(sessionId: string): Promise<AnswerOf<'tool/list'>> {
    return this.call('tool/list', { sessionId })
  }

  /** Which model answers next, and what is known of that model. */
  async model(sessionId: string): Promise<ModelView> {
    return this.call('model/get', { sessionId })
  }

  /** Changes the session's model from the next model call on, as `update` does. */
  async setModel(sessionId: string, params: { readonly model: string }): Promise<ModelView> {
    return this.call('model/set', ofSession(sessionId, params))
  }

  /** Lets another model answer for this many assistant turns, from the next one on. `rejected` says why it may not. */
  async switchModel(sessionId: string, params: { readonly model: string; readonly turns: number }): Promise<ModelView> {
    return this.call('model/switch', ofSession(sessionId, params))
  }

  /**
   * Limits the model to the tools in `allow`, without those in `deny`; without either, lifts the filter. In force
   * from the session's next boundary or turn on.
   */
  async filterTools(sessionId: string, params?: ToolFilterParams): Promise<AnswerOf<'tool/filter'>> {
    return this.call('tool/filter', ofSession(sessionId, params))
  }

  /** Shows deferred tools to the model, from the session's next boundary or turn on. */
  async requestTools(sessionId: string, params: ToolRequestParams): Promise<AnswerOf<'tool/request'>> {
    return this.call('tool/request', ofSession(sessionId, params))
  }

  async schedule(sessionId: string, params: ScheduleParams): Promise<ScheduleView> {
    const asked = ofSession(sessionId, params) as OperationParams<'schedule/create'>
    return (await this.call('schedule/create', asked)).schedule
  }

  async schedules(sessionId: string): Promise<readonly ScheduleView[]> {
    return (await this.call('schedule/list', { sessionId })).schedules
  }

  async unschedule(sessionId: string, scheduleId: string): Promise<AnswerOf<'schedule/cancel'>> {
    return this.call('schedule/cancel', { sessionId, scheduleId })
  }

  async operations(sessionId: string): Promise<readonly OperationView[]> {
    return (await this.call('operation/list', { sessionId })).operations
  }

  async operation(sessionId: string, operationId: string): Promise<OperationView> {
    return (await this.call('operation/get', { sessionId, operationId })).operation
  }

  /** Ends an operation performed outside. The first end stands: the same one again is answered, another one refused. */
  async finishOperation(
    sessionId: string,
    operationId: string,
    params: {
      readonly outcome: 'completed' | 'failed' | 'cancelled'
      readonly output?: unknown
      readonly error?: string
    },
  ): Promise<OperationView> {
    const { outcome, ...rest } = { ...ofSession(sessionId, params), operationId }
    // A cancel is an operation of its own, and takes no other parameters.
    if (outcome === 'cancelled') return (await this.call('operation/cancel', rest)).operation
    return (await this.call('operation/finish', { ...rest, outcome })).operation
  }

  /**
   * Removes what this policy does not keep (default: the runtime's own policy), of every session that this process
   * can claim.
   */
  async prune(
    params: RetentionPolicy & { readonly dryRun?: boolean; readonly compact?: boolean } = {},
  ): Promise<PruneReport> {
    return this.call('store/prune', params)
  }

  /**
   * Serves a session by an executor of its own, until `end`, while the runtime's executor serves the others. The
   * current run ends with the executor that began it. `conflict` where the session has an executor of its own
   * already.
   */
  async serve(sessionId: string, executor: CoreExecutor): Promise<ServedSession> {
    return ServedSession.begin(this.#registrations, (await this.get(sessionId)).id, executor)
  }

  /** Takes up every session that needs an owner and has none alive. */
  recover(): Promise<void> {
    return this.#caretaker.sweep()
  }

  /**
   * Does the same at intervals: for sessions of an owner that died, and those that this process let go because the
   * store failed.
   */
  recoverEvery(everyMs: number): void {
    this.#caretaker.sweepEvery(checkedCount('everyMs', everyMs, 1))
  }

  /** Lets idle sessions go until at most `keep` are loaded. */
  async evict(keep = 0): Promise<void> {
    return this.#core.sessions.evict(checkedCount('keep', keep))
  }

  /**
   * Closes in good order: takes up no session any more, lets current runs end within `graceMs`, gives every session
   * back for other processes, and closes.
   */
  async drain(graceMs: number): Promise<void> {
    const deadline = Deadline.asked(this.#core.clock, { graceMs })
    this.#caretaker.stop()
    this.#core.serving.goesAway()
    await this.#core.sessions.drain(deadline)
    await this.close()
  }

  /**
   * Interrupts runs (their sessions' next owner continues them), gives sessions back and closes the store. May be
   * called twice.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { sessions, serving, clock, closing, store, afterClose } = this.#core
    this.#caretaker.stop()
    closing.abort()
    serving.goesAway()
    serving.abort()
    try {
      // A registration ends with its copy of the session: until then, its run has its executor.
      await sessions.close()
    } finally {
      await serving.close(clock, CLOSE_MS)
      await store.close()
      await Promise.all(afterClose.map(end => end()))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
