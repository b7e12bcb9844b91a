/** The inputs that the region `supervisor` decides on. */
import type { PeerId } from '../../ids.ts'
import type { SupervisorIdentity } from './state.ts'

/** The sender of a command, proven by its signature. */
export interface SupervisorSender {
  readonly senderPeerId?: PeerId
  readonly senderSigningKey?: string
}

/** A peer's claim to supervise in an epoch. */
export interface Claim {
  readonly supervisorPeerId: PeerId
  readonly supervisorEpoch: number
  readonly senderPeerId?: PeerId
}

/** Peer and epoch of a trust edge; they tell late reports of the comms runtime apart. */
export interface Edge {
  readonly peerId: PeerId
  readonly epoch: number
}

/** The result of checking the material of a first binding. */
export interface BindMaterial {
  readonly addressMatches: boolean
  readonly senderMatchesSupervisor: boolean
  readonly expectedPeerIdMatches: boolean
  readonly bootstrapTokenMatches: boolean
}

export type SubmitRotation = {
  readonly type: 'SubmitSupervisorRotation'
  readonly operationId: string
  readonly next: SupervisorIdentity
  /** A fault that the shell found before. */
  readonly preflight?: 'InvalidTarget' | 'UnsupportedProtocolVersion'
} & SupervisorSender

export type SupervisorInput =
  | ({ readonly type: 'ResolveSupervisorBindAdmission' } & Claim)
  | ({ readonly type: 'ResolveSupervisorBindMaterialAdmission' } & BindMaterial)
  | { readonly type: 'BindSupervisor'; readonly supervisor: SupervisorIdentity }
  | ({
      readonly type: 'ResolveSupervisorAuthorizeAdmission'
      readonly supervisor: SupervisorIdentity
    } & SupervisorSender)
  | { readonly type: 'AuthorizeSupervisor'; readonly supervisor: SupervisorIdentity }
  | ({ readonly type: 'RefreshSupervisorBindingRoute'; readonly supervisor: SupervisorIdentity } & SupervisorSender)
  | { readonly type: 'RequestSupervisorTrustPublish'; readonly supervisor: SupervisorIdentity }
  | ({ readonly type: 'SupervisorTrustEdgePublished' } & Edge)
  | ({ readonly type: 'SupervisorTrustEdgePublishFailed'; readonly reason: string } & Edge)
  | ({ readonly type: 'RevokeSupervisor' } & Edge)
  | ({ readonly type: 'SupervisorTrustEdgeRevoked' } & Edge)
  | ({ readonly type: 'SupervisorTrustEdgeRevokeFailed'; readonly reason: string } & Edge)
  | ({ readonly type: 'ResolveSupervisorBridgeCommandAdmission' } & Claim)
  | ({
      readonly type: 'ResolveSupervisorCleanupCommandAdmission'
      readonly command: 'Retire' | 'Observe' | 'Destroy' | 'Revoke'
    } & Claim)
  | SubmitRotation
  | ({ readonly type: 'SupervisorRotationPreviousRevoked'; readonly operationId: string } & Edge)
  | ({ readonly type: 'SupervisorRotationNextPublished'; readonly operationId: string } & Edge)
  | { readonly type: 'ResumeSupervisorRotation'; readonly operationId: string }
  | ({ readonly type: 'ObserveSupervisorRotation'; readonly operationId: string } & SupervisorSender)
