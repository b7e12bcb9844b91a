/** The placement of a session by its host. */
import type { AgentRuntimeId, RuntimeEpochId } from '../kernel/ids.ts'

/** Where a host placed a session: the incarnation of the runtime that its work is for. */
export interface Placement {
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}
