/** Classification queries about credentials: what a lease allows, what a login has to do, and why the machine refused. */
import type { Row } from '../region.ts'
import type { AuthEffect } from './effects.ts'
import type { FlowsInput } from './flows/input.ts'
import {
  durableHasRoom,
  flows,
  globalHasRoom,
  isAdmittedFlow,
  isBrowserFlow,
  isDeviceFlow,
  isInTime,
  isNewFlow,
  leaseHasRoom,
  notReleaseDraining,
  providerMatches,
  redirectUriMatches,
} from './flows/table.ts'
import type { RefreshFailureObservation } from './lease/input.ts'
import type { AuthLeasePhase, Lease } from './lease/state.ts'
import { credentialOf, isPermanentRefreshFailure } from './lease/table.ts'
import type { PollsInput } from './polls/input.ts'
import { notPolled, polls } from './polls/table.ts'
import type { AuthState } from './state.ts'

/** What a caller wants to do with a credential: send it now, keep it for later, or refresh it. */
export type CredentialIntent = 'use' | 'hold' | 'beginRefresh'

export type CredentialUseAdmission =
  | 'authorized'
  | 'refresh-required'
  | 'already-refreshing'
  | 'reauth-required'
  | 'lease-absent'

const admissions = (
  use: CredentialUseAdmission,
  hold: CredentialUseAdmission,
  beginRefresh: CredentialUseAdmission,
): Readonly<Record<CredentialIntent, CredentialUseAdmission>> => ({ use, hold, beginRefresh })

const ADMISSIONS: Readonly<Record<AuthLeasePhase, Readonly<Record<CredentialIntent, CredentialUseAdmission>>>> = {
  valid: admissions('authorized', 'authorized', 'refresh-required'),
  expiring: admissions('refresh-required', 'authorized', 'refresh-required'),
  expired: admissions('refresh-required', 'refresh-required', 'refresh-required'),
  refreshing: admissions('refresh-required', 'authorized', 'already-refreshing'),
  reauthRequired: admissions('reauth-required', 'reauth-required', 'reauth-required'),
  released: admissions('lease-absent', 'lease-absent', 'lease-absent'),
}

/** Whether the credential may be used in this way, and if not, what is missing. Observe its freshness first. */
export function resolveCredentialUseAdmission(lease: Lease, intent: CredentialIntent): CredentialUseAdmission {
  return ADMISSIONS[lease.phase][intent]
}

export type OAuthLoginDisposition = 'use-cached' | 'refresh-required' | 'refresh-disallowed'

/** Whether a resolved OAuth login can be used as it is, has to be refreshed, or is only available after a refresh. */
export function resolveOAuthLoginDisposition(facts: {
  readonly lease: Lease
  /** Whether the token store, too, has the credential. */
  readonly credentialStored: boolean
  readonly forceRefresh: boolean
  readonly refreshAllowed: boolean
}): OAuthLoginDisposition {
  const { lease, credentialStored, forceRefresh, refreshAllowed } = facts
  if (lease.phase === 'valid' && credentialStored && !forceRefresh) return 'use-cached'
  return refreshAllowed ? 'refresh-required' : 'refresh-disallowed'
}

/** Whether a failed refresh may be tried again, or only a new login helps. */
export function resolveRefreshFailureDisposition(
  observation: RefreshFailureObservation,
): 'transient' | 'reauth-required' {
  return isPermanentRefreshFailure(observation) ? 'reauth-required' : 'transient'
}

/** The status of a credential, as callers see it. */
export type AuthPublicStatus =
  | 'valid'
  | 'expiring'
  | 'expired'
  | 'reauth-required'
  /** The last refresh failed, and will be tried again. */
  | 'refresh-failed'
  | 'released'
  /** There never was a login. */
  | 'absent'
  /** There is a lease, and the token store has nothing for it. */
  | 'missing-credential'

export function classifyAuthPublicStatus(lease: Lease, credentialStored: boolean): AuthPublicStatus {
  if (lease.phase === 'released') return lease.generation === 0 ? 'absent' : 'released'
  if (lease.phase === 'reauthRequired') return 'reauth-required'
  if (credentialOf(lease) !== undefined && !credentialStored) return 'missing-credential'
  if (lease.phase === 'valid' || lease.phase === 'expired') return lease.phase
  return lease.attempt > 0 ? 'refresh-failed' : 'expiring'
}

/** Why the machine refuses an input about a flow. */
export type OAuthFlowRefusal =
  /** It is not known, was consumed, or has expired. */
  | 'missing'
  | 'provider-mismatch'
  | 'redirect-uri-mismatch'
  | 'already-admitted'
  | 'capacity-exceeded'
  | 'poll-in-progress'
  /** The lease is being released, or was. */
  | 'lifecycle-rejected'

const REFUSALS: ReadonlyMap<unknown, OAuthFlowRefusal> = new Map<unknown, OAuthFlowRefusal>([
  [isAdmittedFlow, 'missing'],
  [isBrowserFlow, 'missing'],
  [isDeviceFlow, 'missing'],
  [isInTime, 'missing'],
  [providerMatches, 'provider-mismatch'],
  [redirectUriMatches, 'redirect-uri-mismatch'],
  [isNewFlow, 'already-admitted'],
  [leaseHasRoom, 'capacity-exceeded'],
  [globalHasRoom, 'capacity-exceeded'],
  [durableHasRoom, 'capacity-exceeded'],
  [notPolled, 'poll-in-progress'],
  [notReleaseDraining, 'lifecycle-rejected'],
])

type AnyRow = Row<AuthState, unknown, FlowsInput | PollsInput, AuthEffect, AuthLeasePhase>

/** Why the machine refused this input in this state: the first guard of its rows that does not hold. */
export function resolveOAuthFlowRefusal(state: AuthState, input: FlowsInput | PollsInput): OAuthFlowRefusal {
  const all = { ...flows.on, ...polls.on } as Partial<Record<string, readonly AnyRow[]>>
  const rows = (all[input.type] ?? []).filter(row => row.from.includes(state.lease.phase))
  const unmet = rows.flatMap(row => row.when ?? []).find(guard => !guard(state, input))
  return REFUSALS.get(unmet) ?? 'lifecycle-rejected'
}
