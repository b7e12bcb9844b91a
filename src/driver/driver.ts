/**
 * The driver: the only writer of one session.
 *
 * 1. Mutations wait in a mailbox. All that wait together, up to `MAX_JOBS_A_ROUND`, share one transaction and one commit;
 *    between two full rounds the event loop gets a turn.
 * 2. The published state moves on only after the store has answered. A failed commit leaves the state, the order of the
 *    mailbox and other callers' mutations as they were, and its own callers get the store's error.
 * 3. Subscribers are notified of a commit after it, in commit order.
 * 4. A lazy mutation (attaching an executor, a retry's bookkeeping) has no caller that waits for the disk. It is written
 *    with the next commit that has one; a crash before that undoes it.
 * 5. No await inside a transition: a mutation is one synchronous function over the staged state.
 * 6. An exception in a round (thrown by a mutation, by the due steps after it, while the record is built, or by a
 *    subscriber) reaches only the callers of that round: the round is repeated with one caller at a time, so that only the
 *    caller whose mutation throws gets the error.
 * 7. A commit that failed may have been written all the same (a lost acknowledgement), or may still be on its way. So
 *    before the next round the driver claims the session again, which makes the store refuse the old commit if it comes
 *    late, and reads the newest record. If the commit is there the driver adopts it; a caller that repeats the same
 *    mutation gets its value and the mutation does not run twice.
 */
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { NewEvent } from '../events.ts'
import type { FaultPoint } from '../faults.ts'
import { encodeState } from '../kernel/encode.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Position } from '../store/records.ts'
import type { Claim, Commit, LogRow } from '../store/store.ts'
import { nextTurn } from '../turns.ts'
import type { DriverOptions } from './options.ts'
import {
  type DoubtfulCommit,
  isRecordOf,
  isStoreFault,
  isTextEnded,
  type Job,
  type JobResult,
  MAX_JOBS_A_ROUND,
  NO_EVENTS,
  type PendingCommit,
} from './round.ts'
import { Tail } from './tail.ts'
import { TailKeeper } from './tail-keeper.ts'
import { timed } from './timed.ts'
import { Transaction } from './transaction.ts'

/** Commits between two snapshots of a session with nothing waiting; a backlog of n inputs adds n. */
const SNAPSHOT_EVERY = 64

export class SessionDriver {
  readonly sessionId: SessionId
  readonly #options: DriverOptions
  #claim: Claim
  readonly #mailbox: Job[] = []
  /** Streamed events that no record has yet. */
  readonly tail: Tail = new Tail()
  readonly #keeper: TailKeeper
  /** The published state: all that is committed, and lazy mutations that are applied. */
  #state: MeerkatState
  /** Lazy mutations that are applied and not written yet; the next round continues this transaction. */
  #uncommitted: Transaction | undefined
  #commits: number
  #position: Position
  #unsnapshotted: number
  #pumping: Promise<void> | undefined
  #committing = false
  #fault: unknown
  #doubt: DoubtfulCommit | undefined
  /** Set once another process writes the session: every later mutation is refused with it. */
  #lostError: MeerkatError | undefined
  /** Mutations whose caller got an error although their commit turned out to be written, with the value of each. */
  readonly #landed = new WeakMap<Job['run'], { readonly value: unknown }>()

  constructor(options: DriverOptions) {
    this.#options = options
    this.#claim = options.claim
    this.sessionId = options.claim.sessionId
    this.#state = options.state
    this.#commits = options.commits
    this.#position = options.position
    this.#unsnapshotted = options.unsnapshotted
    this.#keeper = new TailKeeper(options.clock, this.tail, events =>
      options.store.keepStreamed(this.#claim, { position: this.#position, events }),
    )
  }

  /** The claim under which this driver commits. */
  get claim(): Claim {
    return this.#claim
  }

  /** Whether the outcome of a commit, or of the claim after it, is unknown: `claim` may then not have the current token. */
  get inDoubt(): boolean {
    return this.#doubt !== undefined
  }

  /** The published state. */
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
    return this.#pumping === undefined && this.#mailbox.length === 0 && this.tail.isEmpty
  }

  /**
   * Runs a mutation in the session's turn; resolves with its value once that is durable (`lazy`: once it is applied).
   * `published` is called with it in the moment in which `state` moves on.
   */
  mutate<T>(
    run: (tx: Transaction) => T,
    options: { readonly lazy?: boolean; readonly published?: (value: T) => void } = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const lazy = options.lazy === true
      this.#mailbox.push({ run, lazy, published: options.published, resolve, reject })
      this.#wake()
    })
  }

  /** Streams an event. Readers in this process get it at once; it is written with a later commit, and a crash may lose it. */
  stream(event: NewEvent): void {
    this.tail.add(event, this.#options.clock.now())
    this.#keeper.plan()
  }

  /** Whether a commit is under way that readers of the store may see before `position` tells of it. */
  get isCommitting(): boolean {
    return this.#committing || this.#doubt !== undefined
  }

  /** Resolves when the mailbox is empty and no round is under way. */
  async mailboxEmptied(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping
  }

  #wake(): void {
    this.#pumping ??= this.#pump()
  }

  async #pump(): Promise<void> {
    // Mutations that are asked for in the same tick share the round.
    await Promise.resolve()
    try {
      while (this.#mailbox.length > 0) {
        const jobs = this.#mailbox.splice(0, MAX_JOBS_A_ROUND)
        await this.#round(jobs)
        if (jobs.length === MAX_JOBS_A_ROUND) await nextTurn()
      }
    } finally {
      this.#pumping = undefined
    }
  }

  /** Answers every job. It never rejects: no caller awaits it, and an unhandled rejection would end the process. */
  async #round(jobs: readonly Job[]): Promise<void> {
    try {
      // An await of nothing still costs every round a pass of the microtask queue, here and below.
      const doubtful = this.#doubt === undefined ? undefined : await this.#resolveDoubt()
      const refusal = this.#lostError ?? doubtful?.error
      if (refusal !== undefined) {
        for (const job of jobs) job.reject(refusal)
        return
      }
      await this.#runAsOne(jobs)
      // The commit stands, whatever a test's fault point throws behind it.
      if (this.#options.faults !== undefined) await this.#passFaultPoint('driver.published')?.catch(() => {})
    } catch (error) {
      for (const job of jobs) job.reject(asMeerkatError(error))
    }
  }

  /** Runs the jobs as one transaction and answers them; if that fails for other reasons than the store, one by one. */
  async #runAsOne(jobs: readonly Job[]): Promise<void> {
    const pending = this.#begin(jobs, this.tail.take())
    const failed = await this.#finish(pending)
    if (failed === undefined) {
      for (const { job, value } of pending.done) job.resolve(value as never)
      return
    }
    const left = pending.done.map(({ job }) => job)
    if (isStoreFault(failed.error) || this.#doubt !== undefined || !(await this.#runOneByOne(left))) {
      for (const job of left) job.reject(failed.error)
    }
  }

  /**
   * Repeats a failed round with each job alone, to find the one at fault; a single job is repeated without the streamed
   * events, which may be at fault too. False where there was nothing left to separate: then the job itself failed.
   */
  async #runOneByOne(jobs: readonly Job[]): Promise<boolean> {
    if (jobs.length > 1) {
      for (const job of jobs) await this.#round([job])
      return true
    }
    if (this.tail.isEmpty) return false
    const pending = this.#begin(jobs, NO_EVENTS)
    if ((await this.#finish(pending)) !== undefined) return false
    // A streamed event was at fault, not the caller. Streamed events may be lost.
    this.tail.drop()
    for (const { job, value } of pending.done) job.resolve(value as never)
    return true
  }

  /** Takes the due steps, and commits if a caller waits for the disk. On an error everything of the round is undone. */
  async #finish(pending: PendingCommit): Promise<{ readonly error: unknown } | undefined> {
    const { tx } = pending
    let commit: Omit<Commit, 'claim'> | undefined
    try {
      this.#options.takeDueSteps(tx)
      if (pending.streamed !== NO_EVENTS) this.#writeEndedText(pending)
      commit = tx.urgent && !tx.isEmpty ? this.#buildCommit(tx) : undefined
    } catch (error) {
      this.#takeBack(pending)
      return { error: asMeerkatError(error) }
    }
    return commit === undefined ? this.#keepUncommitted(pending) : this.#commit(pending, commit)
  }

  /** Opens (or continues) the transaction and runs the jobs in it. */
  #begin(jobs: readonly Job[], streamed: readonly NewEvent[]): PendingCommit {
    const now = this.#options.clock.now()
    const tx = this.#uncommitted ?? new Transaction(this.#state, now)
    tx.continueAt(now)
    const start = tx.mark()
    for (const event of streamed) tx.event(event)
    return { tx, start, streamed, done: this.#runAll(tx, jobs) }
  }

  /** Writes the rest of a streamed text that this transaction ends, before the event that ends it. */
  #writeEndedText(pending: PendingCommit): void {
    const { tx, start } = pending
    const { growing } = this.tail
    if (growing === undefined || !isTextEnded(growing, tx, tx.eventsSince(start))) return
    const rest = this.tail.takeRest()
    tx.insert(start, pending.streamed.length, rest)
    pending.streamed = [...pending.streamed, ...rest]
  }

  #runAll(tx: Transaction, jobs: readonly Job[]): readonly JobResult[] {
    const done: JobResult[] = []
    for (const job of jobs) {
      const landed = this.#landed.get(job.run)
      if (landed !== undefined) {
        done.push({ job, value: landed.value })
        continue
      }
      const mark = tx.mark()
      try {
        done.push({ job, value: job.run(tx) })
        // A mutation that changed nothing needs no commit: what it read is durable already.
        if (!job.lazy && !tx.isAt(mark)) tx.needsCommit()
      } catch (error) {
        tx.rewind(mark)
        job.reject(error)
      }
    }
    return done
  }

  /** No caller waits for the disk: the transaction stays open for the next round. */
  #keepUncommitted({ tx, done }: PendingCommit): undefined {
    this.#uncommitted = tx.isEmpty ? undefined : tx
    this.#publish(tx, done)
    return undefined
  }

  /** Makes the new state visible to the process. */
  #publish({ state }: Transaction, done: readonly JobResult[]): void {
    this.#state = state
    for (const { job, value } of done) {
      try {
        job.published?.(value as never)
      } catch (error) {
        job.reject(asMeerkatError(error))
      }
    }
  }

  /** The commit for the store, with a snapshot if one is due. */
  #buildCommit(tx: Transaction): Omit<Commit, 'claim'> {
    const built = tx.build(this.#commits + 1)
    const due = this.#unsnapshotted + 1 >= SNAPSHOT_EVERY + built.head.unfinished
    return due ? { ...built, snapshot: encodeState(tx.state) } : built
  }

  async #commit(
    pending: PendingCommit,
    commit: Omit<Commit, 'claim'>,
  ): Promise<{ readonly error: unknown } | undefined> {
    const { store, faults, observer, clock } = this.#options
    let position: Position
    this.#committing = true
    try {
      if (faults !== undefined) await this.#passFaultPoint('driver.staged')
      const answer = store.commit({ ...commit, claim: this.#claim })
      position = await (observer?.committed === undefined
        ? answer
        : timed({ observer, clock, sessionId: this.sessionId }, commit.record, answer))
      if (faults !== undefined) await this.#passFaultPoint('driver.committed')
    } catch (error) {
      this.#fault = error
      const known = asMeerkatError(error)
      if (known.code === 'not-owner') {
        this.#takeBack(pending)
        return { error: this.#markLost(known) }
      }
      this.#doubt = { ...pending, commit, error: known }
      await this.#resolveDoubt()
      // `#resolveDoubt` cleared the fault if it found the commit in the log.
      return this.#fault === undefined ? undefined : { error: known }
    } finally {
      this.#committing = false
    }
    this.#onWritten(pending, commit, position)
    return undefined
  }

  /** Finds out whether a failed commit was written. Answers the store's error where it can't be found out now. */
  async #resolveDoubt(): Promise<{ readonly error: unknown } | undefined> {
    const doubt = this.#doubt
    if (doubt === undefined) return undefined
    let newest: LogRow | undefined
    try {
      const { store } = this.#options
      this.#claim = await store.claim(this.sessionId, this.#claim.owner)
      newest = (await store.readBack({ sessionId: this.sessionId, limit: 1 }))[0]
    } catch (error) {
      const known = asMeerkatError(error)
      this.#fault = known
      if (known.code !== 'not-owner') return { error: known }
      this.#doubt = undefined
      this.#takeBack(doubt)
      return { error: this.#markLost(known) }
    }
    this.#doubt = undefined
    if (newest === undefined || newest.position <= this.#position) {
      this.#takeBack(doubt)
      return undefined
    }
    if (!isRecordOf(newest, doubt.commit)) {
      this.#takeBack(doubt)
      const message = `session ${this.sessionId} was written by another process meanwhile: ask again`
      return { error: this.#markLost(new MeerkatError('not-owner', message, { cause: doubt.error })) }
    }
    for (const { job, value } of doubt.done) this.#landed.set(job.run, { value })
    this.#onWritten(doubt, doubt.commit, newest.position)
    return undefined
  }

  /** Another process owns the session: this driver refuses all later mutations, and its session is told to let go. */
  #markLost(error: MeerkatError): MeerkatError {
    this.#lostError ??= error
    this.#options.onLost(error)
    return error
  }

  /** Runs a crash point of the tests; production has none. */
  #passFaultPoint(point: FaultPoint): Promise<void> | undefined {
    const { faults } = this.#options
    return faults === undefined ? undefined : Promise.resolve().then(() => faults(point))
  }

  /** Undoes the round in memory. */
  #takeBack({ tx, start, streamed }: PendingCommit): void {
    tx.rewind(start)
    this.tail.giveBack(streamed.length)
    this.#uncommitted = tx.isEmpty ? undefined : tx
  }

  #onWritten({ tx, done }: PendingCommit, commit: Omit<Commit, 'claim'>, position: Position): void {
    this.#fault = undefined
    this.#position = position
    this.#commits++
    this.#unsnapshotted = commit.snapshot === undefined ? this.#unsnapshotted + 1 : 0
    this.#uncommitted = undefined
    this.tail.written()
    this.#keeper.written()
    this.#publish(tx, done)
    try {
      this.#options.onCommitted({ position, commit, state: this.#state })
    } catch (error) {
      for (const { job } of done) job.reject(asMeerkatError(error))
    }
  }
}
