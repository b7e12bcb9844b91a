/** The inputs that the region `binding` decides on. */

import type { AgentRuntimeId, RuntimeEpochId, SessionId } from '../../ids.ts'
import type { Placement } from './state.ts'

/** A binding as a host observed it; compared as a whole. */
export type BindingTuple = Partial<Placement>

export type BindingInput = PrepareBindings | Ingest

export interface PrepareBindings {
  readonly type: 'PrepareBindings'
  readonly sessionId: SessionId
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}

/** The origin of routed work. */
export type IngestOrigin = 'Tcp' | 'Uds' | 'Stdin' | 'Webhook' | 'Rpc' | 'Mob'

/** Offers work that was routed to one placement of the session; refused if another one is current. */
export interface Ingest extends BindingTuple {
  readonly type: 'Ingest'
  readonly sessionId?: SessionId
  readonly workId: string
  readonly origin: IngestOrigin
}
