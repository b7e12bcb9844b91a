/** Options of a driver, and its callbacks. */
import type { Faults } from '../faults.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { Position } from '../store/records.ts'
import type { Claim, Commit, Store } from '../store/store.ts'
import type { Clock } from '../time.ts'
import type { Transaction } from './transaction.ts'

/** What was just made durable. */
export interface Committed {
  readonly position: Position
  readonly commit: Omit<Commit, 'claim'>
  readonly state: MeerkatState
}

export interface DriverOptions {
  readonly store: Store
  readonly clock: Clock
  readonly claim: Claim
  /** The state as loaded. */
  readonly state: MeerkatState
  readonly commits: number
  /** The session's newest record. */
  readonly position: Position
  /** Commits since the last snapshot. */
  readonly unsnapshotted: number
  /** Takes the steps that are due in the staged state, such as the start of a run. Called in every round, after its mutations. */
  readonly takeDueSteps: (tx: Transaction) => void
  /** Called after every commit. */
  readonly onCommitted: (committed: Committed) => void
  /** Called when the claim is over: another process writes the session now. */
  readonly onLost: (error: unknown) => void
  readonly faults?: Faults | undefined
  readonly observer?: RuntimeObserver | undefined
}
