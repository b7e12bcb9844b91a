/** The slice of the region `lease`. */

/** What the machine knows of a credential: never the secret itself. */
export interface Credential {
  readonly publishedAt: number
  /** ms since the epoch; absent: never. */
  readonly expiresAt?: number
}

export interface Tracked {
  /** Counts the credentials that were published for this binding. */
  readonly generation: number
  /** A release began, and is done once no login is under way. */
  readonly releaseDraining?: true
}

interface Aging extends Tracked {
  readonly credential: Credential
  /** Refreshes of this credential that failed. */
  readonly attempt: number
}

export type Lease =
  | (Tracked & { readonly phase: 'valid'; readonly credential: Credential })
  /** It expires soon. */
  | (Aging & { readonly phase: 'expiring' })
  | (Aging & { readonly phase: 'expired' })
  | (Aging & { readonly phase: 'refreshing' })
  /** Only a person can lead out of this, by a new login. */
  | (Tracked & { readonly phase: 'reauthRequired'; readonly credential?: Credential; readonly attempt: number })
  | { readonly phase: 'released'; readonly generation: number }

export type AuthLeasePhase = Lease['phase']
