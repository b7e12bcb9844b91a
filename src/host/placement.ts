/** Where a host places sessions. */
import type { AgentRuntimeId, RuntimeEpochId } from '../kernel/ids.ts'

/** Where a host placed a session: the incarnation that its work is for. */
export interface Placement {
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}
