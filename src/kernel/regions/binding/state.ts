/** What the region `binding` holds. */
import type { AgentRuntimeId, RuntimeEpochId } from '../../ids.ts'

export type Binding =
  | { readonly phase: 'unbound'; readonly epochId?: RuntimeEpochId }
  | ({ readonly phase: 'bound' } & Placement)

export interface Placement {
  readonly runtimeId: AgentRuntimeId
  /** Rises with every placement; a late message of an older one is recognised by it. */
  readonly fence?: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}
