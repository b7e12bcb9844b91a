/**
 * The driver: the only writer of one session.
 *
 * 1. Mutations wait in a mailbox; what waits together is one transaction and one commit.
 * 2. The live state moves on only after the store has answered. A failed commit leaves state, mailbox order and
 *    everybody else's work as they were, and its callers get the store's error.
 * 3. Subscribers hear of a commit after it, in commit order.
 * 4. What nobody waits for (attaching an executor, a retry's bookkeeping) travels with the next commit that somebody
 *    waits for; until then it is as if it had not happened, on disk and after a crash alike.
 * 5. No await inside a transition: a mutation is one synchronous function over the staged state.
 */
import { asMeerkatError } from '../errors.ts'
import { encodeState } from '../kernel/encode.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/machine.ts'
import type { EventRecord, Position } from '../store/records.ts'
import type { Claim, Commit, Store } from '../store/store.ts'
import type { Clock } from '../time.ts'
import { Transaction } from './transaction.ts'

/** What was just made durable. */
export interface Committed {
  readonly position: Position
  readonly commit: Omit<Commit, 'claim'>
  readonly state: MeerkatState
}

interface Job {
  readonly run: (tx: Transaction) => unknown
  /** Nobody waits for it to be durable. */
  readonly lazy: boolean
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/** Commits between two snapshots of a session with nothing waiting; a backlog of n inputs adds n. */
const SNAPSHOT_EVERY = 64

export interface DriverOptions {
  readonly store: Store
  readonly clock: Clock
  readonly claim: Claim
  /** The state as loaded, and what of it is not written yet. */
  readonly state: MeerkatState
  readonly commits: number
  /** The session's newest record. */
  readonly position: Position
  /** Commits since the last snapshot. */
  readonly unsnapshotted: number
  /** Does what the kernel says is due (starting a run); called in every transaction after the mutations. */
  readonly settle: (tx: Transaction) => void
  /** Hears of every commit, and of every mutation that needed none. */
  readonly onCommitted: (committed: Committed) => void
}

export class SessionDriver {
  readonly sessionId: SessionId
  readonly #options: DriverOptions
  readonly #claim: Claim
  readonly #mailbox: Job[] = []
  #streamed: EventRecord[] = []
  /** What everybody may act on: committed, or applied and waited for by nobody. */
  #state: MeerkatState
  /** Applied but not yet written: the transaction the next one continues. */
  #open: Transaction | undefined
  #commits: number
  #position: Position
  #unsnapshotted: number
  #pumping: Promise<void> | undefined
  #fault: unknown

  constructor(options: DriverOptions) {
    this.#options = options
    this.#claim = options.claim
    this.sessionId = options.claim.sessionId
    this.#state = options.state
    this.#commits = options.commits
    this.#position = options.position
    this.#unsnapshotted = options.unsnapshotted
  }

  /** The state everybody may act on. */
  get state(): MeerkatState {
    return this.#state
  }

  /** The newest record of the session. */
  get position(): Position {
    return this.#position
  }

  /** The error of the last commit, if it failed. */
  get fault(): unknown {
    return this.#fault
  }

  get idle(): boolean {
    return this.#pumping === undefined && this.#mailbox.length === 0 && this.#streamed.length === 0
  }

  /** Runs a mutation in the session's turn; resolves with its value once that is durable (`lazy`: once it is applied). */
  mutate<T>(run: (tx: Transaction) => T, options: { readonly lazy?: boolean } = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const lazy = options.lazy === true
      this.#mailbox.push({ run, lazy, resolve: resolve as (value: never) => void, reject })
      this.#wake()
    })
  }

  /** Adds an event of passing interest; it is written with the next commit, or by `flush`. */
  stream(event: EventRecord): void {
    this.#streamed.push(event)
  }

  /** Writes what was streamed. */
  async flush(): Promise<void> {
    if (this.#streamed.length > 0) await this.mutate(() => {})
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping
  }

  #wake(): void {
    this.#pumping ??= Promise.resolve().then(() => this.#pump())
  }

  async #pump(): Promise<void> {
    try {
      while (this.#mailbox.length > 0) await this.#round(this.#mailbox.splice(0))
    } finally {
      this.#pumping = undefined
    }
  }

  async #round(jobs: readonly Job[]): Promise<void> {
    const { clock, settle } = this.#options
    const tx = this.#open ?? new Transaction(this.#state, clock.now())
    const start = tx.mark()
    const streamed = this.#streamed
    if (streamed.length > 0) {
      this.#streamed = []
      for (const event of streamed) tx.event(event)
    }
    const done: { readonly job: Job; readonly value: unknown }[] = []
    for (const job of jobs) {
      const mark = tx.mark()
      try {
        done.push({ job, value: job.run(tx) })
        if (!job.lazy) tx.needsCommit()
      } catch (error) {
        tx.rewind(mark)
        job.reject(error)
      }
    }
    settle(tx)
    const failed = tx.urgent && !tx.isEmpty ? await this.#commit(tx) : this.#keep(tx)
    if (failed !== undefined) {
      tx.rewind(start)
      this.#streamed = [...streamed, ...this.#streamed]
      this.#open = tx.isEmpty ? undefined : tx
      for (const { job } of done) job.reject(failed.error)
      return
    }
    for (const { job, value } of done) job.resolve(value as never)
  }

  /** Nothing here is waited for: it stays in the making. */
  #keep(tx: Transaction): undefined {
    this.#open = tx.isEmpty ? undefined : tx
    this.#state = tx.state
    return undefined
  }

  async #commit(tx: Transaction): Promise<{ readonly error: unknown } | undefined> {
    const { store, onCommitted } = this.#options
    const built = tx.build(this.#commits + 1)
    const due = this.#unsnapshotted + 1 >= SNAPSHOT_EVERY + tx.state.ledger.entries.size
    const commit = due ? { ...built, snapshot: encodeState(tx.state) } : built
    try {
      this.#position = await store.commit({ ...commit, claim: this.#claim })
    } catch (error) {
      this.#fault = error
      return { error: asMeerkatError(error) }
    }
    this.#fault = undefined
    this.#commits++
    this.#unsnapshotted = due ? 0 : this.#unsnapshotted + 1
    this.#state = tx.state
    this.#open = undefined
    onCommitted({ position: this.#position, commit, state: this.#state })
    return undefined
  }
}
