/** What the region `spawns` holds. */

import type { PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity } from '../ids.ts'
import type { MemberFacts } from '../roster/state.ts'

/** What an identity may be spawned as. */
export interface AuthorizedProfile {
  readonly profile: string
  /** Of the material the profile is made of: what is spawned is what was looked at. */
  readonly digest: string
  readonly addressable: boolean
}

/** A member to be, as it was authorised when its spawn was opened. */
export interface Spawn extends MemberFacts {
  readonly phase: 'opened' | 'membershipCommitted'
  /** It comes in the place of the identity's last incarnation, and is wired to whom that was. */
  readonly replaces?: true
}

export interface Spawns {
  readonly profiles: PersistentMap<AgentIdentity, AuthorizedProfile>
  readonly open: PersistentMap<AgentIdentity, Spawn>
  /** How many of them have no member yet. */
  readonly opened: number
}
