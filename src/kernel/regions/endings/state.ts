/** What the region `endings` holds. */

import type { InputId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'
import type { LaneState } from '../lane.ts'
import type { AbandonReason, LedgerEntry } from '../ledger/state.ts'

/** What one decision gave up: the lanes as they were, and the entries of all that stood or rode in them. */
export interface GivenUp {
  readonly reason: AbandonReason
  readonly entries: PersistentMap<InputId, LedgerEntry>
  readonly queue: LaneState
  readonly steer: LaneState
}

export interface Endings {
  /** The oldest decision first. */
  readonly groups: readonly GivenUp[]
}
