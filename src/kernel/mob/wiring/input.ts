/** The inputs that the region `wiring` decides on. */

import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'
import type { WithIdentity } from '../roster/state.ts'

export type Pair = { readonly a: AgentIdentity; readonly b: AgentIdentity }

export type ExternalPair = WithIdentity & { readonly external: AgentIdentity }

export type Wire = { readonly type: 'WireMembers'; readonly withTrust?: boolean } & Pair

/** Reports that the incarnations of these fences trust each other. */
export type Trusted = {
  readonly type: 'ObserveMemberTrustWired'
  readonly fenceA: number
  readonly fenceB: number
} & Pair

export type WireExternal = { readonly type: 'WireExternalPeer'; readonly endpoint: PeerEndpoint } & ExternalPair

export type WiringInput =
  /** `withTrust`: the two should also trust each other. */
  | Wire
  | ({ readonly type: 'UnwireMembers' } & Pair)
  | Trusted
  /** Wires a member to a peer outside the mob. */
  | WireExternal
  | ({ readonly type: 'UnwireExternalPeer' } & ExternalPair)
