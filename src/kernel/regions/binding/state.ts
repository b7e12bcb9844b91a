/** The slice of the region `binding`. */
import type { AgentRuntimeId, RuntimeEpochId } from '../../ids.ts'

export type Binding =
  | { readonly phase: 'unbound'; readonly epochId?: RuntimeEpochId }
  | ({ readonly phase: 'bound' } & Placement)

export interface Placement {
  readonly runtimeId: AgentRuntimeId
  /** Rises with every placement; it tells late messages of an older placement apart. */
  readonly fence?: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}
