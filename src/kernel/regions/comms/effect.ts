/** The effects of the region `comms`. */

import type { PeerCorrelationId, PeerId } from '../../ids.ts'
import type { PeerIngressAuth } from './input.ts'
import type { PeerIngressPhase } from './state.ts'

export type PeerResponseTerminality = 'Progress' | 'TerminalCompleted' | 'TerminalFailed'

export type PeerIngressClass =
  | 'ActionableMessage'
  | 'PeerLifecycleAdded'
  | 'PeerLifecycleRetired'
  | 'PeerLifecycleUnwired'
  | 'SilentRequest'
  | 'ActionableRequest'
  | 'ResponseProgress'
  | 'ResponseTerminal'
  | 'Ack'
  | 'PlainEvent'

export type PeerIngressReceiveOutcome =
  | 'Admitted'
  | 'DroppedSessionClosed'
  | 'DroppedInboxFull'
  | 'DroppedUntrustedSender'

export type CommsEffect =
  | {
      readonly type: 'PeerIngressClassified'
      readonly class: PeerIngressClass
      /** It may wake the session. */
      readonly actionable: boolean
      readonly kind: 'Message' | 'Request' | 'Response' | 'Ack' | 'PlainEvent'
      readonly auth: PeerIngressAuth
      readonly fromPeerId?: PeerId
      readonly lifecyclePeer?: string
      readonly requestId?: PeerCorrelationId
      readonly terminality?: PeerResponseTerminality
    }
  | { readonly type: 'PeerResponseReplyClassified'; readonly terminality: PeerResponseTerminality }
  | {
      readonly type: 'PeerIngressReceiveResolved'
      readonly outcome: PeerIngressReceiveOutcome
      readonly diagnostic?: 'TrustedAtAdmission' | 'UntrustedAtAdmission'
      readonly phase: PeerIngressPhase
    }
  | { readonly type: 'PeerIngressDequeueResolved'; readonly phase: PeerIngressPhase }
  | { readonly type: 'PeerProjectionFreshnessChanged'; readonly epoch: number; readonly fresh: boolean }
