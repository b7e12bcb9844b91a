/** The whole state of a credential: a slice a region, each written by that region alone. */

import type { Flows } from './flows/state.ts'
import type { Lease } from './lease/state.ts'
import type { Polls } from './polls/state.ts'

/** What is true of the credential in every process. */
export interface AuthFacts {
  readonly lease: Lease
  readonly flows: Flows
}

/** What is true while this process serves it. */
export interface AuthConditions {
  readonly polls: Polls
}

export interface AuthState extends AuthFacts, AuthConditions {}
