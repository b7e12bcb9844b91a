/**
 * Group commit: writes that arrive within one turn of the event loop share one transaction, and so one disk flush.
 *
 * 1. A write is answered after COMMIT, never before.
 * 2. Writes run in the order in which they were given.
 * 3. A write that refuses (a `MeerkatError`, thrown before it changed anything) fails alone.
 * 4. A write that breaks half-way makes the whole batch start over with a savepoint around each, so that it fails alone
 *    too; the common path pays nothing for this.
 * 5. A transaction that fails (disk full, read-only, I/O) fails its batch and leaves nothing behind; the next may succeed.
 * 6. While another process holds the file, the batch waits without blocking the event loop, up to a limit.
 */
import { setTimeout as delayed } from 'node:timers'
import { MeerkatError } from '../../errors.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { StoreFaults } from '../faults.ts'
import { trip } from '../faults.ts'
import { storeClosed } from '../store-errors.ts'
import { isLocked, resultCode, SQLITE, type SqlDriver, type SqlStatement } from './driver.ts'
import { openedReadOnly, toStoreError } from './errors.ts'

/** Facts in memory about rows that are being written; they are undone if the rows don't become durable. */
export interface Tentative {
  /** A transaction has begun. */
  begin(): void
  /** The number of changes so far; `undoTo` undoes those after it. */
  mark(): number
  undoTo(mark: number): void
  /** All changes are durable. */
  keep(): void
}

interface Pending {
  readonly sessionId: SessionId | undefined
  /** Whether listeners are notified of it. */
  readonly notifies: boolean
  readonly apply: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  value?: unknown
  refusal?: MeerkatError | undefined
}

/** Bounds how long one transaction blocks the event loop; further writes follow in the next turn. */
const MAX_BATCH = 1024

export interface GroupCommitOptions {
  readonly db: SqlDriver
  readonly path: string
  readonly tentative: Tentative
  readonly lockTimeoutMs: number
  readonly faults: StoreFaults
  /** Refuses every write. */
  readonly readOnly: boolean
  /** Called for each session that a durable batch wrote. */
  readonly onWritten: (sessionId: SessionId) => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #begin: SqlStatement
  readonly #commit: SqlStatement
  #waiting: Pending[] = []
  #armed = false
  #closed = false
  #lockedSince: number | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#begin = options.db.prepare('BEGIN IMMEDIATE')
    this.#commit = options.db.prepare('COMMIT')
  }

  /** Runs `apply` inside the next transaction and answers with what it returned, once that is durable. */
  add<T>(apply: () => T, sessionId?: SessionId, notifies = false): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed(`sqlite:${this.#options.path}`))
    if (this.#options.readOnly) return Promise.reject(openedReadOnly(this.#options.path))
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ apply, sessionId, notifies, resolve: resolve as (value: unknown) => void, reject })
      this.#arm()
    })
  }

  /** Takes no more writes, and answers when those before it and `last` are done. */
  async finish(last: () => void): Promise<void> {
    const done = this.add(last)
    this.#closed = true
    await done
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#armed = false
    const batch = this.#take()
    if (batch.length > 0) this.#write(batch)
    if (this.#waiting.length > 0) this.#arm()
  }

  #take(): Pending[] {
    const all = this.#waiting
    this.#waiting = all.length > MAX_BATCH ? all.splice(MAX_BATCH) : []
    return all
  }

  #write(batch: Pending[]): void {
    const { tentative, faults } = this.#options
    try {
      if (!this.#started(batch)) return
      if (!this.#applyAll(batch)) {
        this.#rollback()
        if (!this.#started(batch)) return
        this.#applyEach(batch)
      }
      trip(faults, 'beforeCommit')
      this.#commit.run()
    } catch (error) {
      this.#fail(batch, error)
      return
    }
    tentative.keep()
    this.#settle(batch)
  }

  /** Begins the transaction, or puts the batch back to wait for the process that holds the file. */
  #started(batch: Pending[]): boolean {
    try {
      // Only a rollback that failed leaves one open.
      if (this.#options.db.isTransaction) this.#options.db.exec('ROLLBACK')
      this.#begin.run()
    } catch (error) {
      const now = performance.now()
      this.#lockedSince ??= now
      if (!isLocked(error) || now - this.#lockedSince > this.#options.lockTimeoutMs) {
        this.#lockedSince = undefined
        throw error
      }
      this.#waiting = batch.concat(this.#waiting)
      this.#armed = true
      // Uneven pauses, so that processes that wait for each other don't stay in step.
      delayed(() => this.#flush(), 1 + Math.random() * 15)
      return false
    }
    this.#lockedSince = undefined
    this.#options.tentative.begin()
    return true
  }

  /** The common path. False when a write broke half-way and the batch must start over. */
  #applyAll(batch: readonly Pending[]): boolean {
    for (const write of batch) {
      try {
        write.value = write.apply()
      } catch (error) {
        if (!(error instanceof MeerkatError)) return false
        write.refusal = error
      }
    }
    return true
  }

  #applyEach(batch: readonly Pending[]): void {
    const { db, path, tentative } = this.#options
    for (const write of batch) {
      const mark = tentative.mark()
      write.refusal = undefined
      db.exec('SAVEPOINT one')
      try {
        write.value = write.apply()
      } catch (error) {
        if (endsTransaction(error)) throw error
        write.refusal = toStoreError(error, { path, sessionId: write.sessionId })
        db.exec('ROLLBACK TO one')
        tentative.undoTo(mark)
      }
      db.exec('RELEASE one')
    }
  }

  #rollback(): void {
    const { db, tentative } = this.#options
    tentative.undoTo(0)
    // Some failures have ended the transaction already.
    if (db.isTransaction) db.exec('ROLLBACK')
  }

  #fail(batch: readonly Pending[], error: unknown): void {
    const { path } = this.#options
    const cause = this.#rollbackAfter(error)
    for (const { reject, sessionId } of batch) reject(toStoreError(cause, { path, sessionId }))
  }

  #rollbackAfter(error: unknown): unknown {
    try {
      this.#rollback()
      return error
    } catch (second) {
      return new AggregateError([error, second], 'the transaction failed, and so did taking it back')
    }
  }

  #settle(batch: readonly Pending[]): void {
    const { faults, path, onWritten } = this.#options
    try {
      trip(faults, 'afterCommit')
    } catch (error) {
      for (const { reject, sessionId } of batch) reject(toStoreError(error, { path, sessionId }))
      return
    }
    for (const { refusal, resolve, reject, value } of batch) {
      if (refusal === undefined) resolve(value)
      else reject(refusal)
    }
    for (const { notifies, sessionId, refusal } of batch) {
      if (notifies && sessionId !== undefined && refusal === undefined) onWritten(sessionId)
    }
  }
}

const FATAL: ReadonlySet<number> = new Set([
  SQLITE.busy,
  SQLITE.locked,
  SQLITE.noMemory,
  SQLITE.readOnly,
  SQLITE.ioError,
  SQLITE.full,
  SQLITE.cantOpen,
  SQLITE.protocol,
  SQLITE.notADatabase,
])

/** Whether the failure is the file's or the disk's, and not that of the one write that met it. */
function endsTransaction(error: unknown): boolean {
  const code = resultCode(error)
  return code !== undefined && FATAL.has(code)
}
