/** The parts of a round of the driver: the jobs, the commit in the making, and what a failure means. */
import { asMeerkatError } from '../errors.ts'
import type { NewEvent } from '../events.ts'
import type { Commit, LogRow } from '../store/store.ts'
import type { Tail } from './tail.ts'
import type { Mark, Transaction } from './transaction.ts'

export interface Job {
  readonly run: (tx: Transaction) => unknown
  /** The caller waits until it is applied, not until it is durable. */
  readonly lazy: boolean
  /** Called synchronously when the new state is published, before any other code can act on it. */
  readonly published?: ((value: never) => void) | undefined
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export interface JobResult {
  readonly job: Job
  readonly value: unknown
}

/** Stands for the streamed events of a round that is repeated without them. Compared by identity. */
export const NO_EVENTS: readonly NewEvent[] = []

/** Whether a streamed text ends here: its end is among these events, or its run is no longer the current one. */
export function isTextEnded(
  { event, end }: NonNullable<Tail['growing']>,
  { state: { run } }: Transaction,
  events: readonly NewEvent[],
): boolean {
  if (run.phase !== 'bound' || run.runId !== event.runId) return true
  return events.some(({ type, runId, turn }) => type === end && runId === event.runId && turn === event.turn)
}

/** Most mutations that share a commit. */
export const MAX_JOBS_A_ROUND = 1_000

/** A commit in the making or in doubt, with the mark to rewind to if it fails. */
export interface PendingCommit {
  readonly tx: Transaction
  readonly start: Mark
  streamed: readonly NewEvent[]
  readonly done: readonly JobResult[]
}

export interface DoubtfulCommit extends PendingCommit {
  readonly commit: Omit<Commit, 'claim'>
  readonly error: unknown
}

/** Whether the store was not reached or another process owns the session: no caller's mutation is at fault. */
export function isStoreFault(error: unknown): boolean {
  const { code } = asMeerkatError(error)
  return code === 'store-unavailable' || code === 'not-owner'
}

/** Whether the record that was read is what this commit would have written. */
export function isRecordOf({ record }: LogRow, commit: Omit<Commit, 'claim'>): boolean {
  const { at, steps } = commit.record
  try {
    return record.at === at && JSON.stringify(record.steps) === JSON.stringify(steps)
  } catch {
    // A commit without JSON can't have been written.
    return false
  }
}
