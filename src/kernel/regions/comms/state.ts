/** What the region `comms` holds. */

export interface Comms {
  /** Where the newest envelope that needs trust stands. */
  readonly newest: PeerIngressPhase
  /** The epoch of `trust` that this process's comms runtime has applied. */
  readonly reconciled: number
}

export type PeerIngressPhase = 'Absent' | 'Received' | 'Dropped' | 'Delivered'
