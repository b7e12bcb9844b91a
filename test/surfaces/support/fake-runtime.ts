/**
 * A runtime small enough to see through: it keeps sessions, inputs and events in memory and answers at once, so that
 * these tests are about the surfaces. What an input says steers it: `hold` stays queued until `finish`, `boom` is a bug,
 * `busy` is refused as overloaded.
 */
import { MeerkatError } from '../../../src/errors.ts'
import type { EventView } from '../../../src/events.ts'
import type { InputId, RunId, SessionId } from '../../../src/kernel/ids.ts'
import type { Runtime } from '../../../src/session/runtime.ts'
import type {
  CallView,
  Health,
  InputView,
  OperationView,
  RunResult,
  ScheduleView,
  SessionView,
} from '../../../src/session/views.ts'
import type { Callable, CallContext } from '../../../src/surfaces/operation.ts'
import { isOperationName, operationNamed, paramsOf } from '../../../src/surfaces/operations.ts'
import { systemClock } from '../../../src/time.ts'
import { ANSWERS } from './fake-answers.ts'
import { build, call, run, schedule } from './fake-views.ts'

const AT = '2026-01-02T03:04:05.678Z'
const RUN = 'run-1' as RunId

export type EventsParams = NonNullable<Parameters<Runtime['events']>[0]>

export class FakeRuntime implements Callable {
  readonly sessions = new Map<string, SessionView>()
  readonly inputsOf = new Map<string, InputView>()
  readonly log: EventView[] = []
  /** Readings of the log that wait for an event just now. */
  waitingReaders = 0
  /** Readings of the log so far. */
  reads = 0
  healthStatus: Health['status'] = 'ok'
  /** Thrown by the next reading of the log. */
  failNextRead: MeerkatError | undefined
  readonly #wakers = new Set<() => void>()

  /** Checks what it is asked by the table, as a runtime does. */
  async call(name: string, params: unknown, context: CallContext = {}): Promise<object> {
    if (!isOperationName(name)) throw new TypeError(`${operationNamed(name).doc} is not called`)
    return ANSWERS[name](this, paramsOf(name, params) as never, context)
  }

  info(): ReturnType<Runtime['info']> {
    return {
      name: 'meerkat-ts',
      version: '1.2.3',
      protocol: 1,
      store: 'memory',
      executor: 'fake',
      features: ['events'],
    }
  }

  health(): Health {
    const reasons = this.healthStatus === 'ok' ? [] : ['the store fails']
    return {
      status: this.healthStatus,
      reasons,
      oldestRunnableMs: 0,
      sessions: { loaded: this.sessions.size, running: 0, unfinished: 0 },
      loops: { performing: 0, waiting: 0, overdue: 0 },
      schedules: { overdue: 0 },
      store: { name: 'memory', failing: this.healthStatus === 'failing' },
    }
  }

  async open(params: NonNullable<Parameters<Runtime['open']>[0]>): Promise<SessionView> {
    const { sessionId = `session-${this.sessions.size + 1}`, ...options } = params
    const known = this.sessions.get(sessionId)
    if (known !== undefined && known.title !== options.title) {
      throw new MeerkatError('session-conflict', `session ${sessionId} was opened with other options`)
    }
    const id = sessionId as SessionId
    const session = {
      id,
      phase: 'idle',
      createdAt: AT,
      updatedAt: AT,
      revision: 1,
      messages: 0,
      unfinished: 0,
      ...options,
    }
    this.sessions.set(id, known ?? session)
    if (known === undefined) this.emit({ sessionId, type: 'session.opened' })
    return known ?? session
  }

  async update(sessionId: string, { title, model, system }: Parameters<Runtime['update']>[1]): Promise<SessionView> {
    const before = this.#session(sessionId)
    const given = Object.entries({ title, model, system }).filter(([, value]) => typeof value === 'string')
    const session: SessionView = { ...before, ...Object.fromEntries(given), revision: before.revision + 1 }
    this.sessions.set(sessionId, session)
    return session
  }

  async get(sessionId: string): Promise<SessionView> {
    return this.#session(sessionId)
  }

  async list(params: Parameters<Runtime['list']>[0] = {}): ReturnType<Runtime['list']> {
    const all = [...this.sessions.values()].filter(({ id }) => id > (params.after ?? ''))
    const items = all.slice(0, params.limit)
    const last = items.at(-1)
    return { items, ...(last !== undefined && all.length > items.length ? { next: last.id } : {}) }
  }

  async history(sessionId: string, { after }: { readonly after?: number }): ReturnType<Runtime['history']> {
    this.#session(sessionId)
    const inputs = [...this.inputsOf.values()].slice((after ?? -1) + 1)
    const messages = inputs.map(({ id, content }, at) => ({
      id: `message-${id}`,
      index: (after ?? -1) + 1 + at,
      role: 'user' as const,
      content,
      inputIds: [id],
      at: AT,
    }))
    return { messages }
  }

  async fork(sessionId: string, params: { readonly newSessionId?: string } = {}): Promise<SessionView> {
    const origin = this.#session(sessionId)
    const fork = await this.open({ sessionId: params.newSessionId ?? `${sessionId}-fork` })
    return { ...fork, forkOf: { sessionId: origin.id, messages: 0 } }
  }

  async control(sessionId: string, operation: string): ReturnType<Runtime['control']> {
    const { id } = this.#session(sessionId)
    return { sessionId: id, phase: operation, inputsAbandoned: 1, inputsPendingDrain: 0, inputsTransferred: 0 }
  }

  async prune({ dryRun = false }: { readonly dryRun?: boolean }): ReturnType<Runtime['prune']> {
    return { dryRun, sessions: this.sessions.size, removed: 0, amended: 0, bytes: 0, skipped: 0 }
  }

  async blob(sessionId: string, digest: string): ReturnType<Runtime['blob']> {
    this.#session(sessionId)
    return { digest, bytes: 3, data: 'AAAA' }
  }

  async explain(sessionId: string): ReturnType<Runtime['explain']> {
    this.#session(sessionId)
    const waiting = { guard: 'hasQueuedWork', owner: 'caller', sinceMs: 5, text: 'an input' }
    return { runnable: false, phase: 'idle', summary: 'is idle', waitingFor: [waiting] }
  }

  async audit(sessionId: string): ReturnType<Runtime['audit']> {
    this.#session(sessionId)
    return { ok: true, steps: 3 }
  }

  async send(sessionId: string, params: Parameters<Runtime['send']>[1]): ReturnType<Runtime['send']> {
    this.#session(sessionId)
    if (params.content === 'boom') throw new TypeError('the password is hunter2')
    if (params.content === 'busy') {
      throw new MeerkatError('overloaded', 'too many inputs', { details: { retryAfterMs: 1500 } })
    }
    const cursor = String(this.log.length)
    const same = [...this.inputsOf.values()].find(
      ({ idempotencyKey }) => idempotencyKey !== undefined && idempotencyKey === params.idempotencyKey,
    )
    if (same !== undefined) return { outcome: 'deduplicated', inputId: same.id, status: same.status, cursor }
    const { content, mode = 'queue', idempotencyKey } = params
    const id = `input-${this.inputsOf.size + 1}` as InputId
    const key = idempotencyKey === undefined ? {} : { idempotencyKey }
    this.inputsOf.set(id, { id, status: 'queued', attempts: 0, mode, kind: 'prompt', content, acceptedAt: AT, ...key })
    this.emit({ sessionId, type: 'input.accepted', inputId: id })
    if (content !== 'hold') this.finish(sessionId, id)
    return { outcome: 'accepted', inputId: id, status: this.#input(id).status, cursor }
  }

  /** Ends an input as if a run had answered it. */
  finish(sessionId: string, inputId: string): void {
    const input = this.#input(inputId)
    const result: RunResult = { outcome: 'completed', runId: RUN, text: `echo: ${JSON.stringify(input.content)}` }
    this.inputsOf.set(inputId, { ...input, status: 'consumed', attempts: 1, runId: RUN, result })
    this.emit({ sessionId, type: 'input.consumed', inputId: input.id, runId: RUN })
  }

  async input(sessionId: string, by: Parameters<Runtime['input']>[1]): Promise<InputView> {
    this.#session(sessionId)
    const found = [...this.inputsOf.values()].find(({ idempotencyKey }) => idempotencyKey === by.idempotencyKey)
    return this.#input(by.inputId ?? found?.id ?? '')
  }

  async inputs(sessionId: string, params: Parameters<Runtime['inputs']>[1] = {}): ReturnType<Runtime['inputs']> {
    this.#session(sessionId)
    return { items: [...this.inputsOf.values()].filter(({ status }) => status === (params.status ?? status)) }
  }

  async withdraw(sessionId: string, inputId: string): ReturnType<Runtime['withdraw']> {
    this.#session(sessionId)
    const input = this.#input(inputId)
    if (input.status !== 'queued') return { withdrawn: false, input }
    const withdrawn: InputView = { ...input, status: 'withdrawn' }
    this.inputsOf.set(inputId, withdrawn)
    this.#wake()
    return { withdrawn: true, input: withdrawn }
  }

  async wait(sessionId: string, inputId: string, waitMs: number, signal?: AbortSignal): ReturnType<Runtime['wait']> {
    this.#session(sessionId)
    await this.#until(() => this.#input(inputId).status !== 'queued', waitMs, signal)
    const { status, result } = this.#input(inputId)
    return { status, ...(result === undefined ? {} : { result }) }
  }

  async cancel(sessionId: string, params: Parameters<Runtime['cancel']>[1] = {}): ReturnType<Runtime['cancel']> {
    this.#session(sessionId)
    return { cancelled: params.when === 'now', runId: RUN, dropped: params.queue === 'drop' ? 1 : 0, endedInputs: [] }
  }

  async runs(sessionId: string): ReturnType<Runtime['runs']> {
    this.#session(sessionId)
    return { items: [run] }
  }

  async run(sessionId: string, runId: string): ReturnType<Runtime['run']> {
    this.#session(sessionId)
    if (runId !== RUN) throw new MeerkatError('run-not-found', `there is no run ${runId}`)
    return { run, receipts: [{ runId: RUN, boundary: 1, inputIds: [], at: AT }] }
  }

  async events(params: EventsParams = {}): ReturnType<Runtime['events']> {
    this.reads += 1
    const failure = this.failNextRead
    this.failNextRead = undefined
    if (failure !== undefined) throw failure
    if (params.sessionId !== undefined) this.#session(params.sessionId)
    const from = Number(params.after ?? 0)
    if (!Number.isSafeInteger(from)) throw new MeerkatError('invalid-params', `after is no cursor: ${params.after}`)
    const find = (): EventView[] =>
      this.log.slice(from).filter(({ sessionId }) => sessionId === (params.sessionId ?? sessionId))
    this.waitingReaders += 1
    await this.#until(() => find().length > 0, params.waitMs ?? 0, params.signal)
    this.waitingReaders -= 1
    const events = find().slice(0, params.limit)
    return { events, cursor: events.at(-1)?.cursor ?? String(this.log.length) }
  }

  emit(event: Readonly<Record<string, unknown>> & { readonly sessionId: string; readonly type: string }): void {
    const sessionId = event.sessionId as SessionId
    this.log.push({ ...event, sessionId, cursor: String(this.log.length + 1), at: AT } as EventView)
    this.#wake()
  }

  async calls(sessionId: string, params: { readonly state?: string } = {}): Promise<readonly CallView[]> {
    this.#session(sessionId)
    return [call].filter(({ state }) => state === (params.state ?? state))
  }

  async resolveCall(
    sessionId: string,
    callId: string,
    params: Parameters<Runtime['resolveCall']>[2],
  ): Promise<CallView> {
    this.#session(sessionId)
    if (callId !== call.id) throw new MeerkatError('not-found', `there is no call ${callId}`)
    if (params.resolution === 'failed') {
      throw new MeerkatError('rejected', 'the call is settled', {
        details: { kind: 'guard-rejected', reason: 'settled' },
      })
    }
    return { ...call, state: 'succeeded', output: params.output }
  }

  async approvals(sessionId: string): ReturnType<Runtime['approvals']> {
    this.#session(sessionId)
    return [{ id: call.id, tool: call.tool, args: { path: '/' }, inputId: call.inputId, since: AT }]
  }

  async decide(sessionId: string, _: string, params: Parameters<Runtime['decide']>[2]): Promise<CallView> {
    this.#session(sessionId)
    return { ...call, state: params.decision === 'allow' ? 'owed' : 'failed' }
  }

  async tools(sessionId: string): ReturnType<Runtime['tools']> {
    this.#session(sessionId)
    return { generation: 1, tools: [{ name: 'look', policy: 'retry', needsApproval: false, state: 'visible' }] }
  }

  filterTools = (): ReturnType<Runtime['filterTools']> => Promise.resolve({ revision: 2 })
  requestTools = (): ReturnType<Runtime['requestTools']> => Promise.resolve({ revision: 3 })
  async model(sessionId: string): ReturnType<Runtime['model']> {
    this.#session(sessionId)
    return {
      source: 'baseline',
      model: 'a/b',
      own: 'a/b',
      identity: { provider: 'a', model: 'b' },
      images: [],
      recent: [],
    }
  }

  async setModel(sessionId: string, { model }: { readonly model: string }): ReturnType<Runtime['setModel']> {
    return { ...(await this.model(sessionId)), model, own: model }
  }

  async switchModel(sessionId: string, asked: { model: string; turns: number }): ReturnType<Runtime['model']> {
    return { ...(await this.model(sessionId)), pending: { requestId: 'switch-1', ...asked } }
  }

  async schedule(sessionId: string, params: Parameters<Runtime['schedule']>[1]): Promise<ScheduleView> {
    this.#session(sessionId)
    return { ...schedule, content: params.content }
  }

  async schedules(sessionId: string): Promise<readonly ScheduleView[]> {
    this.#session(sessionId)
    return [schedule]
  }

  async unschedule(sessionId: string, scheduleId: string): ReturnType<Runtime['unschedule']> {
    this.#session(sessionId)
    return { cancelled: scheduleId === schedule.id }
  }

  async operations(sessionId: string): Promise<readonly OperationView[]> {
    this.#session(sessionId)
    return [build]
  }

  async operation(sessionId: string, operationId: string): Promise<OperationView> {
    this.#session(sessionId)
    if (operationId !== build.id) throw new MeerkatError('not-found', `there is no operation ${operationId}`)
    return build
  }

  async finishOperation(
    sessionId: string,
    operationId: string,
    params: Parameters<Runtime['finishOperation']>[2],
  ): Promise<OperationView> {
    const { outcome: status, ...came } = params
    return { ...(await this.operation(sessionId, operationId)), status, ...came }
  }

  async close(): Promise<void> {}

  #session(sessionId: string): SessionView {
    const session = this.sessions.get(sessionId)
    if (session === undefined) throw new MeerkatError('session-not-found', `there is no session ${sessionId}`)
    return session
  }

  #input(inputId: string): InputView {
    const input = this.inputsOf.get(inputId)
    if (input === undefined) throw new MeerkatError('input-not-found', `there is no input ${inputId}`)
    return input
  }

  #wake(): void {
    for (const waker of this.#wakers) waker()
  }

  /** Resolves when the condition holds, the time is up or nobody waits any more. */
  async #until(holds: () => boolean, waitMs: number, signal?: AbortSignal): Promise<void> {
    if (holds() || waitMs === 0 || signal?.aborted === true) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => (holds() ? resolve() : undefined)
    const end = (): void => resolve()
    const cancelTimer = systemClock.after(waitMs, end)
    this.#wakers.add(check)
    signal?.addEventListener('abort', end)
    await promise
    cancelTimer()
    this.#wakers.delete(check)
    signal?.removeEventListener('abort', end)
  }
}
