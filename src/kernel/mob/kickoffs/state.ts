/** The slice of the region `kickoffs`. */
import type { PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity } from '../ids.ts'

export type Kickoff =
  /** It has not started. */
  | { readonly phase: 'pending' }
  | { readonly phase: 'starting' }
  /** It waits for an answer from outside. */
  | { readonly phase: 'callbackPending' }
  | { readonly phase: 'started' }
  | { readonly phase: 'failed'; readonly error: string }
  | { readonly phase: 'cancelled' }

export type KickoffPhase = Kickoff['phase']

export interface Kickoffs {
  readonly byMember: PersistentMap<AgentIdentity, Kickoff>
  /** How many kickoffs have not ended. */
  readonly open: number
}
