/** What the region `tail` decides on. */
import type { RunId } from '../../ids.ts'

/** What was found, and how it lies to what is known. */
export interface TailInput {
  readonly type: 'AuthorizeDurableTailRecovery'
  readonly candidateRunId: RunId
  readonly class: 'CompletedCandidate' | 'InterruptedRepairableCandidate' | 'Ambiguous'
  /** What the store says of the session. */
  readonly observed: { readonly lifecycle: 'MissingRow' | 'Idle' | 'Retired' | 'Other'; readonly runBound: boolean }
  /** The newest boundary that is committed; 0 for none. */
  readonly lastCommittedSequence: number
  readonly priorCommit: 'NoPriorCommit' | 'PrecedesCandidate' | 'MatchesCandidate' | 'DivergesFromCandidate'
  readonly inputs: 'AllBoundOrInert' | 'UnboundContentInput' | 'Unfenceable'
}
