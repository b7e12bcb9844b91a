/** The slice of the region `endings`. */

import type { InputId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'
import type { LaneState } from '../lane.ts'
import type { AbandonReason, LedgerEntry } from '../ledger/state.ts'

/** The inputs that one decision abandoned: the lanes at that moment, and the entries of all inputs in them or carried. */
export interface GivenUp {
  readonly reason: AbandonReason
  readonly entries: PersistentMap<InputId, LedgerEntry>
  readonly queue: LaneState
  readonly steer: LaneState
}

export interface Endings {
  /** One group for each decision, the oldest first. */
  readonly groups: readonly GivenUp[]
}
