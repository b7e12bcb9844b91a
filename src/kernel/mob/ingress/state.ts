/** What the region `ingress` holds. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

export interface Ingress {
  /** By session: which runtime it served here. */
  readonly detaching: PersistentMap<SessionId, AgentRuntimeId>
}
