/**
 * Tool calls that answer "still running": the turn goes on, and the session hears of the end when it comes.
 *
 * What runs in this process is waited for by its promise; after a restart the tool itself takes it up again by the
 * handle it gave. A tool that can't (no `resume`) has its operation end with the process, which the session hears of too.
 */
import { defined } from '../../defined.ts'
import { cutText, jsonOf, messageOf, wellFormed } from '../../foreign.ts'
import type { OperationId } from '../../kernel/ids.ts'
import { Deadline, systemClock } from '../../time.ts'
import type { BackgroundWork, OperationOutcome, RunningOperation, WatchContext } from '../executor.ts'
import { type Answered, askTool, MAX_CHECK_MS } from './ask-tool.ts'
import { aDuration, checkOptions, type Fields, invalidOption, optional } from './options.ts'
import type { AgentTool } from './tool.ts'
import { resultOf } from './tool-result.ts'

export interface StillRunningOptions<Output> {
  /** What runs, for people: `build #42`. */
  readonly title: string
  /** How it ends, where this process will know. Without it somebody outside says so (`operation/finish`). */
  readonly finish?: PromiseLike<Output>
  /** What `resume` needs to take it up again after a restart: anything JSON can hold, up to 64 Ki characters. */
  readonly handle?: unknown
  /**
   * How long it may take, across restarts: a day unless told, and any time where somebody outside says how it ends. Then
   * it has failed (`timed-out`).
   */
  readonly maxMs?: number
}

const OPTIONS: Fields<StillRunningOptions<unknown>> = {
  title: { wanted: 'a text that is not empty', fits: value => typeof value === 'string' && value !== '' },
  finish: optional({ wanted: 'a promise', fits: isThenable }),
  handle: optional({ wanted: 'anything', fits: () => true }),
  maxMs: optional(aDuration),
}

const MAX_TITLE_CHARS = 200
const MAX_HANDLE_CHARS = 64 * 1024

/** What a tool returns whose work goes on behind its answer. Made by `stillRunning`. */
export class StillRunning<Output> {
  readonly title: string
  readonly finish: Promise<Output> | undefined
  readonly handle: unknown
  readonly maxMs: number | undefined

  constructor(options: StillRunningOptions<Output>) {
    checkOptions('stillRunning', options, OPTIONS)
    const { title, finish, handle, maxMs } = options
    this.finish = finish === undefined ? undefined : promised(finish)
    this.title = wellFormed(cutText(title, MAX_TITLE_CHARS))
    const json = handle === undefined ? undefined : jsonOf(handle, MAX_HANDLE_CHARS)
    if (json !== undefined && 'problem' in json)
      throw invalidOption('stillRunning', 'handle', `can't be kept as JSON: ${json.problem}`)
    this.handle = json?.value
    this.maxMs = maxMs
    Object.freeze(this)
    MADE.add(this)
  }
}

/** Known by identity: whoever looks at what a tool answered must not run the tool's code by it. */
const MADE = new WeakSet<object>()

export function isStillRunning(value: unknown): value is StillRunning<unknown> {
  return typeof value === 'object' && value !== null && MADE.has(value)
}

function promised<Output>(finish: PromiseLike<Output>): Promise<Output> {
  const promise = Promise.resolve(finish)
  // Whoever watches hears of it; until then it is nobody's unhandled rejection.
  promise.catch(() => {})
  return promise
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Answers a call whose work goes on in the background. */
export function stillRunning<Output>(options: StillRunningOptions<Output>): StillRunning<Output> {
  return new StillRunning(options)
}

/** What was begun in this process and has not ended yet. */
export class Begun {
  readonly #finishes = new Map<OperationId, Promise<unknown>>()

  /** Files the work, and says what is recorded of it. */
  begin(
    operationId: OperationId,
    { title, finish, handle, maxMs }: StillRunning<unknown>,
    tool: AgentTool,
  ): BackgroundWork {
    if (finish !== undefined) {
      this.#finishes.set(operationId, finish)
      // Whoever loads the session anew in this process waits for it again.
      const forget = (): unknown => setTimeout(() => this.#finishes.delete(operationId), KEPT_MS).unref()
      finish.then(forget, forget)
    }
    // What nobody here waits for ends outside, and so outlasts this process.
    const resumable = tool.resume !== undefined || finish === undefined
    return { operationId, title, tool: tool.name, resumable, ...defined({ handle, maxMs }) }
  }

  /** Waits for the end, if anybody here can. */
  watch(
    operation: RunningOperation,
    tool: AgentTool | undefined,
    context: WatchContext,
  ): Promise<OperationOutcome> | undefined {
    const finish = this.#finishes.get(operation.id)
    const resume = tool?.resume?.bind(tool)
    if (finish !== undefined) return outcomeOf(operation, () => finish, tool, context.signal)
    if (resume === undefined) return undefined
    const resumed = (): unknown => resume(operation.handle, { ...context, operationId: operation.id })
    return outcomeOf(operation, resumed, tool, context.signal)
  }
}

/** How long an end is kept for whoever did not take it in: the session may be between two owners. */
const KEPT_MS = 60_000

/** Whoever waits for an operation knows its deadline, and aborts the signal then. */
const UNBOUNDED = Deadline.in(systemClock, Number.POSITIVE_INFINITY)

async function outcomeOf(
  { id, sessionId, tool: name = id }: RunningOperation,
  act: () => unknown,
  tool: AgentTool | undefined,
  signal: AbortSignal,
): Promise<OperationOutcome> {
  const ask = <T>(question: () => T | PromiseLike<T>, limitMs: number): Promise<Answered<T>> =>
    askTool({ tool: name, sessionId }, { run: { signal, deadline: UNBOUNDED }, limitMs }, question)
  const ended = await ask(act, Number.POSITIVE_INFINITY)
  if (ended.type !== 'value') return { ok: false, error: whyNot(ended) }
  if (tool?.checkOutput !== undefined) {
    const checked = await ask(() => tool.checkOutput?.(ended.value), MAX_CHECK_MS)
    const problem = checked.type === 'value' ? checked.value : whyNot(checked)
    if (problem !== undefined)
      return { ok: false, error: `its result does not have its declared form: ${messageOf(problem)}` }
  }
  const { ok, output } = resultOf(ended.value)
  return ok ? { ok, output } : { ok, error: messageOf(output) }
}

function whyNot(ended: Exclude<Answered<unknown>, { type: 'value' }>): string {
  return ended.type === 'stopped' ? `it was stopped (${ended.cause})` : messageOf(ended.error)
}
