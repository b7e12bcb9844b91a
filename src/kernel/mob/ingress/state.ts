/** The slice of the region `ingress`. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

export interface Ingress {
  /** By session: the runtime that served it in the mob. */
  readonly detaching: PersistentMap<SessionId, AgentRuntimeId>
}
