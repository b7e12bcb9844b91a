/** A round of the driver: what was asked, what is in the making, and what a failure of it says. */
import { asMeerkatError } from '../errors.ts'
import type { NewEvent } from '../events.ts'
import type { Commit, LogRow } from '../store/store.ts'
import type { Tail } from './tail.ts'
import type { Mark, Transaction } from './transaction.ts'

export interface Job {
  readonly run: (tx: Transaction) => unknown
  /** Nobody waits for it to be durable. */
  readonly lazy: boolean
  /** Called in the very moment in which everybody may act on what it did, before anything else can happen. */
  readonly published?: ((value: never) => void) | undefined
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export interface JobResult {
  readonly job: Job
  readonly value: unknown
}

/** What was streamed, where it is left out because it may be what breaks the round. */
export const NO_EVENTS: readonly NewEvent[] = []

/** Whether a text that is streamed has its end among these events, or its run is not the current one any more. */
export function isTextEnded(
  { event, end }: NonNullable<Tail['growing']>,
  { state: { run } }: Transaction,
  events: readonly NewEvent[],
): boolean {
  if (run.phase !== 'bound' || run.runId !== event.runId) return true
  return events.some(({ type, runId, turn }) => type === end && runId === event.runId && turn === event.turn)
}

/** Mutations that share a commit. */
export const MAX_JOBS_A_ROUND = 1_000

/** A commit in the making or in doubt, with what to go back to. */
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

/** Whether the store was not reached, or the session is somebody else's: nothing that a caller asked is to blame. */
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
    // What has no JSON was never written.
    return false
  }
}
