/**
 * The one place that calls a tool's code.
 *
 * Tools are foreign code: they throw values that are no errors, answer with promises that never settle, and leave
 * promises behind. Whatever they do, the caller gets exactly one answer, before the limit, the run's deadline or its
 * abort.
 */
import type { RunPort } from '../executor.ts'
import { Stage, type StopCause, Stopped } from './stage.ts'
import { ToolScope, type ToolWork } from './tool-scope.ts'

/** How a tool's code ended by itself. */
export type CodeOutcome<T> =
  | { readonly type: 'value'; readonly value: T }
  | { readonly type: 'threw'; readonly error: unknown }
  /** Thrown where no caller could catch it: in a timer, or in a promise that was not awaited. */
  | { readonly type: 'stray'; readonly error: unknown }

export type Answered<T> = CodeOutcome<T> | { readonly type: 'stopped'; readonly cause: StopCause }

/** The limits of a call into a tool's code. */
export interface AskLimits {
  readonly run: Pick<RunPort, 'signal' | 'deadline'>
  readonly limitMs: number
}

/** Schemas and other checks get less time than calls. */
export const MAX_CHECK_MS = 10_000

/** Calls a tool's code. Never rejects. */
export async function askTool<T>(
  work: ToolWork,
  { run, limitMs }: AskLimits,
  act: () => T | PromiseLike<T>,
): Promise<Answered<T>> {
  const stage = new Stage(run, limitMs)
  const scope = new ToolScope(work)
  try {
    return await stage.race(answerOf(scope, act))
  } catch (error) {
    return error instanceof Stopped ? { type: 'stopped', cause: stage.cause ?? 'cancelled' } : { type: 'threw', error }
  } finally {
    scope.end()
    stage.end()
  }
}

/** The answer of a tool's code, whenever it comes. Never rejects, so it need not be awaited. */
export async function answerOf<T>(scope: ToolScope, act: () => T | PromiseLike<T>): Promise<CodeOutcome<T>> {
  const answer = new Promise<T>(resolve => resolve(scope.run(act))).then(
    (value): CodeOutcome<T> => ({ type: 'value', value }),
    (error: unknown): CodeOutcome<T> => ({ type: 'threw', error }),
  )
  return await Promise.race([answer, scope.stray.then((error): CodeOutcome<T> => ({ type: 'stray', error }))])
}
