/** What the region `streams` holds. */

import type { PeerCorrelationId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** Where a stream is on its way. */
export type InteractionStreamState = 'Reserved' | 'Attached'

export interface Streams {
  readonly open: PersistentMap<PeerCorrelationId, InteractionStreamState>
}
