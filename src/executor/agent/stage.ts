/**
 * One stage of a run (a model call, a tool call, a delay) with a limit of its own within the run's deadline.
 *
 * A stage stops once, for the first cause: the run's abort, the run's deadline or its own timeout. Code within a stage
 * asks the stage why it stopped, and never the error that it caught, because providers wrap and rename errors.
 */
import type { Deadline } from '../../time.ts'
import type { AbortCause, RunPort } from '../executor.ts'

export type StopCause = AbortCause | 'timeout'

/** Thrown by `Stage.race` when the stage stopped before the work was done. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

const CAUSES: readonly unknown[] = ['cancelled', 'deadline', 'closing', 'superseded'] satisfies AbortCause[]

function isAbortCause(reason: unknown): reason is AbortCause {
  return CAUSES.includes(reason)
}

/** Why a run's signal aborted; without a reason it was cancelled. */
export function abortCause(signal: AbortSignal): AbortCause | undefined {
  if (!signal.aborted) return undefined
  return isAbortCause(signal.reason) ? signal.reason : 'cancelled'
}

export class Stage {
  /** The nearer of the stage's limit and the run's deadline. */
  readonly deadline: Deadline
  readonly #abort = new AbortController()
  readonly #stopped = Promise.withResolvers<void>()
  readonly #release: () => void
  #cause: StopCause | undefined

  constructor(run: Pick<RunPort, 'signal' | 'deadline'>, limitMs: number = Number.POSITIVE_INFINITY) {
    this.deadline = run.deadline.within(limitMs)
    const onAbort = (): void => this.stop(abortCause(run.signal) ?? 'cancelled')
    if (run.signal.aborted) onAbort()
    run.signal.addEventListener('abort', onAbort, { once: true })
    const callOff = this.deadline.onPassed(() => this.stop(this.deadline.at < run.deadline.at ? 'timeout' : 'deadline'))
    this.#release = () => {
      run.signal.removeEventListener('abort', onAbort)
      callOff()
    }
  }

  /** The signal for the work within the stage. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Why the stage stopped; undefined: it has not. */
  get cause(): StopCause | undefined {
    return this.#cause
  }

  stop(cause: StopCause): void {
    if (this.#cause !== undefined) return
    this.#cause = cause
    this.#abort.abort(new DOMException(`stopped: ${cause}`, cause === 'timeout' ? 'TimeoutError' : 'AbortError'))
    this.#stopped.resolve()
  }

  /** The result of the work, or `Stopped` as soon as the stage stops, even if the work ignores its signal. */
  async race<T>(work: PromiseLike<T>): Promise<T> {
    const stopped = this.#stopped.promise.then(() => {
      throw new Stopped(`stopped: ${this.#cause ?? 'unknown'}`)
    })
    return await Promise.race([work, stopped])
  }

  /** Removes timers and listeners. Afterwards only `stop` stops the stage. */
  end(): void {
    this.#release()
  }
}

/** Waits; false if the run was stopped before the time was over. */
export async function delay(run: Pick<RunPort, 'signal' | 'deadline' | 'clock'>, delayMs: number): Promise<boolean> {
  const stage = new Stage(run)
  const { promise, resolve } = Promise.withResolvers<void>()
  const callOff = run.clock.after(delayMs, resolve)
  try {
    await stage.race(promise)
    return true
  } catch (error) {
    if (error instanceof Stopped) return false
    throw error
  } finally {
    callOff()
    stage.end()
  }
}
