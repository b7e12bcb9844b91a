/** A runtime: everything the surfaces and the library's handles ask of it. */

import { stateOf } from '../driver/load.ts'
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor } from '../executor/executor.ts'
import { type Ids, uuidIds } from '../ids.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/machine.ts'
import { entryOf } from '../kernel/regions/ledger-entries.ts'
import type { MessageRecord, SessionOptions } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type Clock, Deadline, systemClock } from '../time.ts'
import type {
  ApprovalView,
  AuditReport,
  CallView,
  ControlOperation,
  ControlReport,
  EventView,
  Explanation,
  Health,
  HistoryMessage,
  InputStatus,
  InputView,
  Page,
  ReceiptView,
  RunResult,
  RuntimeApi,
  RuntimeInfo,
  RunView,
  SendAnswer,
  SendParams,
  SessionView,
} from './api.ts'
import { approvalViews, callAfter, callOf, callViews, decide, resolveCall } from './calls.ts'
import { cancel, control } from './control.ts'
import { SessionHandle } from './handle.ts'
import { healthOf } from './health.ts'
import { admit, inputNotFound, inputView, statusOf } from './inputs.ts'
import { type Ended, type LiveSession, noExecutor } from './live-session.ts'
import type { RuntimeOptions } from './options.ts'
import { explanationOf, infoOf, listInputs, listRuns, pageOfHistory } from './queries.ts'
import { audit, readEvents, readMessages, receiptsOf, runView, sessionView, summaryOf } from './reads.ts'
import { closing, Sessions } from './sessions.ts'
import { endedWithin, isOpen, labelOf, pageOf, sameOptions, waitForCommit } from './support.ts'

/** Copies of a session that a request is tried on: each was let go under it. */
const TRIES = 5

export class Runtime implements RuntimeApi, AsyncDisposable {
  /** Sessions as handles. */
  readonly sessions: { readonly open: (sessionId?: string, options?: SessionOptions) => Promise<SessionHandle> }
  readonly #store: Store
  readonly #sessions: Sessions
  readonly #executor: CoreExecutor | undefined
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #abortGraceMs: number
  readonly #closing = new AbortController()
  #offRecovery: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(store: Store, options: RuntimeOptions) {
    this.#store = store
    this.#executor = options.executor
    this.#clock = options.clock ?? systemClock
    this.#ids = options.ids ?? uuidIds(this.#clock)
    this.#abortGraceMs = options.abortGraceMs ?? 5_000
    this.#sessions = new Sessions({
      store,
      clock: this.#clock,
      ids: this.#ids,
      executor: options.executor,
      maxRunMs: options.maxRunMs ?? 3_600_000,
      abortGraceMs: this.#abortGraceMs,
      owner: this.#ids.session(),
      keepIdle: options.keepIdle ?? 1_000,
      idleMs: options.idleMs ?? 60_000,
    })
    this.sessions = { open: (sessionId, given) => this.#handle(sessionId, given) }
  }

  /** Takes up every session that owes work and has no other living owner. */
  recover(): Promise<void> {
    return this.#sessions.takeUpOwed()
  }

  /** Takes up again and again: sessions of an owner that died, and those that a failing store made this one let go. */
  recoverEvery(everyMs: number): void {
    if (this.#closing.signal.aborted) return
    const again = (): void => this.recoverEvery(everyMs)
    this.#offRecovery = this.#clock.after(everyMs, () => void this.recover().then(again, again), { background: true })
  }

  /** Lets idle sessions go until at most `keep` are loaded. */
  evict = (keep = 0): Promise<void> => this.#sessions.evict(keep)

  info(): RuntimeInfo {
    return infoOf(this.#store, this.#executor)
  }

  health(): Health {
    return healthOf(this.#sessions.live, this.#store, this.#clock)
  }

  async open(params: SessionOptions & { readonly sessionId?: string }): Promise<SessionView> {
    const { sessionId, ...options } = params
    const id = (sessionId ?? this.#ids.session()) as SessionId
    const existing = await this.#store.session(id)
    if (existing === undefined) {
      try {
        await this.#sessions.create(id, options)
      } catch (error) {
        // Two openers at once: the one who came second finds the session of the first.
        if (!(error instanceof MeerkatError && error.code === 'session-conflict')) throw error
      }
    }
    const summary = await summaryOf(this.#store, id)
    if (Object.keys(options).length > 0 && !sameOptions(summary.options, options)) {
      const message = `session ${id} exists with other options; open it without options, or choose another id`
      throw new MeerkatError('session-conflict', message, { details: { sessionId: id, options: summary.options } })
    }
    return sessionView(summary, this.#phaseOf(id))
  }

  async get(sessionId: string): Promise<SessionView> {
    return sessionView(await summaryOf(this.#store, sessionId), this.#phaseOf(sessionId))
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
      found.map(summary => sessionView(summary, this.#phaseOf(summary.id))),
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
    const source = await summaryOf(this.#store, sessionId)
    const count = Math.min(source.messages, atMessage ?? source.messages)
    const copied = count === 0 ? [] : await readMessages(this.#store, source.id, 0, count)
    const messages = copied.map(({ role, content }): MessageRecord => ({ role, content }))
    const id = (newSessionId ?? this.#ids.session()) as SessionId
    await this.#sessions.create(id, source.options, { from: source.id, messages })
    return this.get(id)
  }

  async control(sessionId: string, operation: ControlOperation): Promise<ControlReport> {
    return this.#on(sessionId, live => control(live, operation, this.#clock, this.#abortGraceMs + 2_000))
  }

  async explain(sessionId: string): Promise<Explanation> {
    return explanationOf(await this.#state(sessionId), this.#clock.now())
  }

  async audit(sessionId: string): Promise<AuditReport> {
    await summaryOf(this.#store, sessionId)
    return audit(this.#store, sessionId as SessionId)
  }

  async send(sessionId: string, params: SendParams): Promise<SendAnswer> {
    const { idempotencyKey: key } = params
    const act = async (live: LiveSession): Promise<SendAnswer> => {
      const seen = key === undefined ? undefined : await this.#store.key(live.id, key)
      const id = this.#ids.input()
      let ended: Ended | undefined
      const off = live.onEnded(id, one => {
        ended = one
      })
      const before = live.driver.position
      const admitted = await live.driver.mutate(tx => admit(tx, live, id, params, seen)).finally(off)
      if (admitted.outcome === 'deduplicated') {
        const { status, result } = await this.input(sessionId, { inputId: admitted.inputId })
        return { ...admitted, status, ...(result && { result }), cursor: String(before) }
      }
      const status: InputStatus = ended?.status ?? statusOf(entryOf(live.state.ledger, id))
      return { ...admitted, status, cursor: String(before), ...(ended?.result && { result: ended.result }) }
    }
    const sent = await this.#on(sessionId, live =>
      key === undefined ? act(live) : live.inKeyOrder(key, () => act(live)),
    )
    if (params.waitMs === undefined || params.waitMs === 0) return sent
    const { status, result } = await this.wait(sessionId, sent.inputId, params.waitMs)
    return { ...sent, status, ...(result && { result }) }
  }

  async input(
    sessionId: string,
    by: { readonly inputId?: string; readonly idempotencyKey?: string },
  ): Promise<InputView> {
    await summaryOf(this.#store, sessionId)
    const id = by.inputId ?? (await this.#store.key(sessionId as SessionId, by.idempotencyKey ?? ''))?.inputId
    if (id === undefined) throw inputNotFound(sessionId, by.idempotencyKey ?? '')
    return inputView(this.#store, sessionId as SessionId, id, () => this.#state(sessionId))
  }

  async inputs(sessionId: string, params: Parameters<RuntimeApi['inputs']>[1]): Promise<Page<InputView>> {
    await summaryOf(this.#store, sessionId)
    return listInputs(this.#store, sessionId as SessionId, params, await this.#state(sessionId))
  }

  async withdraw(sessionId: string, inputId: string): Promise<{ withdrawn: boolean; input: InputView }> {
    const known = await this.input(sessionId, { inputId })
    const withdrawn = await this.#on(sessionId, live =>
      live.driver.mutate(tx => tx.try({ type: 'WithdrawInput', inputId: known.id }).ok),
    )
    return { withdrawn, input: await this.input(sessionId, { inputId }) }
  }

  async wait(
    sessionId: string,
    inputId: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ status: InputStatus; reason?: string; result?: RunResult }> {
    const deadline = Deadline.in(this.#clock, waitMs)
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
    return this.#on(sessionId, live => cancel(live, params))
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

  async events(params: Parameters<RuntimeApi['events']>[0]): Promise<{ events: readonly EventView[]; cursor: string }> {
    const { sessionId, after, limit = 100, waitMs = 0, signal } = params
    if (sessionId !== undefined) await summaryOf(this.#store, sessionId)
    const query = { limit, ...(sessionId && { sessionId: sessionId as SessionId }), ...(after && { after }) }
    const deadline = Deadline.in(this.#clock, waitMs)
    for (;;) {
      if (this.#closing.signal.aborted) throw closing()
      const hint = waitForCommit(this.#store, query.sessionId, deadline, signal, this.#closing.signal)
      try {
        const page = await readEvents(this.#store, query)
        if (page.events.length > 0 || deadline.passed || signal?.aborted === true) return page
        await hint
      } finally {
        hint.cancel()
      }
    }
  }

  async calls(sessionId: string, { state: wanted }: { readonly state?: string }): Promise<readonly CallView[]> {
    const { state, journal } = await this.#stateAndJournal(sessionId)
    return callViews(state, journal, wanted)
  }

  async resolveCall(
    sessionId: string,
    callId: string,
    params: Parameters<RuntimeApi['resolveCall']>[2],
  ): Promise<CallView> {
    return this.#on(sessionId, async live => {
      callOf(live.state, sessionId, callId)
      const before = callViews(live.state, live.journal).find(call => call.id === callId)
      const state = await resolveCall(live, callId, params)
      return callAfter(live, callId, before, state)
    })
  }

  async approvals(sessionId: string): Promise<readonly ApprovalView[]> {
    const { state, journal } = await this.#stateAndJournal(sessionId)
    return approvalViews(state, journal)
  }

  async decide(sessionId: string, approvalId: string, params: Parameters<RuntimeApi['decide']>[2]): Promise<CallView> {
    return this.#on(sessionId, async live => {
      callOf(live.state, sessionId, approvalId)
      const before = callViews(live.state, live.journal).find(call => call.id === approvalId)
      const state = await decide(live, approvalId, params)
      return callAfter(live, approvalId, before, state)
    })
  }

  async tools(sessionId: string): Promise<Awaited<ReturnType<RuntimeApi['tools']>>> {
    const { options } = await summaryOf(this.#store, sessionId)
    if (this.#executor === undefined) throw noExecutor()
    return { generation: 1, tools: this.#executor.tools?.(options) ?? [] }
  }

  /** Interrupts runs (to be continued by the next owner), gives sessions back and closes the store. Converges. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#offRecovery?.()
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

  async #handle(sessionId: string | undefined, options: SessionOptions = {}): Promise<SessionHandle> {
    const view = await this.open({ ...options, ...(sessionId !== undefined && { sessionId }) })
    return new SessionHandle(this, view.id)
  }

  async #live(sessionId: string): Promise<LiveSession> {
    if (this.#sessions.peek(sessionId as SessionId) === undefined) await summaryOf(this.#store, sessionId)
    return this.#sessions.get(sessionId as SessionId)
  }

  /** Acts on the session while it stays loaded; on the next copy if this one was let go under the request. */
  async #on<T>(sessionId: string, act: (live: LiveSession) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const live = await this.#live(sessionId)
      // A copy on its way out could still write, but nobody would answer what it admits.
      if (live.closed && tries < TRIES) continue
      const unpin = live.pin()
      try {
        return await act(live)
      } catch (error) {
        const gone = live.closed && error instanceof MeerkatError && error.code === 'not-owner'
        if (!gone || tries === TRIES) throw error
      } finally {
        unpin()
      }
    }
  }

  #phaseOf(sessionId: string): string | undefined {
    return this.#sessions.peek(sessionId as SessionId)?.state.lifecycle.phase
  }

  async #state(sessionId: string): Promise<MeerkatState> {
    return (await this.#stateAndJournal(sessionId)).state
  }

  /** The state as its owner here has it, else as its records tell. */
  async #stateAndJournal(sessionId: string) {
    const live = this.#sessions.peek(sessionId as SessionId)
    if (live !== undefined) {
      live.usedAt = this.#clock.now()
      return { state: live.state, journal: live.journal }
    }
    await summaryOf(this.#store, sessionId)
    const loaded = await this.#store.load(sessionId as SessionId)
    return { state: stateOf(loaded), journal: loaded.journal }
  }
}
