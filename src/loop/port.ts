/**
 * The executor's port, made of the driver: every report is one mutation of the session, durable when it answers.
 *
 * A port serves one run. Once that run is over (given up, cancelled, taken over) every report is refused, so a late
 * executor can't touch the session's next run.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type {
  ApplyOutput,
  AskedModel,
  BoundaryAnswer,
  CallOutcome,
  ContextMessage,
  RunInput,
  RunPort,
  StreamEvent,
  SurfaceAnswer,
  ToolCatalogue,
} from '../executor/executor.ts'
import type { CallId, InputId, RunId } from '../kernel/ids.ts'
import { noticesOf } from '../kernel/notices.ts'
import type { CallIntent } from '../kernel/regions/calls/input.ts'
import { type CallEntry, type Calls, callsOf } from '../kernel/regions/calls/state.ts'
import type { OfferedTool, SurfacePin } from '../kernel/tool-catalogue.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { MessageRecord, SessionOptions, UsageRecord } from '../store/records.ts'
import { messageText } from '../text.ts'
import type { Clock, Deadline } from '../time.ts'
import { addUsage } from '../usage.ts'
import { fallBack, modelOfTurn } from './models.ts'
import { passTools, RunTools } from './offered.ts'
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
import type { Work } from './work.ts'

export interface PortOptions {
  readonly driver: SessionDriver
  readonly runId: RunId
  readonly attempt: number
  readonly session: SessionOptions
  readonly inputs: () => readonly RunInput[]
  readonly work: Work
  readonly signal: AbortSignal
  readonly deadline: Deadline
  readonly clock: Clock
  readonly context: () => Promise<readonly ContextMessage[]>
  /** What a host has made for the session's agent. */
  readonly bindings: unknown
  /** Loads what these inputs said, files included, so that the work can show it. */
  readonly fetch: (inputIds: readonly InputId[]) => Promise<void>
  /** Has what joins at a boundary wait for it. */
  readonly atBoundary: (tx: Transaction) => void
  /** Repeats a mutation that the store could not take, as long as the run may wait. */
  readonly persist: <T>(mutation: () => Promise<T>) => Promise<T>
  readonly observer: RuntimeObserver | undefined
}

/** Bytes of a tool's output that its event shows; the whole is in the transcript. */
const EVENT_OUTPUT_LIMIT = 2_048

export class LoopPort implements RunPort {
  readonly #options: PortOptions
  readonly #streamedTurns = new Set<number>()
  /** Of the work's model calls before the executor was called. */
  usageSoFar?: UsageRecord
  /** Of the model calls since the executor was called last, as far as the journal says it. */
  recorded?: UsageRecord | undefined
  /** The session's calls when the executor was called last. */
  callsBefore: Calls
  readonly #tools: RunTools
  #turns = 0
  #closed = false

  constructor(options: PortOptions) {
    this.#options = options
    this.callsBefore = options.driver.state.calls
    this.#tools = new RunTools(options.driver, options.session.tools, tx => {
      this.#current(tx)
      return tx
    })
    const said = options.work.messages.filter(message => message.role === 'assistant')
    this.#turns = said.length
    for (const { usage } of said) this.spend(usage)
  }

  /** The executor is called again, and this is what the last time cost. */
  spend(usage: UsageRecord | undefined): void {
    const sum = addUsage(this.usageSoFar, usage)
    if (sum !== undefined) this.usageSoFar = sum
  }

  /** The executor is about to be called. */
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
  get signal(): AbortSignal {
    return this.#options.signal
  }
  get deadline(): Deadline {
    return this.#options.deadline
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
  /** The highest model call seen in this work. */
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

  /** The model that the run's input asks for. */
  get #named(): string | undefined {
    return this.inputs.find(({ model }) => model !== undefined)?.model
  }

  model(): Promise<AskedModel> {
    const { driver, work } = this.#options
    return modelOfTurn(driver, work, this.#named, tx => this.#current(tx))
  }

  /** Whether text of the turn was streamed. */
  streamed(turn: number): boolean {
    return this.#streamedTurns.has(turn)
  }

  /** The run is over; nothing gets through any more. */
  close(): void {
    this.#closed = true
  }

  tools(offered: readonly OfferedTool[]): Promise<ToolCatalogue> {
    return this.#tools.catalogued(offered)
  }

  requestTools(names: readonly string[]): Promise<{ readonly unknown: readonly string[] }> {
    return this.#tools.request(names)
  }

  throughSurface<T>(pin: SurfacePin, call: () => T | PromiseLike<T>): Promise<SurfaceAnswer<Awaited<T>>> {
    return this.#tools.throughSurface(pin, call)
  }

  stream(event: StreamEvent): void {
    if (this.#closed) return
    const { type, ...rest } = streamedRecord(event)
    const { turn } = rest
    if (turn !== undefined) this.#turns = Math.max(this.#turns, turn)
    if (type === 'text.delta' && turn !== undefined) this.#streamedTurns.add(turn)
    this.#options.driver.stream({ type, runId: this.runId, ...rest })
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
    const { work, driver, fetch } = this.#options
    const answer = await this.#report((tx, runId): BoundaryAnswer => {
      if (tx.state.turn.phase === 'callingLlm') {
        // Calls that an earlier attempt asked for: this run's turn has not heard of them yet.
        tx.step({ type: 'LlmReturnedToolCalls', runId, toolCount: Math.max(1, this.calls().length) })
      }
      tx.step({ type: 'ToolCallsResolved', runId })
      this.#options.atBoundary(tx)
      tx.step({ type: 'BoundaryContinue', runId })
      passTools(tx, turn)
      if (tx.state.turn.phase === 'cancelled') return { next: 'cancelled' }
      const { run } = tx.state
      const steered = work.record(tx, () => work.hear(run.phase === 'bound' ? run.contributors : []))
      return { next: 'continue', steered }
    })
    if (answer.next === 'continue' && answer.steered > 0 && driver.state.run.phase === 'bound') {
      await fetch(driver.state.run.contributors)
    }
    return answer
  }

  retrying(report: Parameters<RunPort['retrying']>[0]): void {
    const { turn, attempt, maxRetries, delayMs, kind, message } = checkedRetrying(report)
    const data = { code: 'model-retry', attempt, maxRetries, delayMs, kind, message }
    this.#options.driver.stream({ type: 'notice', runId: this.runId, turn, data })
    this.#note((tx, runId) =>
      tx.step({ type: 'RecoverableFailure', runId, retry: { attempt, maxRetries, delayMs, kind } }),
    )
  }

  retry(given: number): void {
    const attempt = checkedAttempt(given)
    this.#note((tx, runId) => tx.step({ type: 'RetryRequested', runId, attempt }))
  }

  async fellBack(given: Parameters<RunPort['fellBack']>[0]): Promise<void> {
    const report = checkedFallback(given)
    const mutation = (tx: Transaction): void => fallBack(tx, this.#current(tx), report, this.#named)
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

  /** What the run used and how it stands, for closing. */
  turnOf(output: ApplyOutput | { readonly type: string }): number {
    return 'turn' in output && typeof output.turn === 'number' ? output.turn : Math.max(1, this.#turns)
  }

  async #report<T>(run: (tx: Transaction, runId: RunId) => T): Promise<T> {
    const { driver, persist } = this.#options
    const mutation = (tx: Transaction): T => run(tx, this.#current(tx))
    return persist(() => driver.mutate(mutation))
  }

  /** Bookkeeping nobody waits for. A refusal means that the run is over, which the loop knows already. */
  #note(run: (tx: Transaction, runId: RunId) => unknown): void {
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

/** When a call that waits for a decision is decided by itself. */
function expiryOf({ needsApproval, expiry }: CallIntent, now: number): object {
  if (needsApproval !== true || expiry === undefined) return {}
  return { expiresAt: new Date(now + expiry.afterMs).toISOString(), onExpiry: expiry.decision }
}

/** What a call began is an operation from the moment its answer is durable. */
function beginOperation(tx: Transaction, runId: RunId, { callId, background }: CallOutcome): void {
  if (background === undefined) return
  const { operationId, title, tool, handle, maxMs, resumable } = background
  const kind = 'background-tool-op'
  tx.step({
    type: 'RegisterOperation',
    operationId,
    kind,
    displayName: title,
    at: tx.at,
    ...(resumable && { resumable }),
  })
  tx.step({ type: 'StartOperation', operationId })
  tx.parts.opened.push(operationId)
  tx.parts.operations.push({ id: operationId, at: tx.at, kind, title, callId, tool, ...defined({ handle, maxMs }) })
  tx.event({ type: 'operation.started', runId, data: { operationId, title, callId, tool } })
}

function resultMessage({ callId, name, ok, output }: CallOutcome): MessageRecord {
  return { role: 'tool', content: [{ type: 'tool-result', callId, name, output, ...(!ok && { isError: true }) }] }
}

function detailsOf({ output, code, durationMs }: CallOutcome): object {
  // JSON has no word for undefined and functions.
  const text = (JSON.stringify(output) as string | undefined) ?? ''
  const shown = text.length <= EVENT_OUTPUT_LIMIT ? { output } : { outputBytes: text.length, truncated: true }
  return { ...shown, ...(code && { code }), ...(durationMs !== undefined && { durationMs }) }
}
