/** The inputs that the region `tail` decides on. */
import type { RunId } from '../../ids.ts'

/** The traces that were found, and what the store says of their session. */
export interface TailInput {
  readonly type: 'AuthorizeDurableTailRecovery'
  readonly candidateRunId: RunId
  readonly class: 'CompletedCandidate' | 'InterruptedRepairableCandidate' | 'Ambiguous'
  /** The session by the store. */
  readonly observed: { readonly lifecycle: 'MissingRow' | 'Idle' | 'Retired' | 'Other'; readonly runBound: boolean }
  /** The newest committed boundary; 0 for none. */
  readonly lastCommittedSequence: number
  readonly priorCommit: 'NoPriorCommit' | 'PrecedesCandidate' | 'MatchesCandidate' | 'DivergesFromCandidate'
  readonly inputs: 'AllBoundOrInert' | 'UnboundContentInput' | 'Unfenceable'
}
