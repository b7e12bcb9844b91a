/**
 * Attributes stray errors to tool calls.
 *
 * A tool may leave a promise that is not awaited, or throw from a timer long after it answered. Its caller can't catch
 * either. But the async context of the call is kept, so the process-wide handler (`guardProcess`) finds the call, and a
 * call that is still open ends with the error at once instead of at its timeout.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallId, RunId, SessionId } from '../../kernel/ids.ts'

/** The call that a stray error is attributed to. */
export interface ToolWork {
  readonly tool: string
  readonly sessionId: SessionId
  readonly runId?: RunId
  readonly callId?: CallId
}

const scopes = new AsyncLocalStorage<ToolScope>()

/** The scope of a tool's code, and of everything that the code leaves behind. */
export class ToolScope {
  readonly work: ToolWork
  readonly #stray = Promise.withResolvers<unknown>()
  #open = true

  constructor(work: ToolWork) {
    this.work = work
  }

  /** Calls the tool's code in this scope; an error that it throws is thrown here. */
  run<T>(act: () => T): T {
    return scopes.run(this, act)
  }

  /** Resolves with the first stray error while the call was open. */
  get stray(): Promise<unknown> {
    return this.#stray.promise
  }

  /** The call has its outcome: later errors change nothing. */
  end(): void {
    this.#open = false
  }

  /** Ends the call with the error; answers whether it was still open. */
  hear(error: unknown): boolean {
    if (!this.#open) return false
    this.#open = false
    this.#stray.resolve(error)
    return true
  }
}

/** The scope of the code that is running, if a tool's code started it. */
export function currentScope(): ToolScope | undefined {
  return scopes.getStore()
}
