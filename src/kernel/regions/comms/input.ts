/** The inputs that the region `comms` decides on. */
import type { PeerCorrelationId, PeerId } from '../../ids.ts'

/** The parts of a peer's envelope on which the machine decides. */
export type PeerEnvelope =
  | { readonly kind: 'Message' }
  | {
      readonly kind: 'Request'
      readonly intent: string
      readonly intentClass: 'MobPeerAdded' | 'MobPeerRetired' | 'MobPeerUnwired' | 'SupervisorBridge' | 'Other'
      /** The peer that a request of a mob is about. */
      readonly subject?: string
    }
  | {
      readonly kind: 'Lifecycle'
      readonly lifecycle: 'PeerAdded' | 'PeerRetired' | 'PeerUnwired'
      readonly subject: string
    }
  | { readonly kind: 'Response'; readonly status: PeerResponseStatus; readonly inReplyTo: PeerCorrelationId }
  | { readonly kind: 'Ack'; readonly inReplyTo: PeerCorrelationId }

export type PeerResponseStatus = 'Accepted' | 'Completed' | 'Failed'

/** Whether its sender has to be trusted. Only a supervisor's bridge is exempt, because it establishes the trust. */
export type PeerIngressAuth = 'Required' | 'SupervisorBridgeExempt'

export interface Classify {
  readonly type: 'ClassifyExternalEnvelope'
  /** The envelope's own id, which also identifies a request. */
  readonly itemId: PeerCorrelationId
  readonly fromPeer: string
  readonly fromPeerId: PeerId
  readonly envelope: PeerEnvelope
}

export interface Receive {
  readonly type: 'ResolvePeerIngressReceive'
  readonly kind: 'PlainEvent' | 'External'
  readonly auth: PeerIngressAuth
  readonly trusted: boolean
  /** Whether the inbox has earlier work. */
  readonly queuedWork: boolean
  readonly queue: 'open' | 'full' | 'closed'
}

export interface Dequeue {
  readonly type: 'ResolvePeerIngressDequeue'
  readonly kind: 'PlainEvent' | 'External'
  readonly auth: PeerIngressAuth
  readonly queuedWork: boolean
}

export type CommsInput =
  | Classify
  | { readonly type: 'ClassifyPlainEvent'; readonly sourceName: string }
  | { readonly type: 'ClassifyPeerResponseReply'; readonly status: PeerResponseStatus }
  | Receive
  | Dequeue
  /** Reports that this process's comms runtime trusts exactly the peers of this epoch. */
  | { readonly type: 'PeerProjectionReconciled'; readonly epoch: number }
