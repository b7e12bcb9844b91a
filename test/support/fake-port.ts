/**
 * A run in memory: the port as an executor sees it, with the rules of the ledger and nothing behind it.
 *
 * Enforces what the kernel enforces: intents before outcomes, outcomes only of calls in flight, dispatch only of owed
 * ones, a boundary only when every call has its outcome. Everything reported is kept in order, so a test can read it.
 */
import type {
  AbortCause,
  AskedModel,
  BoundaryAnswer,
  CallOutcome,
  ContextMessage,
  RunInput,
  RunPort,
  StreamEvent,
  ToolCatalogue,
} from '../../src/executor/executor.ts'
import type { CallId, InputId, RunId, SessionId } from '../../src/kernel/ids.ts'
import type { CallEntry, CallState } from '../../src/kernel/regions/calls/state.ts'
import type { ToolState } from '../../src/kernel/tool-catalogue.ts'
import { whole } from '../../src/store/blobs.ts'
import type { SessionOptions } from '../../src/store/records.ts'
import { type Clock, Deadline } from '../../src/time.ts'
import { ManualClock } from './manual-clock.ts'

type Intend = Parameters<RunPort['intend']>[0]
type Retrying = Parameters<RunPort['retrying']>[0]

export type Report =
  | ({ readonly type: 'intend' } & Intend)
  | { readonly type: 'dispatch'; readonly callIds: readonly CallId[] }
  | { readonly type: 'outcomes'; readonly outcomes: readonly CallOutcome[] }
  | { readonly type: 'boundary'; readonly turn: number }
  | ({ readonly type: 'retrying' } & Retrying)
  | { readonly type: 'retry'; readonly attempt: number }
  | ({ readonly type: 'fell-back' } & Parameters<RunPort['fellBack']>[0])
  | { readonly type: 'invalid-answer'; readonly turn: number; readonly error: string }
  | { readonly type: 'compact'; readonly summary: string; readonly covers: number }
  | { readonly type: 'event'; readonly event: StreamEvent }

type ReportOf<T extends Report['type']> = Extract<Report, { type: T }>
type EventOf<T extends StreamEvent['type']> = Extract<StreamEvent, { type: T }>

export interface FakeRun {
  readonly said?: string
  readonly input?: Partial<RunInput>
  readonly session?: SessionOptions
  readonly context?: readonly ContextMessage[]
  readonly journal?: readonly ContextMessage[]
  readonly notices?: () => readonly ContextMessage[]
  readonly calls?: readonly CallEntry[]
  readonly clock?: Clock
  readonly maxRunMs?: number
  readonly turnsSoFar?: number
  /** What joins at the first boundary, at the second, and so on. */
  readonly steers?: readonly (readonly string[])[]
  /** The boundary, from 1, at which the run is cancelled. */
  readonly cancelAtBoundary?: number
  readonly extractions?: number
}

const INPUT = 'input-1' as InputId

/** A call as the ledger holds it. */
export function entry(id: string, tool: string, state: CallState, policy: CallEntry['policy'] = 'ask'): CallEntry {
  return { id: id as CallId, work: INPUT, tool, policy, state, at: 0 }
}

export class FakePort implements RunPort {
  readonly sessionId = 'session-1' as SessionId
  readonly runId = 'run-1' as RunId
  readonly attempt = 1
  readonly session: SessionOptions
  readonly inputs: readonly RunInput[]
  readonly clock: Clock
  readonly deadline: Deadline
  readonly reports: Report[] = []
  readonly #abort = new AbortController()
  readonly #run: FakeRun
  readonly #waiters = new Set<() => void>()
  #context: readonly ContextMessage[]
  #journal: readonly ContextMessage[]
  #calls: readonly CallEntry[]
  #turns: number
  #boundaries = 0
  #extractions: number
  readonly #requested = new Set<string>()
  readonly #loaded = new Set<string>()

  constructor(run: FakeRun = {}) {
    this.#run = run
    this.session = run.session ?? {}
    const content = run.said ?? 'hello'
    this.inputs = [{ id: INPUT, at: 0, mode: 'queue', kind: 'prompt', content, ...run.input }]
    this.clock = run.clock ?? new ManualClock()
    this.deadline = Deadline.in(this.clock, run.maxRunMs ?? 3_600_000)
    this.deadline.onPassed(() => this.abort('deadline'))
    this.#context = run.context ?? []
    this.#journal = run.journal ?? [{ role: 'user', content }]
    this.#calls = run.calls ?? []
    this.#turns = run.turnsSoFar ?? 0
    this.#extractions = run.extractions ?? 2
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }
  get turnsSoFar(): number {
    return this.#turns
  }
  abort(cause: AbortCause): void {
    this.#abort.abort(cause)
  }

  model(): Promise<AskedModel> {
    const named = this.inputs.find(({ model }) => model !== undefined)?.model
    if (named !== undefined) return Promise.resolve({ id: named, source: 'input' })
    const { model: id } = this.session
    return Promise.resolve(id === undefined ? { source: 'default' } : { id, source: 'baseline' })
  }

  fellBack(report: Parameters<RunPort['fellBack']>[0]): Promise<void> {
    this.reports.push({ type: 'fell-back', ...report })
    return Promise.resolve()
  }

  context(): Promise<readonly ContextMessage[]> {
    return Promise.resolve(this.#context)
  }
  notices(): readonly ContextMessage[] {
    return this.#run.notices?.() ?? []
  }
  journal(): readonly ContextMessage[] {
    return this.#journal
  }
  calls(): readonly CallEntry[] {
    return this.#calls
  }

  tools(offered: Parameters<RunPort['tools']>[0]): Promise<ToolCatalogue> {
    const stateOf = ({ name, deferred, control }: (typeof offered)[number]): ToolState => {
      if (control === true) return 'visible'
      if (this.session.tools?.includes(name) === false) return 'hidden'
      return deferred === true && !this.#loaded.has(name) ? 'deferred' : 'visible'
    }
    const tools = offered.map((tool, index) => ({ name: tool.name, index, state: stateOf(tool) }))
    return Promise.resolve({ generation: 1, tools })
  }
  requestTools(names: readonly string[]): Promise<{ unknown: readonly string[] }> {
    for (const name of names) this.#requested.add(name)
    return Promise.resolve({ unknown: [] })
  }
  throughSurface(): Promise<never> {
    return Promise.reject(new Error('a run in memory has no surfaces'))
  }

  stream(event: StreamEvent): void {
    if ('turn' in event) this.#turns = Math.max(this.#turns, event.turn)
    this.#add({ type: 'event', event })
  }

  async intend(report: Intend): Promise<void> {
    await Promise.resolve()
    this.#journal = [...this.#journal, { role: 'assistant', content: whole(report.message.content ?? '') }]
    const state = (needsApproval: boolean | undefined): CallState =>
      needsApproval === true ? 'awaitingApproval' : 'dispatched'
    const known = new Set(this.#calls.map(({ id }) => id))
    for (const { callId } of report.calls) if (known.has(callId)) throw new Error(`call ${callId} is not new`)
    const intended = report.calls.map(({ callId, tool, policy, needsApproval }) =>
      entry(callId, tool, state(needsApproval), policy),
    )
    this.#calls = [...this.#calls, ...intended]
    this.#add({ type: 'intend', ...report })
  }

  async dispatch(callIds: readonly CallId[]): Promise<void> {
    await Promise.resolve()
    for (const id of callIds) this.#move(id, 'owed', 'dispatched')
    this.#add({ type: 'dispatch', callIds })
  }

  async outcomes(outcomes: readonly CallOutcome[]): Promise<void> {
    await Promise.resolve()
    for (const { callId, ok } of outcomes) this.#move(callId, 'dispatched', ok ? 'succeeded' : 'failed')
    const content = outcomes.map(({ callId, name, ok, output }) => ({
      type: 'tool-result' as const,
      callId,
      name,
      output,
      ...(ok ? {} : { isError: true }),
    }))
    this.#journal = [...this.#journal, { role: 'tool', content }]
    this.#add({ type: 'outcomes', outcomes })
  }

  async boundary({ turn }: { readonly turn: number }): Promise<BoundaryAnswer> {
    await Promise.resolve()
    const open = this.#calls.find(({ state }) => state !== 'succeeded' && state !== 'failed')
    if (open !== undefined) throw new Error(`no boundary while call ${open.id} is ${open.state}`)
    const steers = this.#run.steers?.[this.#boundaries] ?? []
    this.#boundaries++
    for (const name of this.#requested) this.#loaded.add(name)
    this.#add({ type: 'boundary', turn })
    if (this.#run.cancelAtBoundary === this.#boundaries) return { next: 'cancelled' }
    this.#journal = [...this.#journal, ...steers.map(content => ({ role: 'user' as const, content }))]
    return { next: 'continue', steered: steers.length }
  }

  retrying(report: Retrying): void {
    this.#add({ type: 'retrying', ...report })
  }
  retry(attempt: number): void {
    this.#add({ type: 'retry', attempt })
  }

  async invalidAnswer(report: { readonly turn: number; readonly error: string }): Promise<'again' | 'exhausted'> {
    await Promise.resolve()
    this.#add({ type: 'invalid-answer', ...report })
    return this.#extractions-- > 0 ? 'again' : 'exhausted'
  }

  async compact(report: { readonly summary: string; readonly covers: number }): Promise<void> {
    await Promise.resolve()
    const index = Math.max(-1, ...this.#context.map(message => message.index ?? -1)) + 1
    const rest = this.#context.filter(message => (message.index ?? 0) >= report.covers)
    this.#context = [{ role: 'notice', content: report.summary, index }, ...rest]
    this.#add({ type: 'compact', ...report })
  }

  of<T extends Report['type']>(type: T): ReportOf<T>[] {
    return this.reports.filter((report): report is ReportOf<T> => report.type === type)
  }

  events<T extends StreamEvent['type']>(type: T): EventOf<T>[] {
    return this.of('event').flatMap(({ event }) => (event.type === type ? [event as EventOf<T>] : []))
  }

  /** The text of one model call as observers saw it. */
  textOf(turn: number): string {
    return this.events('text.delta')
      .map(event => (event.turn === turn ? event.text : ''))
      .join('')
  }

  /** Resolves once something was reported for which `holds` is true. */
  async until(holds: (report: Report) => boolean): Promise<void> {
    while (!this.reports.some(holds)) {
      await new Promise<void>(resolve => {
        this.#waiters.add(resolve)
      })
    }
  }

  /** The run that continues this one's work, after the process died or a person decided: `change` is what became of calls. */
  next(change: (call: CallEntry) => CallState = lost, run: FakeRun = {}): FakePort {
    const calls = this.#calls.map(call => ({ ...call, state: change(call) }))
    return new FakePort({ ...this.#run, context: this.#context, journal: this.#journal, calls, ...run })
  }

  #move(id: CallId, from: CallState, to: CallState): void {
    const call = this.#calls.find(one => one.id === id)
    if (call?.state !== from) throw new Error(`call ${id} is ${call?.state ?? 'not there'}, not ${from}`)
    this.#calls = this.#calls.map(one => (one.id === id ? { ...one, state: to } : one))
  }

  #add(report: Report): void {
    this.reports.push(report)
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake()
  }
}

/** What becomes of a call when the process dies. */
function lost({ state, policy }: CallEntry): CallState {
  if (state !== 'dispatched') return state
  return policy === 'retry' ? 'owed' : policy === 'ask' ? 'unknown' : 'failed'
}
