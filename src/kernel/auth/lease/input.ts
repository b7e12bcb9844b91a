/** What the region `lease` decides on. */
import type { AuthLeasePhase, Credential } from './state.ts'

/** What came of a failed refresh, as far as it was seen. */
export interface RefreshFailureObservation {
  /** What is stored here can't be used to refresh: it is missing or damaged. */
  readonly localCredentialUnusable?: boolean
  readonly httpStatus?: number
  /** The `error` of an OAuth answer, such as `invalid_grant`. */
  readonly oauthError?: string
}

/** A credential's lifecycle as it was noted down, to be put back. */
export interface CapturedLifecycle {
  readonly phase: Exclude<AuthLeasePhase, 'released'>
  readonly credential: Credential
  readonly generation: number
  readonly attempt: number
}

/** The generation on which a refresh began. Absent: whichever is being refreshed. */
export interface OfRefresh {
  readonly generation?: number
}

export type LeaseInput =
  /** A login or a provisioned key: there is a new credential. It calls off a release that drains. */
  | ({ readonly type: 'Acquire' } & Credential)
  | { readonly type: 'MarkExpiring' }
  | { readonly type: 'ObserveCredentialFreshness'; readonly now: number; readonly windowMs: number }
  | { readonly type: 'BeginRefresh' }
  | ({ readonly type: 'CompleteRefresh'; readonly now: number; readonly expiresAt?: number } & OfRefresh)
  | ({ readonly type: 'RefreshFailed'; readonly observation: RefreshFailureObservation } & OfRefresh)
  | { readonly type: 'MarkReauthRequired' }
  /** The credential is gone, the binding is still wanted. */
  | { readonly type: 'ClearCredentialLifecycle' }
  /** The credential is gone; the lease goes with it unless logins are under way. */
  | { readonly type: 'ReleaseCredentialLifecycle' }
  | { readonly type: 'BeginRelease' }
  | { readonly type: 'Release' }
  | { readonly type: 'RestoreCredentialLifecycle'; readonly captured: CapturedLifecycle }
