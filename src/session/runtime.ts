/** A runtime: everything the surfaces and the library's handles ask of it. */

import type { CoreExecutor } from '../executor/executor.ts'
import type { Ids } from '../ids.ts'
import type { ScheduleId, SessionId } from '../kernel/ids.ts'
import type { SessionOptions } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type Clock, Deadline, demandDurations } from '../time.ts'
import type { ControlOperation, OnConflict, RuntimeApi, ScheduleParams, SendParams } from './api.ts'
import { isArriving } from './arrival.ts'
import { audit } from './audit.ts'
import { type BlobView, blobView } from './blobs.ts'
import { approvalViews, callViews } from './calls.ts'
import { Caretaker } from './caretaker.ts'
import type { Core } from './core.ts'
import { checked, checkedControl, checkedCount, checkedEnd, checkedSignal, fieldsOf, ofSession } from './door.ts'
import { explanationOf, sightOf } from './explanation.ts'
import { SessionHandle } from './handle.ts'
import { healthOf } from './health.ts'
import { setInside } from './inside.ts'
import { listInputs } from './list-inputs.ts'
import { offeredTools } from './offered-tools.ts'
import { forkSession, openSession } from './opening.ts'
import { operationView, operationViews } from './operations.ts'
import { ask } from './post.ts'
import { infoOf, labelOf, listRuns, pageOf, pageOfHistory } from './queries.ts'
import { receiptsOf, runView, sessionView, summaryOf } from './reads.ts'
import { noExecutor } from './refusals.ts'
import type { PruneReport } from './retention/prune.ts'
import { scheduleIdFor, scheduleViews } from './schedules.ts'
import { readyToSend } from './sending.ts'
import { Registrations } from './serving/registrations.ts'
import { ServedSession } from './serving/served-session.ts'
import type { Sessions } from './sessions.ts'
import { demandActing } from './settings.ts'
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
  OperationView,
  Page,
  ReceiptView,
  RunResult,
  RuntimeInfo,
  RunView,
  ScheduleView,
  SendAnswer,
  SessionView,
} from './views.ts'
import { waitForEvents } from './wait-for-events.ts'
import { endOf, inputOf } from './waiting.ts'

/** Entries of a page where nobody says how many. */
const PAGE = 100
/** An executor may take this long to close; the runtime is closed without it then. */
const CLOSE_MS = 5_000

interface OpensSessions {
  /** Opens a session, an existing one too; `onConflict` says what to do where it has other options. */
  readonly open: (
    sessionId?: string,
    options?: SessionOptions,
    how?: { readonly onConflict?: OnConflict },
  ) => Promise<SessionHandle>
}

export class Runtime implements RuntimeApi, AsyncDisposable {
  /** Sessions as handles. */
  readonly sessions: OpensSessions
  readonly #core: Core
  readonly #caretaker: Caretaker
  readonly #registrations: Registrations
  #closed: Promise<void> | undefined

  constructor(core: Core) {
    this.#core = core
    this.#registrations = new Registrations(core)
    setInside(this, { core, registrations: this.#registrations })
    this.#caretaker = new Caretaker(this.#core)
    this.sessions = {
      open: async (sessionId, given = {}, how = {}) =>
        this.#handle(sessionId, { ...fieldsOf(given, 'options'), ...fieldsOf(how, 'how') }),
    }
  }

  /** Takes up every session that wants an owner and has none alive. */
  recover(): Promise<void> {
    return this.#caretaker.sweep()
  }

  /** Takes up again and again: sessions of an owner that died, and those that a failing store made this one let go. */
  recoverEvery(everyMs: number): void {
    this.#caretaker.sweepEvery(checkedCount('everyMs', everyMs, 1))
  }

  /**
   * Has a session served by an executor of its own, until `end`, while the runtime's serves the others. A run that goes on
   * ends with the executor that began it. `conflict` where the session has an executor of its own.
   */
  async serve(sessionId: string, executor: CoreExecutor): Promise<ServedSession> {
    await checked('session/get', { sessionId })
    return ServedSession.begin(this.#registrations, (await summaryOf(this.#store, sessionId)).id, executor)
  }

  /** Lets idle sessions go until at most `keep` are loaded. */
  evict = async (keep = 0): Promise<void> => this.#sessions.evict(checkedCount('keep', keep))

  get #store(): Store {
    return this.#core.store
  }
  get #sessions(): Sessions {
    return this.#core.sessions
  }
  get #clock(): Clock {
    return this.#core.clock
  }
  get #ids(): Ids {
    return this.#core.ids
  }

  info(): RuntimeInfo {
    return infoOf(this.#core)
  }

  health(): Health {
    return healthOf(this.#core)
  }

  async open(given: Parameters<RuntimeApi['open']>[0] = {}): Promise<SessionView> {
    const { onConflict = 'refuse', ...wanted } = await checked('session/open', given)
    const { session, changes } = await openSession(this.#core, wanted, onConflict)
    return changes === undefined
      ? sessionView(session, this.#core.phaseOf(session.id))
      : this.update(session.id, changes)
  }

  async update(sessionId: string, given: Parameters<RuntimeApi['update']>[1]): Promise<SessionView> {
    const { sessionId: id, ...params } = await checked('session/update', ofSession(sessionId, given))
    demandActing(params, this.#core.serving.of(id as SessionId))
    await ask(this.#core, 'update', id, params)
    return this.get(id)
  }

  async get(sessionId: string): Promise<SessionView> {
    await checked('session/get', { sessionId })
    return sessionView(await summaryOf(this.#store, sessionId), this.#core.phaseOf(sessionId))
  }

  async list(given: Parameters<RuntimeApi['list']>[0] = {}): Promise<Page<SessionView>> {
    const { after, limit = PAGE, phase, label } = await checked('session/list', given)
    const [key, value] = labelOf(label ?? '')
    const found = await this.#store.sessions({
      limit: limit + 1,
      ...(after && { after: after as SessionId }),
      ...(phase && { phase }),
      ...(label && { label: { key, ...(value !== undefined && { value }) } }),
    })
    const { items, ...next } = pageOf(found, limit, ({ id }) => id)
    // What is on its way into the store is not there yet.
    const whole = items.filter(one => !isArriving(one.phase))
    return { ...next, items: whole.map(summary => sessionView(summary, this.#core.phaseOf(summary.id))) }
  }

  async history(
    sessionId: string,
    given?: { readonly after?: number; readonly limit?: number },
  ): Promise<{ messages: readonly HistoryMessage[]; next?: number }> {
    const { after, limit = PAGE } = await checked('session/history', ofSession(sessionId, given))
    const { id, messages: length } = await summaryOf(this.#store, sessionId)
    return pageOfHistory(this.#store, id, length, after === undefined ? 0 : after + 1, limit)
  }

  async fork(
    sessionId: string,
    given?: { readonly atMessage?: number; readonly newSessionId?: string },
  ): Promise<SessionView> {
    const params = await checked('session/fork', ofSession(sessionId, given))
    return this.get(await forkSession(this.#core, sessionId, { ...params }))
  }

  async control(sessionId: string, operation: ControlOperation): Promise<ControlReport> {
    await checked(`session/${checkedControl(operation)}`, { sessionId })
    return ask(this.#core, 'control', sessionId, { operation })
  }

  async blob(sessionId: string, digest: string): Promise<BlobView> {
    await checked('blob/get', { sessionId, digest })
    return blobView(this.#store, (await summaryOf(this.#store, sessionId)).id, digest)
  }

  async explain(sessionId: string): Promise<Explanation> {
    await checked('session/explain', { sessionId })
    return explanationOf(await this.#core.state(sessionId), sightOf(this.#core, sessionId))
  }

  async audit(sessionId: string, given: Parameters<RuntimeApi['audit']>[1] = {}): Promise<AuditReport> {
    await checked('session/audit', { sessionId })
    const options = fieldsOf(given, 'options') as typeof given
    await summaryOf(this.#store, sessionId)
    return audit(this.#store, sessionId as SessionId, options)
  }

  async send(sessionId: string, given: SendParams): Promise<SendAnswer> {
    const ready = readyToSend(ofSession(sessionId, given), this.#core.observer)
    const asked = await checked('input/send', ready instanceof Promise ? await ready : ready)
    const { sessionId: id, waitMs = 0, ...said } = asked
    demandDurations({ maxRunMs: said.maxRunMs })
    const sent = await ask(this.#core, 'send', id, { ...said, inputId: this.#ids.input() })
    if (waitMs === 0) return sent
    const { status, result } = await endOf(this.#core, id, sent.inputId, waitMs)
    return { ...sent, status, ...(result && { result }) }
  }

  async input(
    sessionId: string,
    by: { readonly inputId?: string; readonly idempotencyKey?: string },
  ): Promise<InputView> {
    return inputOf(this.#core, sessionId, await checked('input/get', ofSession(sessionId, by)))
  }

  async inputs(sessionId: string, given?: Parameters<RuntimeApi['inputs']>[1]): Promise<Page<InputView>> {
    const params = await checked('input/list', ofSession(sessionId, given))
    const { id } = await summaryOf(this.#store, sessionId)
    return listInputs(this.#store, id, params, await this.#core.state(sessionId))
  }

  async withdraw(sessionId: string, inputId: string): Promise<{ withdrawn: boolean; input: InputView }> {
    await checked('input/withdraw', { sessionId, inputId })
    const known = await inputOf(this.#core, sessionId, { inputId })
    const withdrawn = await ask(this.#core, 'withdraw', sessionId, { inputId: known.id })
    return { withdrawn, input: await inputOf(this.#core, sessionId, { inputId }) }
  }

  async wait(
    sessionId: string,
    inputId: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ status: InputStatus; reason?: string; result?: RunResult }> {
    await checked('input/wait', { sessionId, inputId, waitMs })
    return endOf(this.#core, sessionId, inputId, waitMs, { signal: checkedSignal(signal) })
  }

  async cancel(
    sessionId: string,
    given?: Parameters<RuntimeApi['cancel']>[1],
  ): Promise<Awaited<ReturnType<RuntimeApi['cancel']>>> {
    const wanted = { when: 'now', ...ofSession(sessionId, given) }
    const { sessionId: id, ...params } = await checked('run/cancel', wanted)
    if (params.runId !== undefined) await runView(this.#store, id, params.runId)
    return ask(this.#core, 'cancel', id, params)
  }

  async runs(sessionId: string, given?: { readonly after?: string; readonly limit?: number }): Promise<Page<RunView>> {
    const params = await checked('run/list', ofSession(sessionId, given))
    return listRuns(this.#store, (await summaryOf(this.#store, sessionId)).id, params)
  }

  async run(sessionId: string, runId: string): Promise<{ run: RunView; receipts: readonly ReceiptView[] }> {
    await checked('run/get', { sessionId, runId })
    const { id } = await summaryOf(this.#store, sessionId)
    const run = await runView(this.#store, id, runId)
    return { run, receipts: await receiptsOf(this.#store, id, run.id) }
  }

  async events(given: Parameters<RuntimeApi['events']>[0] = {}): ReturnType<RuntimeApi['events']> {
    const { signal: until, ...params } = fieldsOf(given) as typeof given
    const signal = checkedSignal(until)
    return waitForEvents(this.#core, { ...(await checked('events/read', params)), ...(signal && { signal }) })
  }

  async calls(sessionId: string, given?: { readonly state?: string }): Promise<readonly CallView[]> {
    const { state: wanted } = await checked('call/list', ofSession(sessionId, given))
    const { state, journal } = await this.#core.stateAndJournal(sessionId)
    return callViews(state, journal, wanted)
  }

  async resolveCall(
    sessionId: string,
    callId: string,
    given: Parameters<RuntimeApi['resolveCall']>[2],
  ): Promise<CallView> {
    const { sessionId: id, ...params } = await checked('call/resolve', { ...ofSession(sessionId, given), callId })
    return ask(this.#core, 'resolveCall', id, params)
  }

  async approvals(sessionId: string): Promise<readonly ApprovalView[]> {
    await checked('approval/list', { sessionId })
    const { state, journal } = await this.#core.stateAndJournal(sessionId)
    return approvalViews(state, journal)
  }

  async decide(sessionId: string, approvalId: string, given: Parameters<RuntimeApi['decide']>[2]): Promise<CallView> {
    const asked = { ...ofSession(sessionId, given), approvalId }
    const { sessionId: id, approvalId: callId, ...params } = await checked('approval/decide', asked)
    return ask(this.#core, 'decide', id, { callId, ...params })
  }

  async tools(sessionId: string): Promise<Awaited<ReturnType<RuntimeApi['tools']>>> {
    await checked('tool/list', { sessionId })
    const { id, options } = await summaryOf(this.#store, sessionId)
    const executor = this.#core.serving.of(id)
    // A registered session is about to be given one.
    if (executor === undefined && this.#core.serving.peek(id) === undefined) throw noExecutor()
    return { generation: 1, tools: (executor && offeredTools(executor, options, id)) ?? [] }
  }

  async schedule(sessionId: string, given: ScheduleParams): Promise<ScheduleView> {
    const { sessionId: id, ...params } = await checked('schedule/create', ofSession(sessionId, given))
    return ask(this.#core, 'schedule', id, { ...params, scheduleId: scheduleIdFor(this.#ids, id, params) })
  }

  async schedules(sessionId: string): Promise<readonly ScheduleView[]> {
    await checked('schedule/list', { sessionId })
    return scheduleViews(this.#core, sessionId)
  }

  async unschedule(sessionId: string, scheduleId: string): Promise<{ cancelled: boolean }> {
    await checked('schedule/cancel', { sessionId, scheduleId })
    return { cancelled: await ask(this.#core, 'unschedule', sessionId, { scheduleId: scheduleId as ScheduleId }) }
  }

  async operations(sessionId: string): Promise<readonly OperationView[]> {
    await checked('operation/list', { sessionId })
    return operationViews(this.#core, sessionId)
  }

  async operation(sessionId: string, operationId: string): Promise<OperationView> {
    await checked('operation/get', { sessionId, operationId })
    return operationView(this.#core, sessionId, operationId)
  }

  async finishOperation(
    sessionId: string,
    operationId: string,
    given: Parameters<RuntimeApi['finishOperation']>[2],
  ): Promise<OperationView> {
    const how = await checkedEnd(sessionId, operationId, given)
    const { id } = await operationView(this.#core, sessionId, operationId)
    return ask(this.#core, 'finishOperation', sessionId, { ...how, operationId: id })
  }

  async prune(given: Parameters<RuntimeApi['prune']>[0] = {}): Promise<PruneReport> {
    const { dryRun = false, compact = false, ...policy } = await checked('store/prune', given)
    const named = Object.keys(policy).length > 0
    const report = await this.#core.pruner.all(named ? policy : this.#core.retention, dryRun)
    if (compact && !dryRun) await this.#store.compact()
    return report
  }

  /**
   * Goes away in good order: takes nothing up any more, lets the runs under way end within `graceMs`, gives every
   * session back for others to go on with, and closes.
   */
  async drain(graceMs: number): Promise<void> {
    const deadline = Deadline.asked(this.#clock, { graceMs })
    this.#caretaker.stop()
    await this.#sessions.drain(deadline)
    await this.close()
  }

  /** Interrupts runs (to be continued by the next owner), gives sessions back and closes the store. Converges. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#caretaker.stop()
    this.#core.closing.abort()
    this.#core.serving.leaveAll()
    try {
      // A registration goes with its copy of the session: until that is let go, its run has its executor.
      await this.#sessions.close()
    } finally {
      await this.#core.serving.close(this.#clock, CLOSE_MS)
      await this.#store.close()
      await Promise.all(this.#core.afterClose.map(end => end()))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #handle(
    sessionId: string | undefined,
    options: SessionOptions & { readonly onConflict?: OnConflict },
  ): Promise<SessionHandle> {
    const view = await this.open(ofSession(sessionId, options))
    return new SessionHandle(this, view.id)
  }
}
