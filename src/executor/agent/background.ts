/**
 * Tool calls that answer "still running": the turn goes on, and the session is told when the work ends.
 *
 * The process that began the work waits for its promise. After a restart the tool itself resumes the work by the handle
 * that it gave. Where a tool can't (no `resume`), its operation ends with the process, and the session is told of that
 * too.
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

/** The work that a call leaves behind. */
export interface LeftWork {
  readonly still: StillRunning<unknown>
  readonly tool: AgentTool
  /** Aborts the signal that the tool was called with. */
  readonly stop: () => void
}

interface BackgroundEntry {
  readonly finish: Promise<unknown>
  readonly stop: () => void
}

/** The work that this process began and that has not ended yet. */
export class RunningWork {
  readonly #works = new Map<OperationId, BackgroundEntry>()

  /** Remembers the work; answers what is recorded of it. */
  begin(operationId: OperationId, { still, tool, stop }: LeftWork): BackgroundWork {
    const { title, finish, handle, maxMs } = still
    if (finish !== undefined) {
      this.#works.set(operationId, { finish, stop })
      // Its end is kept for a while: the session may be loaded again in this process, and waits again.
      const forget = (): unknown => setTimeout(() => this.#works.delete(operationId), KEPT_MS).unref()
      finish.then(forget, forget)
    }
    // Without a promise the work is performed outside, so it outlasts this process.
    const resumable = tool.resume !== undefined || finish === undefined
    return { operationId, title, tool: tool.name, resumable, ...defined({ handle, maxMs }) }
  }

  /** Waits for the end, if this process can tell it. */
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

/**
 * Tells the work that its operation ended without it. Where the session only leaves this process, the work goes on,
 * because the next owner may be here.
 */
function stopWith(signal: AbortSignal, { finish, stop }: BackgroundEntry): void {
  const onAbort = (): void => {
    if (abortCause(signal) !== 'closing') stop()
  }
  if (signal.aborted) return onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const off = (): void => signal.removeEventListener('abort', onAbort)
  finish.then(off, off)
}

/** How long an end is kept after no one took it: the session may be between two owners. */
const KEPT_MS = 60_000

/** The caller that waits for an operation knows its deadline, and aborts the signal then. */
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
