/**
 * The lease: whether there is a credential, whether it may be used, and who may refresh it.
 *
 * Enforces: one refresh at a time; each published credential has a new generation, and no generation ever falls; a
 * refresh that began on an older credential never counts as one of the present credential; a release is done only after
 * every login under way was cancelled. Whether a failed refresh may be tried again is decided here.
 */
import { mapEntries } from '../../persistent-map.ts'
import { rowsOf } from '../../region.ts'
import type { AuthRegion } from '../auth-region.ts'
import type { AuthEffect } from '../effects.ts'
import type { OAuthFlowId } from '../flows/state.ts'
import type { AuthInput } from '../inputs.ts'
import type { AuthFacts } from '../state.ts'
import type { LeaseInput, OfRefresh, RefreshFailureObservation } from './input.ts'
import type { AuthLeasePhase, Credential, Lease, Tracked } from './state.ts'

/** How long before its expiry a credential is refreshed, ms. */
export const REFRESH_WINDOW_MS = 60_000
type InputOf<Type> = Extract<LeaseInput, { readonly type: Type }>
type Observed = InputOf<'ObserveCredentialFreshness'>

/** The lease's credential, if it has one. */
export function credentialOf(lease: Lease): Credential | undefined {
  return lease.phase === 'released' ? undefined : lease.credential
}
/** Whether a release began and is not done. */
export function isDraining(lease: Lease): boolean {
  return lease.phase !== 'released' && lease.releaseDraining === true
}

function isReleaseDraining({ lease }: AuthFacts): boolean {
  return isDraining(lease)
}
function hasFlows({ flows }: AuthFacts): boolean {
  return flows.entries.size > 0
}
function hasNoFlows({ flows }: AuthFacts): boolean {
  return flows.entries.size === 0
}
function hasExpired({ lease }: AuthFacts, { now }: Observed): boolean {
  const expiresAt = credentialOf(lease)?.expiresAt
  return expiresAt !== undefined && expiresAt <= now
}
function expiresSoon({ lease }: AuthFacts, { now, windowMs }: Observed): boolean {
  const expiresAt = credentialOf(lease)?.expiresAt
  return expiresAt !== undefined && expiresAt < now + windowMs
}
function isOfThisCredential({ lease }: AuthFacts, { generation = lease.generation }: OfRefresh): boolean {
  return generation === lease.generation
}
function outlivesNow(_: AuthFacts, { expiresAt, now }: InputOf<'CompleteRefresh'>): boolean {
  return expiresAt === undefined || now < expiresAt
}
function isPermanent(_: AuthFacts, { observation }: InputOf<'RefreshFailed'>): boolean {
  return isPermanentRefreshFailure(observation)
}

/** Answers of an authorization server after which a further try can't succeed. */
const PERMANENT_OAUTH_ERRORS: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'access_denied',
  'permission_denied',
  'expired_token',
])

/** Whether only a new login helps after this failure. Any other failure may be temporary. */
export function isPermanentRefreshFailure(observation: RefreshFailureObservation): boolean {
  const { localCredentialUnusable = false, httpStatus, oauthError } = observation
  if (localCredentialUnusable || httpStatus === 401 || httpStatus === 403) return true
  return oauthError !== undefined && PERMANENT_OAUTH_ERRORS.has(oauthError)
}

const draining = (slice: Lease): Pick<Tracked, 'releaseDraining'> =>
  isDraining(slice) ? { releaseDraining: true } : {}
const attemptOf = (slice: Lease): number => ('attempt' in slice ? slice.attempt : 0)

/** The credential of an input, without the input's other fields. */
const credentialFrom = (publishedAt: number, expiresAt: number | undefined): Credential => ({
  publishedAt,
  ...(expiresAt !== undefined && { expiresAt }),
})

type In<Phase> = Extract<Lease, { readonly phase: Phase }>

/** The same credential in another phase. No row gives it a lease without one. */
const aged =
  (phase: 'expiring' | 'expired' | 'refreshing' | 'reauthRequired', failures = 0) =>
  (slice: In<'valid' | 'expiring' | 'expired' | 'refreshing'>): Lease => {
    const { generation, credential } = slice
    return { phase, generation, credential, attempt: attemptOf(slice) + failures, ...draining(slice) }
  }

function restored(slice: Lease, { captured }: InputOf<'RestoreCredentialLifecycle'>): Lease {
  const { phase, attempt } = captured
  const credential = credentialFrom(captured.credential.publishedAt, captured.credential.expiresAt)
  const common = { generation: Math.max(slice.generation, captured.generation), credential, ...draining(slice) }
  if (phase === 'valid') return { phase, ...common }
  // The refresh that was captured is not under way any more; the credential itself is unchanged.
  return { phase: phase === 'refreshing' ? 'expiring' : phase, ...common, attempt }
}

const cleared = (slice: Lease): Lease => ({
  phase: 'reauthRequired',
  generation: slice.generation,
  attempt: 0,
  ...draining(slice),
})
const released = ({ generation }: Lease): Lease => ({ phase: 'released', generation })

function changed(after: AuthFacts, { type }: AuthInput, before: AuthFacts): AuthEffect {
  return { type: 'AuthLifecycleChanged', action: type, fromPhase: before.lease.phase, toPhase: after.lease.phase }
}
function flowsCancelled({ flows }: AuthFacts): readonly AuthEffect[] {
  if (flows.entries.size === 0) return []
  const ids = { browser: [] as OAuthFlowId[], device: [] as OAuthFlowId[] }
  for (const [id, { kind }] of mapEntries(flows.entries)) ids[kind].push(id)
  return [{ type: 'CancelOAuthFlowsForRelease', browser: ids.browser.toSorted(), device: ids.device.toSorted() }]
}

const USABLE = ['valid', 'expiring', 'expired'] as const
/** Phases in which there is something to release: a credential, or logins for one. */
export const HELD = [...USABLE, 'refreshing', 'reauthRequired'] as const
export const LEASE_PHASES = [...HELD, 'released'] as const

/** The first login of a binding creates its lease. */
const REOPENED = {
  moves: { released: ['reauthRequired'] },
  then: (slice: Lease) => (slice.phase === 'released' ? cleared(slice) : slice),
  emit: [
    (after: AuthFacts, input: AuthInput, before: AuthFacts) =>
      before.lease.phase === 'released' ? changed(after, input, before) : [],
  ],
} as const

const leaseRow = rowsOf<AuthFacts, Lease, AuthEffect>()

export const lease: AuthRegion<'lease', AuthLeasePhase> = {
  name: 'lease',
  about: 'Whether there is a credential, whether it may be used, and who may refresh it.',
  initial: { phase: 'released', generation: 0 },
  phaseOf: state => state.lease.phase,
  phases: LEASE_PHASES,
  on: {
    Acquire: [
      {
        name: 'acquired',
        from: LEASE_PHASES,
        to: ['valid'],
        then: ({ generation }, { publishedAt, expiresAt }) => ({
          phase: 'valid',
          generation: generation + 1,
          credential: credentialFrom(publishedAt, expiresAt),
        }),
        emit: [changed],
      },
    ],
    MarkExpiring: [
      leaseRow({ name: 'marked', from: ['valid'], to: ['expiring'], then: aged('expiring'), emit: [changed] }),
    ],
    ObserveCredentialFreshness: [
      leaseRow({
        name: 'expired',
        from: ['valid', 'expiring'],
        when: [hasExpired],
        to: ['expired'],
        then: aged('expired'),
        emit: [changed],
      }),
      leaseRow({
        name: 'expiring',
        from: ['valid'],
        when: [expiresSoon],
        to: ['expiring'],
        then: aged('expiring'),
        emit: [changed],
      }),
      { name: 'unchanged', from: LEASE_PHASES },
    ],
    BeginRefresh: [
      leaseRow({
        name: 'begun',
        from: USABLE,
        to: ['refreshing'],
        then: aged('refreshing'),
        emit: [changed, () => ({ type: 'WakeRefreshLoop' })],
      }),
    ],
    CompleteRefresh: [
      {
        name: 'refreshed',
        from: ['refreshing'],
        when: [isOfThisCredential, outlivesNow],
        to: ['valid'],
        then: (slice, { now, expiresAt }) => ({
          phase: 'valid',
          generation: slice.generation + 1,
          credential: credentialFrom(now, expiresAt),
          ...draining(slice),
        }),
        emit: [changed],
      },
    ],
    RefreshFailed: [
      leaseRow({
        name: 'permanent',
        from: ['refreshing'],
        when: [isOfThisCredential, isPermanent],
        to: ['reauthRequired'],
        then: aged('reauthRequired', 1),
        emit: [changed],
      }),
      leaseRow({
        name: 'transient',
        from: ['refreshing'],
        when: [isOfThisCredential],
        to: ['expiring'],
        then: aged('expiring', 1),
        emit: [changed],
      }),
    ],
    MarkReauthRequired: [
      leaseRow({
        name: 'marked',
        from: [...USABLE, 'refreshing'],
        to: ['reauthRequired'],
        then: aged('reauthRequired'),
        emit: [changed],
      }),
    ],
    ClearCredentialLifecycle: [
      { name: 'cleared', from: LEASE_PHASES, to: ['reauthRequired'], then: cleared, emit: [changed] },
    ],
    ReleaseCredentialLifecycle: [
      {
        name: 'kept-for-logins',
        from: HELD,
        when: [hasFlows],
        to: ['reauthRequired'],
        then: cleared,
        emit: [changed],
      },
      { name: 'released', from: LEASE_PHASES, to: ['released'], then: released, emit: [changed] },
    ],
    BeginRelease: [
      leaseRow({
        name: 'draining',
        from: HELD,
        then: slice => ({ ...slice, releaseDraining: true }),
        emit: [changed, flowsCancelled],
      }),
    ],
    Release: [
      {
        name: 'released',
        from: HELD,
        when: [isReleaseDraining, hasNoFlows],
        to: ['released'],
        then: released,
        emit: [changed],
      },
    ],
    RestoreCredentialLifecycle: [
      {
        name: 'restored',
        from: LEASE_PHASES,
        to: [...USABLE, 'reauthRequired'],
        then: restored,
        emit: [changed],
      },
    ],
  },
  follow: {
    AdmitOAuthBrowserFlow: REOPENED,
    AdmitOAuthDeviceFlow: REOPENED,
  },
  invariants: [
    {
      id: 'credentials-have-a-generation',
      text: 'a lease with a credential has a generation of 1 or more, and every count is a whole number',
      holds: ({ lease: s }) =>
        Number.isSafeInteger(s.generation) &&
        s.generation >= (credentialOf(s) === undefined ? 0 : 1) &&
        Number.isSafeInteger(attemptOf(s)) &&
        attemptOf(s) >= 0,
    },
    {
      id: 'only-reauth-lacks-a-credential',
      text: 'a lease that is neither released nor waits for a login has a credential, and its times are numbers',
      holds: ({ lease: s }) => {
        const credential = credentialOf(s)
        if (credential === undefined) return s.phase === 'released' || s.phase === 'reauthRequired'
        return Number.isFinite(credential.publishedAt) && Number.isFinite(credential.expiresAt ?? 0)
      },
    },
  ],
}
