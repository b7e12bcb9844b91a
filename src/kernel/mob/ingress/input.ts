/** The inputs that the region `ingress` decides on. */
import type { AgentRuntimeId, SessionId } from '../../ids.ts'

/** The mob no longer owns the session's ingress. */
export type Detached = {
  readonly type: 'ObserveSessionIngressDetached'
  readonly sessionId: SessionId
  readonly runtimeId: AgentRuntimeId
}

export type IngressInput = Detached
