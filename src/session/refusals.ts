/**
 * What the store refused, for as long as that says something about it: to those who wait for a session that was let go
 * for it, and to whoever asks how the runtime is.
 */
import type { Transaction } from '../driver/transaction.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'

export class Refusals {
  /** Let go because the store refused for too long, until they are taken up again. */
  readonly #letGo = new Map<SessionId, MeerkatError>()
  /** Why sessions could not be written, until one is: that a full disk can still be read, or take a claim, proves nothing. */
  #unwritten: MeerkatError | undefined
  /** Why a session could not be claimed or created, until the store answers. */
  #unanswered: MeerkatError | undefined
  /** Why sessions that want an owner could not be looked for, until they can. */
  #unswept: unknown

  /** Why the session's work can't go on now. */
  of(id: SessionId): MeerkatError | undefined {
    return this.#letGo.get(id)
  }

  /** Sessions whose work waits for the store. */
  get count(): number {
    return this.#letGo.size
  }

  /** What is wrong with the store, as far as anybody here has noticed. */
  get fault(): unknown {
    return this.#unwritten ?? this.#unanswered ?? this.#unswept
  }

  /** How the last look for sessions that want an owner failed; undefined where it did not. */
  swept(fault: unknown): void {
    this.#unswept = fault
  }

  /** The session was let go, for whatever reason. */
  lost(id: SessionId, error: MeerkatError): void {
    if (error.code !== 'store-unavailable') return
    this.#letGo.set(id, error)
    this.#unwritten = error
  }

  /** The session can't be asked for. Whatever else the store says is an answer. */
  failed(id: SessionId, error: unknown): void {
    const known = asMeerkatError(error)
    if (known.code === 'store-unavailable') this.#unanswered = known
    else this.answered(id)
  }

  /** The store answers: whoever waits for a session that another process has asks the store for it, not this process. */
  answered(id?: SessionId): void {
    this.#unanswered = undefined
    if (id !== undefined) this.#letGo.delete(id)
  }

  written(): void {
    this.#unwritten = undefined
    this.#unanswered = undefined
  }
}

/** The refusal of anything that needs an executor. */
export function noExecutor(): MeerkatError {
  return new MeerkatError(
    'unsupported',
    'this runtime has no executor for the session, so it can admit inputs but not answer them',
  )
}

/** Nothing of a destroyed session can be changed. */
export function demandChangeable({ state }: Pick<Transaction, 'state'>, sessionId: SessionId): void {
  if (state.lifecycle.phase !== 'destroyed') return
  const details = { sessionId, phase: 'destroyed' }
  throw new MeerkatError('not-ready', `session ${sessionId} is destroyed: nothing of it can be changed`, { details })
}
