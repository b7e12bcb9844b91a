/** The slice of the region `work`. */
import type { PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity, WorkId } from '../ids.ts'

export type MemberWork = PersistentMap<WorkId, WorkOrigin>

export interface Work {
  /** By member; a member without work has no entry. */
  readonly open: PersistentMap<AgentIdentity, MemberWork>
}

/** Where a piece of work comes from; work from outside the mob reaches only addressable members. */
export type WorkOrigin = 'internal' | 'external'
