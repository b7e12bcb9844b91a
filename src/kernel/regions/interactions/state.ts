/** The slice of the region `interactions`. */

import type { PeerCorrelationId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'
import type { Lane } from '../ledger/state.ts'

/** The state of an unfinished request of this session. */
export type OutboundRequestState = 'Sent' | 'AcceptedProgress'

export interface Interactions {
  readonly outbound: PersistentMap<PeerCorrelationId, OutboundRequestState>
  /** Requests of peers that are not answered yet, with the lane that they came in. */
  readonly inbound: PersistentMap<PeerCorrelationId, Lane>
}
