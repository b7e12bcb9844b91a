/** The effects of the region `trust`. */
import type { PeerEndpoint } from './state.ts'

export type TrustEffect =
  | { readonly type: 'LocalEndpointChanged'; readonly endpoint?: PeerEndpoint }
  | { readonly type: 'PeerProjectionChanged'; readonly epoch: number }
  /** The endpoints that the comms runtime should trust from now on. Safe to repeat. */
  | {
      readonly type: 'CommsTrustReconcileRequested'
      readonly epoch: number
      readonly local?: PeerEndpoint
      readonly direct: readonly PeerEndpoint[]
      readonly overlay: readonly PeerEndpoint[]
    }
