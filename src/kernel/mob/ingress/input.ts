/** What the region `ingress` decides on. */
import type { AgentRuntimeId, SessionId } from '../../ids.ts'

/** The session's ingress is nobody's, or another's than the mob's. */
export type Detached = {
  readonly type: 'ObserveSessionIngressDetached'
  readonly sessionId: SessionId
  readonly runtimeId: AgentRuntimeId
}

export type IngressInput = Detached
