/** The slice of the region `comms`. */

export interface Comms {
  /** The phase of the newest envelope that needs trust. */
  readonly newest: PeerIngressPhase
  /** The epoch of `trust` that this process's comms runtime has applied. */
  readonly reconciled: number
}

export type PeerIngressPhase = 'Absent' | 'Received' | 'Dropped' | 'Delivered'
