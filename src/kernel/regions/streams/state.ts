/** The slice of the region `streams`. */

import type { PeerCorrelationId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** The state of an open stream. */
export type InteractionStreamState = 'Reserved' | 'Attached'

export interface Streams {
  readonly open: PersistentMap<PeerCorrelationId, InteractionStreamState>
}
