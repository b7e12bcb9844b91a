/** The slice of the region `spawns`. */

import type { PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity } from '../ids.ts'
import type { MemberFacts } from '../roster/state.ts'

/** What an identity may be spawned as. */
export interface AuthorizedProfile {
  readonly profile: string
  /** Digest of the profile's material: the spawned member has to be made of the authorised material. */
  readonly digest: string
  readonly addressable: boolean
}

/** A future member, as it was authorised when its spawn was opened. */
export interface Spawn extends MemberFacts {
  readonly phase: 'opened' | 'membershipCommitted'
  /** It replaces the identity's last incarnation and gets its edges. */
  readonly replaces?: true
}

export interface Spawns {
  readonly profiles: PersistentMap<AgentIdentity, AuthorizedProfile>
  readonly open: PersistentMap<AgentIdentity, Spawn>
  /** How many spawns have no member yet. */
  readonly opened: number
}
