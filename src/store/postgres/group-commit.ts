/**
 * Group commit: writes of one kind that arrive within one turn of the event loop, or while a flush is on its way, go to
 * the server as one statement, and share one transaction and one disk flush there.
 *
 * 1. A write is answered when the server has committed it, never before.
 * 2. Writes are sent in the order in which they were given, and each of a session when the one before is answered.
 * 3. A write that is refused fails alone. A write whose rows the server can't take fails its statement; the statement is
 *    then sent in halves until that write is alone.
 * 4. When a flush gets no answer, the writes that wait behind it fail unsent: no caller waits longer than one time limit.
 */
import type { MeerkatError } from '../../errors.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { StoreFaults } from '../faults.ts'
import { trip } from '../faults.ts'
import { storeClosed } from '../store-errors.ts'
import { isOfOneRow, isSilence, notSent, toStoreError } from './errors.ts'

/** The result of one write: its answer, or why it was refused. */
export type Verdict<A> = { readonly answer: A } | { readonly refusal: MeerkatError }

/** How writes of one kind are sent: all of distinct sessions; one verdict each, in the same order. */
export interface Kind<W, A> {
  readonly send: (writes: readonly W[]) => Promise<readonly Verdict<A>[]>
  /** Whether listeners are notified of it. */
  readonly notifies?: boolean
}

interface Pending {
  readonly sessionId: SessionId
  readonly kind: Kind<unknown, unknown>
  readonly write: unknown
  readonly size: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

const MAX_BATCH = 1024
/** About how many characters of SQL go into one statement. */
const BATCH_SIZE = 16 * 2 ** 20

export interface GroupCommitOptions {
  readonly store: string
  readonly faults: StoreFaults
  /** Called for each session that was written. */
  readonly onWritten: (sessionId: SessionId) => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #idle: (() => void)[] = []
  #waiting: Pending[] = []
  #flying = false
  #armed = false
  #closed = false

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Sends the write with the next flush; `size` is about how many characters of SQL it makes. */
  add<W, A>(kind: Kind<W, A>, sessionId: SessionId, write: W, size = 0): Promise<A> {
    if (this.#closed) return Promise.reject(storeClosed(this.#options.store))
    return new Promise<A>((resolve, reject) => {
      this.#waiting.push({
        sessionId,
        kind: kind as Kind<unknown, unknown>,
        write,
        size,
        resolve: resolve as (answer: unknown) => void,
        reject,
      })
      this.#arm()
    })
  }

  /** Takes no more writes; resolves when all have their result. */
  async finish(): Promise<void> {
    this.#closed = true
    if (this.#waiting.length === 0 && !this.#flying) return
    await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(() => {
      this.#armed = false
      this.#next()
    })
  }

  #next(): void {
    if (this.#flying) return
    const batch = this.#take()
    if (batch.length > 0) void this.#fly(batch)
    else for (const done of this.#idle.splice(0)) done()
  }

  /** The oldest writes, up to the second one of a session, which has to wait for the result of the first. */
  #take(): Pending[] {
    const sessions = new Set<SessionId>()
    let size = 0
    for (const write of this.#waiting) {
      size += write.size
      const full = sessions.size === MAX_BATCH || (size > BATCH_SIZE && sessions.size > 0)
      if (full || sessions.has(write.sessionId)) break
      sessions.add(write.sessionId)
    }
    return this.#waiting.splice(0, sessions.size)
  }

  async #fly(batch: readonly Pending[]): Promise<void> {
    this.#flying = true
    const kinds = Map.groupBy(batch, write => write.kind)
    await Promise.all([...kinds].map(([kind, writes]) => this.#send(kind, writes)))
    this.#flying = false
    // Callers that were just answered give their next writes in this turn; the flush should include them.
    this.#arm()
  }

  async #send(kind: Kind<unknown, unknown>, writes: readonly Pending[]): Promise<void> {
    const { faults } = this.#options
    try {
      trip(faults, 'beforeCommit')
      const verdicts = await kind.send(writes.map(({ write }) => write))
      trip(faults, 'afterCommit')
      for (const [i, write] of writes.entries()) this.#settle(write, verdicts[i])
    } catch (error) {
      await this.#fail(kind, writes, error)
    }
  }

  #settle({ kind, sessionId, resolve, reject }: Pending, verdict: Verdict<unknown> | undefined): void {
    if (verdict === undefined) return reject(toStoreError(new Error('a write got no verdict'), this.#place(sessionId)))
    if ('refusal' in verdict) return reject(verdict.refusal)
    resolve(verdict.answer)
    if (kind.notifies === true) this.#options.onWritten(sessionId)
  }

  async #fail(kind: Kind<unknown, unknown>, writes: readonly Pending[], error: unknown): Promise<void> {
    if (writes.length > 1 && isOfOneRow(error)) {
      const middle = Math.ceil(writes.length / 2)
      await this.#send(kind, writes.slice(0, middle))
      return this.#send(kind, writes.slice(middle))
    }
    for (const { sessionId, reject } of writes) reject(toStoreError(error, this.#place(sessionId)))
    if (!isSilence(error)) return
    for (const { sessionId, reject } of this.#waiting.splice(0)) reject(notSent(this.#place(sessionId), error))
  }

  #place(sessionId?: SessionId): { store: string; sessionId?: SessionId | undefined; writes: true } {
    return { store: this.#options.store, sessionId, writes: true }
  }
}
