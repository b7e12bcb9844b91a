/** What leaves the region `trust`. */
import type { PeerEndpoint } from './state.ts'

export type TrustEffect =
  | { readonly type: 'LocalEndpointChanged'; readonly endpoint?: PeerEndpoint }
  | { readonly type: 'PeerProjectionChanged'; readonly epoch: number }
  /** What the comms runtime is to trust from now on. Safe to repeat. */
  | {
      readonly type: 'CommsTrustReconcileRequested'
      readonly epoch: number
      readonly local?: PeerEndpoint
      readonly direct: readonly PeerEndpoint[]
      readonly overlay: readonly PeerEndpoint[]
    }
