/** What the region `trust` holds. */
import type { PeerId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** Where a peer is reached and how it is recognised. Two endpoints are the same only if everything is. */
export interface PeerEndpoint {
  readonly name: string
  readonly peerId: PeerId
  readonly address: string
  /** The public Ed25519 key, base64. */
  readonly signingKey: string
}

/** Endpoints by all that they say. */
export type PeerEndpoints = PersistentMap<string, PeerEndpoint>

export interface Trust {
  readonly local?: PeerEndpoint
  readonly direct: PeerEndpoints
  readonly overlay: PeerEndpoints
  /** Rises with every change of the effective set. */
  readonly epoch: number
  /** The mob's own count; 0 before the first overlay. */
  readonly overlayEpoch: number
}
