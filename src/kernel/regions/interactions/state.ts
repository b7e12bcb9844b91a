/** What the region `interactions` holds. */

import type { PeerCorrelationId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'
import type { Lane } from '../ledger/state.ts'

/** A request of ours that is under way. */
export type OutboundRequestState = 'Sent' | 'AcceptedProgress'

export interface Interactions {
  readonly outbound: PersistentMap<PeerCorrelationId, OutboundRequestState>
  /** Received, not yet answered, with the lane in which they came. */
  readonly inbound: PersistentMap<PeerCorrelationId, Lane>
}
