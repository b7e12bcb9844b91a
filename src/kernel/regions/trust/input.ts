/** The inputs that the region `trust` decides on. */
import type { PeerId } from '../../ids.ts'
import type { PeerEndpoint } from './state.ts'

/** A supervisor's report that a mob's wiring changed; checked against the present supervisor. */
export interface SupervisedOverlay {
  readonly type: 'AuthorizeSupervisorMobPeerOverlay'
  readonly supervisorPeerId: PeerId
  readonly supervisorEpoch: number
  readonly recipientPeerId: PeerId
  readonly overlayEpoch: number
  readonly endpoints: readonly PeerEndpoint[]
  readonly command: { readonly kind: 'Wire' | 'Unwire'; readonly endpoint: PeerEndpoint }
}

export type TrustInput =
  | { readonly type: 'PublishLocalEndpoint'; readonly endpoint: PeerEndpoint }
  | { readonly type: 'ClearLocalEndpoint' }
  | { readonly type: 'AddDirectPeerEndpoint'; readonly endpoint: PeerEndpoint }
  | { readonly type: 'RemoveDirectPeerEndpoint'; readonly endpoint: PeerEndpoint }
  | {
      readonly type: 'ApplyMobPeerOverlay'
      readonly overlayEpoch: number
      readonly endpoints: readonly PeerEndpoint[]
    }
  | SupervisedOverlay
