/** The slice of the region `trust`. */
import type { PeerId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** A peer's address and key. Two endpoints are equal only if all fields are. */
export interface PeerEndpoint {
  readonly name: string
  readonly peerId: PeerId
  readonly address: string
  /** The public Ed25519 key, base64. */
  readonly signingKey: string
}

/** Endpoints by a key made of all their fields. */
export type PeerEndpoints = PersistentMap<string, PeerEndpoint>

export interface Trust {
  readonly local?: PeerEndpoint
  readonly direct: PeerEndpoints
  readonly overlay: PeerEndpoints
  /** Rises with every change of the effective set of peers. */
  readonly epoch: number
  /** The epoch of the mob's last overlay; 0 before the first. */
  readonly overlayEpoch: number
}
