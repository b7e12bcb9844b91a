/**
 * The run port on top of the driver: every report of the executor is one mutation, durable when it answers.
 *
 * A port serves one run. Once that run is over, by whatever cause, every report is refused, so that a late executor can't
 * touch the session's next run.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type {
  ApplyOutput,
  AskedModel,
  BoundaryAnswer,
  CalledModel,
  CallOutcome,
  ContextMessage,
  RunInput,
  RunPort,
  StreamEvent,
  SurfaceAnswer,
  ToolCatalogue,
} from '../executor/executor.ts'
import type { CallId, RunId } from '../kernel/ids.ts'
import { noticesOf } from '../kernel/notices.ts'
import type { CallIntent } from '../kernel/regions/calls/input.ts'
import { type CallEntry, type Calls, callsOf } from '../kernel/regions/calls/state.ts'
import type { OfferedTool, SurfacePin } from '../kernel/tool-catalogue.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { MessageRecord, SessionOptions, UsageRecord } from '../store/records.ts'
import { messageText } from '../text.ts'
import type { Clock, Deadline } from '../time.ts'
import { addUsage } from '../usage.ts'
import { passBoundary } from './boundary.ts'
import { keepFallback, modelOfTurn } from './models.ts'
import { RunTools } from './offered.ts'
import { registerOperation } from './register-operation.ts'
import {
  checkedAttempt,
  checkedCallIds,
  checkedCompact,
  checkedFallback,
  checkedIntend,
  checkedInvalidAnswer,
  checkedOutcomes,
  checkedRetrying,
  checkedTurn,
} from './reports.ts'
import { streamedRecord } from './streamed.ts'
import type { WorkJournal } from './work-journal.ts'

export interface PortOptions {
  readonly driver: SessionDriver
  readonly runId: RunId
  readonly attempt: number
  readonly session: SessionOptions
  readonly inputs: () => readonly RunInput[]
  readonly work: WorkJournal
  readonly signal: AbortSignal
  readonly deadline: () => Deadline
  readonly clock: Clock
  readonly context: () => Promise<readonly ContextMessage[]>
  /** The handles that a host has made for the session's agent. */
  readonly bindings: unknown
  /** Inputs have joined: loads their content with its files, for the context of the next model call. */
  readonly joined: () => Promise<void>
  /** Admits the inputs that should join at the boundary. */
  readonly atBoundary: (tx: Transaction) => void
  /** Repeats a mutation while the store fails, within the run's limits. */
  readonly persist: <T>(mutation: () => Promise<T>) => Promise<T>
  readonly observer: RuntimeObserver | undefined
}

/** Bytes of a tool's output that its event contains; the transcript has all of it. */
const EVENT_OUTPUT_LIMIT = 2_048

export class LoopPort implements RunPort {
  readonly #options: PortOptions
  readonly #streamedTurns = new Set<number>()
  /** Cost of the work's model calls before the executor was called. */
  usageSoFar?: UsageRecord
  /** Cost of the model calls since the executor was called last, as far as the journal has it. */
  recorded?: UsageRecord | undefined
  /** The session's calls when the executor was called last, to see whether one was decided since. */
  callsBefore: Calls
  readonly #tools: RunTools
  #turns = 0
  #closed = false

  constructor(options: PortOptions) {
    this.#options = options
    this.callsBefore = options.driver.state.calls
    const of = { chosen: options.session.tools, named: () => options.work.namedModel }
    this.#tools = new RunTools(options.driver, of, tx => {
      this.#current(tx)
      return tx
    })
    const said = options.work.messages.filter(message => message.role === 'assistant')
    this.#turns = said.length
    for (const { usage } of said) this.spend(usage)
  }

  /** Adds the cost of the last call of the executor before it is called again. */
  spend(usage: UsageRecord | undefined): void {
    const sum = addUsage(this.usageSoFar, usage)
    if (sum !== undefined) this.usageSoFar = sum
  }

  /** Called before each call of the executor. */
  begin(): void {
    this.callsBefore = this.#options.driver.state.calls
    this.recorded = undefined
  }

  get sessionId(): SessionDriver['sessionId'] {
    return this.#options.driver.sessionId
  }
  get runId(): RunId {
    return this.#options.runId
  }
  get attempt(): number {
    return this.#options.attempt
  }
  get session(): SessionOptions {
    return this.#options.session
  }
  get inputs(): readonly RunInput[] {
    return this.#options.inputs()
  }
  get outputSchema(): unknown {
    return this.#options.work.outputSchema
  }
  get signal(): AbortSignal {
    return this.#options.signal
  }
  get deadline(): Deadline {
    return this.#options.deadline()
  }
  get clock(): Clock {
    return this.#options.clock
  }
  get bindings(): unknown {
    return this.#options.bindings
  }
  get observer(): RuntimeObserver | undefined {
    return this.#options.observer
  }
  /** The highest number of a model call in this work. */
  get turnsSoFar(): number {
    return this.#turns
  }
  context(): Promise<readonly ContextMessage[]> {
    return this.#options.context()
  }
  notices(): readonly ContextMessage[] {
    return noticesOf(this.#options.driver.state).map(content => ({ role: 'notice', content }))
  }
  journal(): readonly ContextMessage[] {
    return this.#options.work.context()
  }
  calls(): readonly CallEntry[] {
    const { driver, work } = this.#options
    const calls = callsOf(driver.state.calls, work.head)
    if (calls.length < 2) return calls
    const asked = work.messages.flatMap(requestedIn).map(({ callId }) => callId)
    return calls.toSorted((a, b) => asked.indexOf(a.id) - asked.indexOf(b.id))
  }

  model(): Promise<AskedModel> {
    const { driver, work } = this.#options
    return modelOfTurn(driver, work, work.namedModel, tx => this.#current(tx))
  }

  /** Whether text of the turn was streamed. */
  streamed(turn: number): boolean {
    return this.#streamedTurns.has(turn)
  }

  /** Refuses all later reports: the run is over. */
  close(): void {
    this.#closed = true
  }

  tools(offered: readonly OfferedTool[], called?: CalledModel): Promise<ToolCatalogue> {
    return this.#tools.catalogued(offered, called)
  }

  requestTools(names: readonly string[]): Promise<{ readonly unknown: readonly string[] }> {
    return this.#tools.request(names)
  }

  throughSurface<T>(pin: SurfacePin, call: () => T | PromiseLike<T>): Promise<SurfaceAnswer<Awaited<T>>> {
    return this.#tools.throughSurface(pin, call)
  }

  stream(event: StreamEvent): void {
    if (this.#closed) return
    const said = streamedRecord(event, this.runId)
    const { type, turn } = said
    if (turn !== undefined) this.#turns = Math.max(this.#turns, turn)
    if (type === 'text.delta' && turn !== undefined) this.#streamedTurns.add(turn)
    this.#options.driver.stream(said)
  }

  async intend(report: Parameters<RunPort['intend']>[0]): Promise<void> {
    const { turn, message, calls, usage } = checkedIntend(report)
    const { work } = this.#options
    this.#turns = Math.max(this.#turns, turn)
    await this.#report((tx, runId) => {
      tx.step({ type: 'LlmReturnedToolCalls', runId, toolCount: calls.length })
      const text = messageText(message)
      if (text !== '') {
        const event = { runId, turn, data: { text } }
        if (!this.streamed(turn)) tx.event({ type: 'text.delta', ...event })
        tx.event({ type: 'text.completed', ...event })
      }
      for (const part of requestedIn(message)) {
        const { callId, name, args } = part
        tx.event({ type: 'tool.requested', runId, turn, data: { callId, name, args } })
      }
      const details = new Map(calls.map(call => [call.callId as string, expiryOf(call, tx.at)]))
      this.#ofTurn(tx, turn, () => tx.step({ type: 'RecordCallIntents', runId, calls, at: tx.at }), details)
      work.record(tx, messages => messages.push({ ...message, ...defined({ usage }) }))
    })
    this.recorded = addUsage(this.recorded, usage)
  }

  async dispatch(given: readonly CallId[]): Promise<void> {
    const callIds = checkedCallIds(given)
    await this.#report((tx, runId) => {
      this.#ofTurn(tx, undefined, () => tx.step({ type: 'DispatchCalls', runId, callIds, at: tx.at }))
    })
  }

  async outcomes(given: readonly CallOutcome[]): Promise<void> {
    const report = checkedOutcomes(given)
    const { work } = this.#options
    await this.#report((tx, runId) => {
      const outcomes = report.map(({ callId, ok }) => ({ callId, ok }))
      const details = new Map(report.map(outcome => [outcome.callId as string, detailsOf(outcome)]))
      this.#ofTurn(tx, undefined, () => tx.step({ type: 'RecordCallOutcomes', runId, outcomes, at: tx.at }), details)
      for (const outcome of report) beginOperation(tx, runId, outcome)
      work.record(tx, messages => messages.push(...report.map(resultMessage)))
    })
  }

  async boundary(report: { readonly turn: number }): Promise<BoundaryAnswer> {
    const turn = checkedTurn(report)
    const { work, joined } = this.#options
    const answer = await this.#report((tx, runId): BoundaryAnswer => {
      if (tx.state.turn.phase === 'callingLlm') {
        // The model asked for these calls in an earlier attempt, so the turn of this run does not know of them yet.
        tx.step({ type: 'LlmReturnedToolCalls', runId, toolCount: Math.max(1, this.calls().length) })
      }
      tx.step({ type: 'ToolCallsResolved', runId })
      passBoundary(tx, turn, this.#options.atBoundary, () => tx.step({ type: 'BoundaryContinue', runId }))
      if (tx.state.turn.phase === 'cancelled') return { next: 'cancelled' }
      const { run } = tx.state
      const steered = work.record(tx, () => work.addInputs(run.phase === 'bound' ? run.contributors : []))
      return { next: 'continue', steered }
    })
    if (answer.next === 'continue' && answer.steered > 0) await joined()
    return answer
  }

  retrying(report: Parameters<RunPort['retrying']>[0]): void {
    const { turn, attempt, maxRetries, delayMs, kind, message } = checkedRetrying(report)
    const data = { code: 'model-retry', attempt, maxRetries, delayMs, kind, message }
    this.#options.driver.stream({ type: 'notice', runId: this.runId, turn, data })
    this.#mutateLazily((tx, runId) =>
      tx.step({ type: 'RecoverableFailure', runId, retry: { attempt, maxRetries, delayMs, kind } }),
    )
  }

  retry(given: number): void {
    const attempt = checkedAttempt(given)
    this.#mutateLazily((tx, runId) => tx.step({ type: 'RetryRequested', runId, attempt }))
  }

  async fellBack(given: Parameters<RunPort['fellBack']>[0]): Promise<void> {
    const report = checkedFallback(given)
    const mutation = (tx: Transaction): void =>
      keepFallback(tx, this.#current(tx), report, this.#options.work.namedModel)
    await this.#options.driver.mutate(mutation, { lazy: true })
  }

  async invalidAnswer(report: { readonly turn: number; readonly error: string }): Promise<'again' | 'exhausted'> {
    const { turn, error } = checkedInvalidAnswer(report)
    return this.#report((tx, runId) => {
      tx.step({ type: 'LlmReturnedTerminal', runId })
      tx.step({ type: 'EnterExtraction', runId })
      tx.step({ type: 'ExtractionValidationFailed', runId, error })
      tx.event({ type: 'notice', runId, turn, data: { code: 'structured-output-invalid', message: error } })
      return tx.state.turn.phase === 'failed' ? 'exhausted' : 'again'
    })
  }

  async compact(report: { readonly summary: string; readonly covers: number }): Promise<void> {
    const { summary, covers } = checkedCompact(report)
    await this.#report(tx => {
      tx.append([{ role: 'notice', content: summary, compactsBefore: covers }])
      tx.step({ type: 'CompactTranscript', covers })
      tx.event({ type: 'notice', data: { code: 'compacted', covers } })
    })
  }

  /** The model call that the run's output belongs to. */
  turnOf(output: ApplyOutput | { readonly type: string }): number {
    return 'turn' in output && typeof output.turn === 'number' ? output.turn : Math.max(1, this.#turns)
  }

  async #report<T>(run: (tx: Transaction, runId: RunId) => T): Promise<T> {
    const { driver, persist } = this.#options
    const mutation = (tx: Transaction): T => run(tx, this.#current(tx))
    return persist(() => driver.mutate(mutation))
  }

  /** A lazy mutation that the executor does not await. Its refusal is ignored: the run is over, and the loop knows that. */
  #mutateLazily(run: (tx: Transaction, runId: RunId) => unknown): void {
    this.#options.driver.mutate(tx => run(tx, this.#current(tx)), { lazy: true }).catch(() => {})
  }

  #current(tx: Transaction): RunId {
    const { run } = tx.state
    if (this.#closed || run.phase !== 'bound' || run.runId !== this.runId) {
      throw new MeerkatError('conflict', `run ${this.runId} is over: this report came too late`)
    }
    return this.runId
  }

  /** Gives the tool events of a step their run, turn and details. */
  #ofTurn(tx: Transaction, turn: number | undefined, act: () => unknown, details?: ReadonlyMap<string, object>): void {
    const first = tx.parts.events.length
    act()
    for (let index = first; index < tx.parts.events.length; index++) {
      const event = tx.parts.events[index]
      if (event === undefined) continue
      const extra = details?.get(String(event.data?.['callId']))
      const data = extra === undefined ? event.data : { ...event.data, ...extra }
      tx.parts.events[index] = {
        ...event,
        runId: this.runId,
        ...(turn !== undefined && { turn }),
        ...(data && { data }),
      }
    }
  }
}

function requestedIn(message: MessageRecord) {
  return typeof message.content === 'string' ? [] : (message.content ?? []).filter(part => part.type === 'tool-call')
}

/** When a call whose approval expires is decided without a person. */
function expiryOf({ needsApproval, expiry }: CallIntent, now: number): object {
  if (needsApproval !== true || expiry === undefined) return {}
  return { expiresAt: new Date(now + expiry.afterMs).toISOString(), onExpiry: expiry.decision }
}

/** Begins the operation that a call has started, in the commit that has the call's answer. */
function beginOperation(tx: Transaction, runId: RunId, { callId, background }: CallOutcome): void {
  if (background === undefined) return
  const { operationId, title, tool, handle, maxMs, resumable } = background
  const nature = { kind: 'background-tool-op', ...(resumable && { resumable }) } as const
  registerOperation(tx, nature, { id: operationId, title, callId, tool, ...defined({ handle, maxMs }) })
  tx.step({ type: 'StartOperation', operationId })
  tx.event({ type: 'operation.started', runId, data: { operationId, title, callId, tool } })
}

function resultMessage({ callId, name, ok, output }: CallOutcome): MessageRecord {
  return { role: 'tool', content: [{ type: 'tool-result', callId, name, output, ...(!ok && { isError: true }) }] }
}

function detailsOf({ output, code, durationMs }: CallOutcome): object {
  // `JSON.stringify` gives undefined for undefined and functions.
  const text = (JSON.stringify(output) as string | undefined) ?? ''
  const shown = text.length <= EVENT_OUTPUT_LIMIT ? { output } : { outputBytes: text.length, truncated: true }
  return { ...shown, ...(code && { code }), ...(durationMs !== undefined && { durationMs }) }
}
