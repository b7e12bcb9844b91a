/** A runtime: everything the surfaces and the library's handles ask of it. */

import type { CoreExecutor } from '../executor/executor.ts'
import type { Ids } from '../ids.ts'
import type { InputId, ScheduleId, SessionId } from '../kernel/ids.ts'
import { entryOf } from '../kernel/regions/ledger-entries.ts'
import type { SessionOptions } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type Clock, Deadline, demandDurations } from '../time.ts'
import type {
  ApprovalView,
  AuditReport,
  CallView,
  ControlOperation,
  ControlReport,
  Explanation,
  Health,
  HistoryMessage,
  InputStatus,
  InputView,
  OnConflict,
  OperationView,
  Page,
  ReceiptView,
  RunResult,
  RuntimeApi,
  RuntimeInfo,
  RunView,
  ScheduleParams,
  ScheduleView,
  SendAnswer,
  SendParams,
  SessionView,
} from './api.ts'
import { audit } from './audit.ts'
import { type BlobView, blobView } from './blobs.ts'
import { approvalViews, callViews } from './calls.ts'
import { Caretaker } from './caretaker.ts'
import type { Core } from './core.ts'
import { explanationOf, sightOf } from './explanation.ts'
import { SessionHandle } from './handle.ts'
import { healthOf } from './health.ts'
import { inputView } from './input-reader.ts'
import { inputNotFound } from './inputs.ts'
import { listInputs } from './list-inputs.ts'
import { noExecutor } from './live-session.ts'
import { forkSession, openSession } from './opening.ts'
import { operationView, operationViews } from './operations.ts'
import { ask } from './post.ts'
import { infoOf, listRuns, pageOfHistory } from './queries.ts'
import { receiptsOf, runView, sessionView, summaryOf } from './reads.ts'
import type { PruneReport } from './retention/prune.ts'
import { scheduleViews } from './schedules.ts'
import { readyToSend } from './sending.ts'
import { closing, type Sessions } from './sessions.ts'
import { demandActing } from './settings.ts'
import { endedWithin, isOpen, labelOf, pageOf, waitForCommit } from './support.ts'
import { waitForEvents } from './wait-for-events.ts'

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
  #closed: Promise<void> | undefined

  /** Over what its operations share; hosts that need to get at single sessions keep it, too. */
  constructor(core: Core) {
    this.#core = core
    this.#caretaker = new Caretaker(this.#core)
    this.sessions = { open: (sessionId, given, how) => this.#handle(sessionId, { ...given, ...how }) }
  }

  /** Takes up every session that wants an owner and has none alive. */
  recover(): Promise<void> {
    return this.#caretaker.sweep()
  }

  /** Takes up again and again: sessions of an owner that died, and those that a failing store made this one let go. */
  recoverEvery(everyMs: number): void {
    this.#caretaker.sweepEvery(everyMs)
  }

  /** Lets idle sessions go until at most `keep` are loaded. */
  evict = (keep = 0): Promise<void> => this.#sessions.evict(keep)

  get #store(): Store {
    return this.#core.store
  }
  get #sessions(): Sessions {
    return this.#core.sessions
  }
  get #executor(): CoreExecutor | undefined {
    return this.#core.executor
  }
  get #clock(): Clock {
    return this.#core.clock
  }
  get #ids(): Ids {
    return this.#core.ids
  }
  get #closing(): AbortController {
    return this.#core.closing
  }

  info(): RuntimeInfo {
    return infoOf(this.#store, this.#executor)
  }

  health(): Health {
    return healthOf(this.#core, this.#caretaker.fault)
  }

  async open(params: Parameters<RuntimeApi['open']>[0]): Promise<SessionView> {
    const { onConflict = 'refuse', ...given } = params
    const { session, changes } = await openSession(this.#core, given, onConflict)
    return changes === undefined
      ? sessionView(session, this.#core.phaseOf(session.id))
      : this.update(session.id, changes)
  }

  async update(sessionId: string, params: Parameters<RuntimeApi['update']>[1]): Promise<SessionView> {
    demandActing(params, this.#executor)
    await ask(this.#core, 'update', sessionId, params)
    return this.get(sessionId)
  }

  async get(sessionId: string): Promise<SessionView> {
    return sessionView(await summaryOf(this.#store, sessionId), this.#core.phaseOf(sessionId))
  }

  async list(params: Parameters<RuntimeApi['list']>[0]): Promise<Page<SessionView>> {
    const { after, limit = 100, phase, label } = params
    const [key, value] = labelOf(label ?? '')
    const found = await this.#store.sessions({
      limit: limit + 1,
      ...(after && { after: after as SessionId }),
      ...(phase && { phase }),
      ...(label && { label: { key, ...(value !== undefined && { value }) } }),
    })
    return pageOf(
      found.map(summary => sessionView(summary, this.#core.phaseOf(summary.id))),
      limit,
      ({ id }) => id,
    )
  }

  async history(
    sessionId: string,
    { after, limit = 100 }: { readonly after?: number; readonly limit?: number },
  ): Promise<{ messages: readonly HistoryMessage[]; next?: number }> {
    const { id, messages: length } = await summaryOf(this.#store, sessionId)
    return pageOfHistory(this.#store, id, length, after === undefined ? 0 : after + 1, limit)
  }

  async fork(
    sessionId: string,
    { atMessage, newSessionId }: { readonly atMessage?: number; readonly newSessionId?: string },
  ): Promise<SessionView> {
    return this.get(await forkSession(this.#core, sessionId, { atMessage, newSessionId }))
  }

  async control(sessionId: string, operation: ControlOperation): Promise<ControlReport> {
    return ask(this.#core, 'control', sessionId, { operation })
  }

  async blob(sessionId: string, digest: string): Promise<BlobView> {
    return blobView(this.#store, (await summaryOf(this.#store, sessionId)).id, digest)
  }

  async explain(sessionId: string): Promise<Explanation> {
    return explanationOf(await this.#core.state(sessionId), sightOf(this.#core, sessionId))
  }

  async audit(sessionId: string, options: Parameters<RuntimeApi['audit']>[1] = {}): Promise<AuditReport> {
    await summaryOf(this.#store, sessionId)
    return audit(this.#store, sessionId as SessionId, options)
  }

  async send(sessionId: string, params: SendParams): Promise<SendAnswer> {
    const { waitMs = 0, ...given } = params
    demandDurations({ waitMs, maxRunMs: given.maxRunMs })
    const ready = readyToSend(given, this.#core.observer)
    const said = ready instanceof Promise ? await ready : ready
    const sent = await ask(this.#core, 'send', sessionId, { ...said, inputId: this.#ids.input() })
    if (waitMs === 0) return sent
    const { status, result } = await this.wait(sessionId, sent.inputId, waitMs)
    return { ...sent, status, ...(result && { result }) }
  }

  async input(
    sessionId: string,
    by: { readonly inputId?: string; readonly idempotencyKey?: string },
  ): Promise<InputView> {
    await summaryOf(this.#store, sessionId)
    const id = by.inputId ?? (await this.#store.key(sessionId as SessionId, by.idempotencyKey ?? ''))?.inputId
    if (id === undefined) throw inputNotFound(sessionId, by.idempotencyKey ?? '')
    return inputView(this.#store, sessionId as SessionId, id, () => this.#core.state(sessionId))
  }

  async inputs(sessionId: string, params: Parameters<RuntimeApi['inputs']>[1]): Promise<Page<InputView>> {
    await summaryOf(this.#store, sessionId)
    return listInputs(this.#store, sessionId as SessionId, params, await this.#core.state(sessionId))
  }

  async withdraw(sessionId: string, inputId: string): Promise<{ withdrawn: boolean; input: InputView }> {
    const known = await this.input(sessionId, { inputId })
    const withdrawn = await ask(this.#core, 'withdraw', sessionId, { inputId: known.id })
    return { withdrawn, input: await this.input(sessionId, { inputId }) }
  }

  async wait(
    sessionId: string,
    inputId: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ status: InputStatus; reason?: string; result?: RunResult }> {
    const deadline = Deadline.asked(this.#clock, { waitMs })
    const until = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
    for (;;) {
      if (this.#closing.signal.aborted) throw closing()
      const live = this.#sessions.peek(sessionId as SessionId)
      if (live !== undefined && entryOf(live.state.ledger, inputId as InputId) !== undefined) {
        const ended = await endedWithin(live, inputId as InputId, deadline, until)
        if (ended !== undefined) return ended
      }
      // Watch before looking, so that what is committed in between is not missed.
      const hint = waitForCommit(this.#store, sessionId as SessionId, deadline, until)
      try {
        const { status, reason, result } = await this.input(sessionId, { inputId })
        if (!isOpen(status)) return { status, ...(reason && { reason }), ...(result && { result }) }
        if (deadline.passed || signal?.aborted === true) return { status }
        if (live === undefined) this.#sessions.want(sessionId as SessionId)
        await hint
      } finally {
        hint.cancel()
      }
    }
  }

  async cancel(
    sessionId: string,
    params: Parameters<RuntimeApi['cancel']>[1],
  ): Promise<Awaited<ReturnType<RuntimeApi['cancel']>>> {
    if (params.runId !== undefined) await runView(this.#store, sessionId, params.runId)
    return ask(this.#core, 'cancel', sessionId, params)
  }

  async runs(sessionId: string, params: { readonly after?: string; readonly limit?: number }): Promise<Page<RunView>> {
    await summaryOf(this.#store, sessionId)
    return listRuns(this.#store, sessionId as SessionId, params)
  }

  async run(sessionId: string, runId: string): Promise<{ run: RunView; receipts: readonly ReceiptView[] }> {
    await summaryOf(this.#store, sessionId)
    const run = await runView(this.#store, sessionId, runId)
    return { run, receipts: await receiptsOf(this.#store, sessionId as SessionId, run.id) }
  }

  events(params: Parameters<RuntimeApi['events']>[0]): ReturnType<RuntimeApi['events']> {
    return waitForEvents(this.#core, params)
  }

  async calls(sessionId: string, { state: wanted }: { readonly state?: string }): Promise<readonly CallView[]> {
    const { state, journal } = await this.#core.stateAndJournal(sessionId)
    return callViews(state, journal, wanted)
  }

  async resolveCall(
    sessionId: string,
    callId: string,
    params: Parameters<RuntimeApi['resolveCall']>[2],
  ): Promise<CallView> {
    return ask(this.#core, 'resolveCall', sessionId, { callId, ...params })
  }

  async approvals(sessionId: string): Promise<readonly ApprovalView[]> {
    const { state, journal } = await this.#core.stateAndJournal(sessionId)
    return approvalViews(state, journal)
  }

  async decide(sessionId: string, approvalId: string, params: Parameters<RuntimeApi['decide']>[2]): Promise<CallView> {
    return ask(this.#core, 'decide', sessionId, { callId: approvalId, ...params })
  }

  async tools(sessionId: string): Promise<Awaited<ReturnType<RuntimeApi['tools']>>> {
    const { options } = await summaryOf(this.#store, sessionId)
    if (this.#executor === undefined) throw noExecutor()
    return { generation: 1, tools: this.#executor.tools?.(options) ?? [] }
  }

  async schedule(sessionId: string, params: ScheduleParams): Promise<ScheduleView> {
    return ask(this.#core, 'schedule', sessionId, { ...params, scheduleId: this.#ids.schedule() })
  }

  schedules(sessionId: string): Promise<readonly ScheduleView[]> {
    return scheduleViews(this.#core, sessionId)
  }

  async unschedule(sessionId: string, scheduleId: string): Promise<{ cancelled: boolean }> {
    return { cancelled: await ask(this.#core, 'unschedule', sessionId, { scheduleId: scheduleId as ScheduleId }) }
  }

  operations(sessionId: string): Promise<readonly OperationView[]> {
    return operationViews(this.#core, sessionId)
  }

  operation(sessionId: string, operationId: string): Promise<OperationView> {
    return operationView(this.#core, sessionId, operationId)
  }

  async finishOperation(
    sessionId: string,
    operationId: string,
    params: Parameters<RuntimeApi['finishOperation']>[2],
  ): Promise<OperationView> {
    const { id } = await this.operation(sessionId, operationId)
    return ask(this.#core, 'finishOperation', sessionId, { ...params, operationId: id })
  }

  async prune({
    dryRun = false,
    compact = false,
    ...policy
  }: Parameters<RuntimeApi['prune']>[0]): Promise<PruneReport> {
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
    this.#closing.abort()
    try {
      await this.#sessions.close()
      await this.#executor?.close?.()
    } finally {
      await this.#store.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #handle(
    sessionId: string | undefined,
    options: SessionOptions & { readonly onConflict?: OnConflict },
  ): Promise<SessionHandle> {
    const view = await this.open({ ...options, ...(sessionId !== undefined && { sessionId }) })
    return new SessionHandle(this, view.id)
  }
}
