/** The effects of the region `supervisor`. */
import type { SupervisorIdentity, SupervisorRotationRejection } from './state.ts'

export type SupervisorVerdict =
  | 'Accept'
  | 'Bootstrap'
  | 'IdempotentAck'
  | 'Proceed'
  | 'ResumePendingRevoke'
  | 'AlreadyBound'
  | 'NotBound'
  | 'RevocationPending'
  | 'RotationNotAllowed'
  | 'SenderMismatch'
  | 'StaleSupervisor'
  | 'CommandNotAllowed'
  | 'AddressMismatch'
  | 'InvalidPeerSpec'
  | 'InvalidBootstrapToken'

export type SupervisorRotationStatus =
  | 'PreviousRevokePending'
  | 'NextPublishPending'
  | 'Completed'
  | 'Rejected'
  | 'NotFound'

export type SupervisorEffect =
  | { readonly type: 'SupervisorAdmissionResolved'; readonly verdict: SupervisorVerdict }
  | { readonly type: 'PublishSupervisorTrustEdge'; readonly supervisor: SupervisorIdentity }
  | { readonly type: 'RevokeSupervisorTrustEdge'; readonly supervisor: SupervisorIdentity }
  | {
      readonly type: 'SupervisorRotationResolved'
      readonly operationId: string
      readonly status: SupervisorRotationStatus
      readonly rejection?: SupervisorRotationRejection
      /** Whether the same request was made before. */
      readonly again: boolean
    }
