/** What the region `binding` decides on. */

import type { AgentRuntimeId, RuntimeEpochId, SessionId } from '../../ids.ts'
import type { Placement } from './state.ts'

/** A binding as somebody observed it; compared as a whole. */
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

/** Where routed work came from. */
export type IngestOrigin = 'Tcp' | 'Uds' | 'Stdin' | 'Webhook' | 'Rpc' | 'Mob'

/** Work that was routed to a placement of the session: it is for that one or for none. */
export interface Ingest extends BindingTuple {
  readonly type: 'Ingest'
  readonly sessionId?: SessionId
  readonly workId: string
  readonly origin: IngestOrigin
}
