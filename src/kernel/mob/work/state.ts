/** What the region `work` holds. */
import type { PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity, WorkId } from '../ids.ts'

export type MemberWork = PersistentMap<WorkId, WorkOrigin>

export interface Work {
  /** By member; who has none is not in it. */
  readonly open: PersistentMap<AgentIdentity, MemberWork>
}

/** Whose wish a piece of work is: one from outside reaches only who may be addressed from there. */
export type WorkOrigin = 'internal' | 'external'
