/**
 * Whose code is running: which tool call a stray error belongs to.
 *
 * A tool may leave a promise that nobody waits for, or throw from a timer long after it answered. Neither can be caught
 * where the tool was called, but the context in which it was called goes along, so whoever hears of it in the process
 * (`guardProcess`) finds the call, and a call that is still open ends with it instead of at its timeout.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallId, RunId, SessionId } from '../../kernel/ids.ts'

/** What a stray error is attributed to. */
export interface ToolWork {
  readonly tool: string
  readonly sessionId: SessionId
  readonly runId?: RunId
  readonly callId?: CallId
}

const scopes = new AsyncLocalStorage<ToolScope>()

/** A tool's code while it is asked something, and whatever it leaves behind. */
export class ToolScope {
  readonly work: ToolWork
  readonly #stray = Promise.withResolvers<unknown>()
  #open = true

  constructor(work: ToolWork) {
    this.work = work
  }

  /** Calls the tool's code as this scope's. What it throws, it throws. */
  run<T>(act: () => T): T {
    return scopes.run(this, act)
  }

  /** Resolves with the first error that got away from the call while it was open. */
  get stray(): Promise<unknown> {
    return this.#stray.promise
  }

  /** The call has its outcome: what comes later changes nothing. */
  end(): void {
    this.#open = false
  }

  /** Ends the call with the error; whether it was still open. */
  hear(error: unknown): boolean {
    if (!this.#open) return false
    this.#open = false
    this.#stray.resolve(error)
    return true
  }
}

/** The tool whose code runs here, or left behind what runs here. */
export function currentScope(): ToolScope | undefined {
  return scopes.getStore()
}
