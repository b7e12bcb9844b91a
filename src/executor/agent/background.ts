/**
 * Tool calls that answer "still running": the turn goes on, and the session hears of the end when it comes.
 *
 * What runs in this process is waited for by its promise; after a restart the tool itself takes it up again by the
 * handle it gave. A tool that can't (no `resume`) has its operation end with the process, which the session hears of too.
 */
import { defined } from '../../defined.ts'
import { messageOf } from '../../foreign.ts'
import type { OperationId } from '../../kernel/ids.ts'
import { Deadline, systemClock } from '../../time.ts'
import type { BackgroundWork, OperationOutcome, RunningOperation, WatchContext } from '../executor.ts'
import { type Answered, askTool, MAX_CHECK_MS } from './ask-tool.ts'
import { abortCause } from './stage.ts'
import type { StillRunning } from './still-running.ts'
import type { AgentTool } from './tool.ts'
import { resultOf } from './tool-result.ts'

/** What a call leaves behind. */
export interface Left {
  readonly still: StillRunning<unknown>
  readonly tool: AgentTool
  /** Aborts the signal that the tool was called with. */
  readonly stop: () => void
}

interface Work {
  readonly finish: Promise<unknown>
  readonly stop: () => void
}

/** What was begun in this process and has not ended yet. */
export class Begun {
  readonly #works = new Map<OperationId, Work>()

  /** Files the work, and says what is recorded of it. */
  begin(operationId: OperationId, { still, tool, stop }: Left): BackgroundWork {
    const { title, finish, handle, maxMs } = still
    if (finish !== undefined) {
      this.#works.set(operationId, { finish, stop })
      // Whoever loads the session anew in this process waits for it again.
      const forget = (): unknown => setTimeout(() => this.#works.delete(operationId), KEPT_MS).unref()
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
    const work = this.#works.get(operation.id)
    const resume = tool?.resume?.bind(tool)
    if (work !== undefined) {
      stopWith(context.signal, work)
      return outcomeOf(operation, () => work.finish, tool, context.signal)
    }
    if (resume === undefined) return undefined
    const resumed = (): unknown => resume(operation.handle, { ...context, operationId: operation.id })
    return outcomeOf(operation, resumed, tool, context.signal)
  }
}

/** Tells the work when its operation ended without it. Where only the session goes, its next owner may be in this process. */
function stopWith(signal: AbortSignal, { finish, stop }: Work): void {
  const onAbort = (): void => {
    if (abortCause(signal) !== 'closing') stop()
  }
  if (signal.aborted) return onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const off = (): void => signal.removeEventListener('abort', onAbort)
  finish.then(off, off)
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
