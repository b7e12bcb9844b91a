/**
 * Remembers what the store refused, as long as it explains something: to callers that wait for a session that was let
 * go because of it, and to `health`.
 */
import type { Transaction } from '../driver/transaction.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'

export class Refusals {
  /** Sessions let go because the store refused their commits for too long, until they are taken up again. */
  readonly #letGo = new Map<SessionId, MeerkatError>()
  /** Why sessions could not be written, until one can: a store with a full disk may still be read, or take a claim. */
  #unwritten: MeerkatError | undefined
  /** Why a session could not be claimed or created, until the store answers. */
  #unanswered: MeerkatError | undefined
  /** Why the sweep failed, until one succeeds. */
  #unswept: unknown

  /** Why the session's work can't go on now; undefined: no reason known. */
  of(id: SessionId): MeerkatError | undefined {
    return this.#letGo.get(id)
  }

  /** How many sessions wait for the store. */
  get count(): number {
    return this.#letGo.size
  }

  /** What is wrong with the store, as far as this process has noticed. */
  get fault(): unknown {
    return this.#unwritten ?? this.#unanswered ?? this.#unswept
  }

  /** Notes how the last sweep ended: with this failure, or, undefined, well. */
  swept(fault: unknown): void {
    this.#unswept = fault
  }

  /** Notes that the session was let go, for this reason. */
  lost(id: SessionId, error: MeerkatError): void {
    if (error.code !== 'store-unavailable') return
    this.#letGo.set(id, error)
    this.#unwritten = error
  }

  /** Notes that the session could not be claimed. Any answer but `store-unavailable` shows that the store works. */
  failed(id: SessionId, error: unknown): void {
    const known = asMeerkatError(error)
    if (known.code === 'store-unavailable') this.#unanswered = known
    else this.answered(id)
  }

  /**
   * Notes that the store answers. Callers that wait for a session of another process ask the store for it, not this
   * process.
   */
  answered(id?: SessionId): void {
    this.#unanswered = undefined
    if (id !== undefined) this.#letGo.delete(id)
  }

  written(): void {
    this.#unwritten = undefined
    this.#unanswered = undefined
  }
}

/** The refusal of a call that needs an executor. */
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
  throw new MeerkatError(
    'not-ready',
    `session ${sessionId} is destroyed and can't be changed any more: open another one (\`session/open\`)`,
    { details },
  )
}
