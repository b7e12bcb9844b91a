/**
 * Tool calls that answer "still running": the turn goes on, and the session hears of the end when it comes.
 *
 * What runs in this process is waited for by its promise; after a restart the tool itself takes it up again by the
 * handle it gave. A tool that can't (no `resume`) has its operation end with the process, which the session hears of too.
 */
import type { OperationId } from '../../kernel/ids.ts'
import type { BackgroundWork, OperationOutcome, RunningOperation, WatchContext } from '../executor.ts'
import type { AgentTool } from './tool.ts'

export interface StillRunningOptions<Output> {
  /** What runs, for people: `build #42`. */
  readonly title: string
  /** How it ends, where this process will know. Without it somebody outside says so (`operation/finish`). */
  readonly finish?: Promise<Output>
  /** What `resume` needs to take it up again after a restart: anything JSON can hold. */
  readonly handle?: unknown
}

/** What a tool returns whose work goes on behind its answer. Made by `stillRunning`. */
export class StillRunning<Output> {
  readonly title: string
  readonly finish: Promise<Output> | undefined
  readonly handle: unknown

  constructor({ title, finish, handle }: StillRunningOptions<Output>) {
    this.title = title
    this.finish = finish
    this.handle = handle
    // Whoever watches hears of it; until then it is nobody's unhandled rejection.
    finish?.catch(() => {})
  }
}

/** Answers a call whose work goes on in the background. */
export function stillRunning<Output>(options: StillRunningOptions<Output>): StillRunning<Output> {
  return new StillRunning(options)
}

/** What was begun in this process and has not been waited for yet. */
export class Begun {
  readonly #finishes = new Map<OperationId, Promise<unknown>>()

  /** Files the work, and says what is recorded of it. */
  begin(operationId: OperationId, { title, finish, handle }: StillRunning<unknown>, tool: AgentTool): BackgroundWork {
    if (finish !== undefined) this.#finishes.set(operationId, finish)
    // What nobody here waits for ends outside, and so outlasts this process.
    const resumable = tool.resume !== undefined || finish === undefined
    return { operationId, title, tool: tool.name, resumable, ...(handle !== undefined && { handle }) }
  }

  /** Waits for the end, if anybody here can. */
  watch(
    operation: RunningOperation,
    tool: AgentTool | undefined,
    context: WatchContext,
  ): Promise<OperationOutcome> | undefined {
    const finish = this.#finishes.get(operation.id)
    this.#finishes.delete(operation.id)
    const resume = tool?.resume?.bind(tool)
    if (finish === undefined && resume === undefined) return undefined
    const work = finish ?? (async () => resume?.(operation.handle, { ...context, operationId: operation.id }))()
    return outcomeOf(work, tool)
  }
}

async function outcomeOf(work: Promise<unknown>, tool: AgentTool | undefined): Promise<OperationOutcome> {
  try {
    const output: unknown = await work
    const problem = await tool?.checkOutput?.(output)
    if (problem !== undefined) return { ok: false, error: `its result does not have its declared form: ${problem}` }
    // What JSON can't hold can't be told.
    return { ok: true, output: output === undefined ? null : (JSON.parse(JSON.stringify(output)) as unknown) }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}
