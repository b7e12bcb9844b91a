/** The inputs that the region `lease` decides on. */
import type { AuthLeasePhase, Credential } from './state.ts'

/** What was observed of a failed refresh. */
export interface RefreshFailureObservation {
  /** The stored credential can't be used to refresh: it is missing or damaged. */
  readonly localCredentialUnusable?: boolean
  readonly httpStatus?: number
  /** The `error` of an OAuth answer, such as `invalid_grant`. */
  readonly oauthError?: string
}

/** A credential's lifecycle as it was captured, to be restored. */
export interface CapturedLifecycle {
  readonly phase: Exclude<AuthLeasePhase, 'released'>
  readonly credential: Credential
  readonly generation: number
  readonly attempt: number
}

/** The generation on which a refresh began. Absent: the one that is being refreshed. */
export interface OfRefresh {
  readonly generation?: number
}

export type LeaseInput =
  /** There is a new credential, by a login or a provisioned key. It cancels a release that drains. */
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
