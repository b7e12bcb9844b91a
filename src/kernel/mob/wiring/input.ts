/** What the region `wiring` decides on. */

import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'
import type { WithIdentity } from '../roster/state.ts'

export type Pair = { readonly a: AgentIdentity; readonly b: AgentIdentity }

export type ExternalPair = WithIdentity & { readonly external: AgentIdentity }

export type Wire = { readonly type: 'WireMembers'; readonly withTrust?: boolean } & Pair

/** Each trusts the other, as the incarnations of these fences. */
export type Trusted = {
  readonly type: 'ObserveMemberTrustWired'
  readonly fenceA: number
  readonly fenceB: number
} & Pair

export type WireExternal = { readonly type: 'WireExternalPeer'; readonly endpoint: PeerEndpoint } & ExternalPair

export type WiringInput =
  /** `withTrust`: the two are to trust each other, too. */
  | Wire
  | ({ readonly type: 'UnwireMembers' } & Pair)
  | Trusted
  /** Wires a member to a peer of that name that is none of the mob. */
  | WireExternal
  | ({ readonly type: 'UnwireExternalPeer' } & ExternalPair)
