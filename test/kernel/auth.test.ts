import { describe, expect, test } from 'vitest'
import {
  type AuthPublicStatus,
  type CredentialIntent,
  type CredentialUseAdmission,
  classifyAuthPublicStatus,
  resolveCredentialUseAdmission,
  resolveOAuthFlowRefusal,
  resolveOAuthLoginDisposition,
  resolveRefreshFailureDisposition,
} from '../../src/kernel/auth/classify.ts'
import type { AuthEffect } from '../../src/kernel/auth/effects.ts'
import { decodeAuthState, encodeAuthState } from '../../src/kernel/auth/encode.ts'
import type { OAuthFlowId } from '../../src/kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../../src/kernel/auth/flows/table.ts'
import type { AuthInput } from '../../src/kernel/auth/inputs.ts'
import type { LeaseInput } from '../../src/kernel/auth/lease/input.ts'
import type { AuthLeasePhase } from '../../src/kernel/auth/lease/state.ts'
import { credentialOf, isDraining, REFRESH_WINDOW_MS } from '../../src/kernel/auth/lease/table.ts'
import { auth } from '../../src/kernel/auth/machine.ts'
import type { AuthState } from '../../src/kernel/auth/state.ts'
import type { RejectionKind } from '../../src/kernel/step.ts'
import { deepFreeze } from './support/deep-freeze.ts'

const EXPIRES_AT = 1_000_000
const flowId = 'st-1' as OAuthFlowId

/** The state after these inputs, each of which has to be accepted. */
function after(inputs: readonly AuthInput[], from: AuthState = auth.initial): AuthState {
  return inputs.reduce((state, input) => {
    const result = auth.step(deepFreeze(state), input)
    if (!result.ok) throw new Error(`${result.context}: ${result.reason}`)
    return result.state
  }, from)
}
function effectsOf(state: AuthState, input: AuthInput): readonly AuthEffect[] {
  const result = auth.step(state, input)
  return result.ok ? result.effects : []
}
/** What becomes of the lease's phase, or how the input is refused. */
function outcome(state: AuthState, input: AuthInput): AuthLeasePhase | RejectionKind {
  const result = auth.step(deepFreeze(state), input)
  return result.ok ? result.state.lease.phase : result.kind
}

const acquire: AuthInput = { type: 'Acquire', publishedAt: 7, expiresAt: EXPIRES_AT }
const expire: AuthInput = { type: 'ObserveCredentialFreshness', now: EXPIRES_AT, windowMs: REFRESH_WINDOW_MS }
const admit: AuthInput = {
  type: 'AdmitOAuthBrowserFlow',
  flowId,
  provider: 'p',
  redirectUri: 'r',
  expiresAt: EXPIRES_AT,
  observedGlobal: 0,
  capacity: OAUTH_FLOW_CAPACITY,
}

const inPhase: Readonly<Record<AuthLeasePhase, AuthState>> = {
  valid: after([acquire]),
  expiring: after([acquire, { type: 'MarkExpiring' }]),
  expired: after([acquire, expire]),
  refreshing: after([acquire, { type: 'BeginRefresh' }]),
  reauthRequired: after([acquire, { type: 'MarkReauthRequired' }]),
  released: after([acquire, { type: 'ReleaseCredentialLifecycle' }]),
}

const leaseInputs: { readonly [Type in LeaseInput['type']]: Extract<LeaseInput, { readonly type: Type }> } = {
  Acquire: { type: 'Acquire', publishedAt: 1 },
  MarkExpiring: { type: 'MarkExpiring' },
  ObserveCredentialFreshness: { type: 'ObserveCredentialFreshness', now: EXPIRES_AT, windowMs: REFRESH_WINDOW_MS },
  BeginRefresh: { type: 'BeginRefresh' },
  CompleteRefresh: { type: 'CompleteRefresh', now: 8, expiresAt: 9 },
  RefreshFailed: { type: 'RefreshFailed', observation: { httpStatus: 503 } },
  MarkReauthRequired: { type: 'MarkReauthRequired' },
  ClearCredentialLifecycle: { type: 'ClearCredentialLifecycle' },
  ReleaseCredentialLifecycle: { type: 'ReleaseCredentialLifecycle' },
  BeginRelease: { type: 'BeginRelease' },
  Release: { type: 'Release' },
  RestoreCredentialLifecycle: {
    type: 'RestoreCredentialLifecycle',
    captured: { phase: 'expired', credential: { publishedAt: 1 }, generation: 1, attempt: 0 },
  },
}
const NO = 'no-matching-transition'
type LeaseRow = Readonly<Record<LeaseInput['type'], AuthLeasePhase | RejectionKind>>
const always = {
  Acquire: 'valid',
  ClearCredentialLifecycle: 'reauthRequired',
  ReleaseCredentialLifecycle: 'released',
  RestoreCredentialLifecycle: 'expired',
} as const
/** Nothing is being refreshed. */
const notRefreshing = { CompleteRefresh: NO, RefreshFailed: NO } as const
/** Nobody asked for a release before. */
const notDraining = { Release: 'guard-rejected' } as const
const leaseTable: Readonly<Record<AuthLeasePhase, LeaseRow>> = {
  valid: {
    ...always,
    ...notRefreshing,
    ...notDraining,
    MarkExpiring: 'expiring',
    ObserveCredentialFreshness: 'expired',
    BeginRefresh: 'refreshing',
    MarkReauthRequired: 'reauthRequired',
    BeginRelease: 'valid',
  },
  expiring: {
    ...always,
    ...notRefreshing,
    ...notDraining,
    MarkExpiring: NO,
    ObserveCredentialFreshness: 'expired',
    BeginRefresh: 'refreshing',
    MarkReauthRequired: 'reauthRequired',
    BeginRelease: 'expiring',
  },
  expired: {
    ...always,
    ...notRefreshing,
    ...notDraining,
    MarkExpiring: NO,
    ObserveCredentialFreshness: 'expired',
    BeginRefresh: 'refreshing',
    MarkReauthRequired: 'reauthRequired',
    BeginRelease: 'expired',
  },
  refreshing: {
    ...always,
    ...notDraining,
    MarkExpiring: NO,
    ObserveCredentialFreshness: 'refreshing',
    BeginRefresh: NO,
    CompleteRefresh: 'valid',
    RefreshFailed: 'expiring',
    MarkReauthRequired: 'reauthRequired',
    BeginRelease: 'refreshing',
  },
  reauthRequired: {
    ...always,
    ...notRefreshing,
    ...notDraining,
    MarkExpiring: NO,
    ObserveCredentialFreshness: 'reauthRequired',
    BeginRefresh: NO,
    MarkReauthRequired: NO,
    BeginRelease: 'reauthRequired',
  },
  released: {
    ...always,
    ...notRefreshing,
    MarkExpiring: NO,
    ObserveCredentialFreshness: 'released',
    BeginRefresh: NO,
    MarkReauthRequired: NO,
    BeginRelease: NO,
    Release: NO,
  },
}

describe('each word about a lease in each phase', () => {
  const cells = (Object.keys(leaseTable) as AuthLeasePhase[]).flatMap(phase =>
    (Object.keys(leaseTable[phase]) as LeaseInput['type'][]).map(
      type => [phase, type, leaseTable[phase][type]] as const,
    ),
  )
  test.each(cells)('%s, %s: %s', (phase, type, expected) => {
    expect(outcome(inPhase[phase], leaseInputs[type])).toBe(expected)
  })
})

describe('freshness', () => {
  const observe = (now: number) =>
    outcome(inPhase.valid, { type: 'ObserveCredentialFreshness', now, windowMs: REFRESH_WINDOW_MS })
  test('a credential is valid up to a minute before it expires, then expiring, and expired at that very time', () => {
    expect(observe(EXPIRES_AT - 60_000)).toBe('valid')
    expect(observe(EXPIRES_AT - 59_999)).toBe('expiring')
    expect(observe(EXPIRES_AT - 1)).toBe('expiring')
    expect(observe(EXPIRES_AT)).toBe('expired')
  })
  test('one without an end is always valid', () => {
    const lasting = after([{ type: 'Acquire', publishedAt: 0 }])
    expect(outcome(lasting, { ...expire, now: Number.MAX_SAFE_INTEGER })).toBe('valid')
  })
  test('one that is fresh is looked at without a word', () => {
    expect(effectsOf(inPhase.valid, { ...expire, now: 0 })).toEqual([])
  })
})

describe('refreshing', () => {
  test('is asked for once, and audited', () => {
    expect(effectsOf(inPhase.expiring, { type: 'BeginRefresh' })).toEqual([
      { type: 'AuthLifecycleChanged', action: 'BeginRefresh', fromPhase: 'expiring', toPhase: 'refreshing' },
      { type: 'WakeRefreshLoop' },
    ])
  })
  test('brings a new generation', () => {
    const { lease } = after([{ type: 'CompleteRefresh', now: 20, expiresAt: 30 }], inPhase.refreshing)
    expect(lease).toEqual({ phase: 'valid', generation: 2, credential: { publishedAt: 20, expiresAt: 30 } })
  })
  test('does not bring a credential that has expired', () => {
    expect(outcome(inPhase.refreshing, { type: 'CompleteRefresh', now: 30, expiresAt: 30 })).toBe('guard-rejected')
  })
  test('that began before a login does not end a refresh that began after it', () => {
    const state = after([acquire, { type: 'BeginRefresh' }], inPhase.refreshing)
    expect(outcome(state, { type: 'CompleteRefresh', now: 1, generation: 1 })).toBe('guard-rejected')
    const observation = { localCredentialUnusable: true }
    expect(outcome(state, { type: 'RefreshFailed', observation, generation: 1 })).toBe('guard-rejected')
    expect(outcome(state, { type: 'CompleteRefresh', now: 1, generation: 2 })).toBe('valid')
  })
  test('that failed for now counts, and keeps the credential', () => {
    const { lease } = after([{ type: 'RefreshFailed', observation: {} }], inPhase.refreshing)
    expect(lease).toMatchObject({ phase: 'expiring', attempt: 1, credential: { expiresAt: EXPIRES_AT } })
  })
  test.each([
    { localCredentialUnusable: true },
    { httpStatus: 401 },
    { httpStatus: 403 },
    ...[
      'invalid_grant',
      'invalid_client',
      'unauthorized_client',
      'invalid_scope',
      'access_denied',
      'permission_denied',
      'expired_token',
    ].map(oauthError => ({ httpStatus: 400, oauthError })),
  ])('that failed for good needs a login: %j', observation => {
    expect(resolveRefreshFailureDisposition(observation)).toBe('reauth-required')
    expect(outcome(inPhase.refreshing, { type: 'RefreshFailed', observation })).toBe('reauthRequired')
  })
  test.each([{}, { httpStatus: 400 }, { httpStatus: 429 }, { httpStatus: 500, oauthError: 'server_error' }])(
    'that failed for now is tried again: %j',
    observation => {
      expect(resolveRefreshFailureDisposition(observation)).toBe('transient')
      expect(outcome(inPhase.refreshing, { type: 'RefreshFailed', observation })).toBe('expiring')
    },
  )
})

describe('letting go', () => {
  const draining = after([acquire, admit, { type: 'BeginRelease' }])
  test('names the logins to call off, waits for them, and then is done', () => {
    const cancel = { type: 'CancelOAuthFlowsForRelease', browser: [flowId], device: [] }
    expect(effectsOf(draining, { type: 'BeginRelease' })).toContainEqual(cancel)
    expect(outcome(draining, { type: 'Release' })).toBe('guard-rejected')
    const ended = after([{ type: 'ExpireOAuthBrowserFlow', flowId }, { type: 'Release' }], draining)
    expect(ended.lease).toEqual({ phase: 'released', generation: 1 })
  })
  test('admits no login meanwhile', () => {
    const another = { ...admit, flowId: 'st-2' as OAuthFlowId } as const
    expect(outcome(draining, another)).toBe('guard-rejected')
    expect(resolveOAuthFlowRefusal(draining, another)).toBe('lifecycle-rejected')
  })
  test('is called off by a new credential', () => {
    const state = after([acquire], draining)
    expect(isDraining(state.lease)).toBe(false)
    expect(outcome(state, { type: 'Release' })).toBe('guard-rejected')
  })
  test('of the credential alone leaves a lease that waits for its logins', () => {
    const { lease, flows } = after([acquire, admit, { type: 'ReleaseCredentialLifecycle' }])
    expect(lease.phase).toBe('reauthRequired')
    expect(credentialOf(lease)).toBeUndefined()
    expect(flows.entries.size).toBe(1)
  })
  test('keeps the count of credentials', () => {
    expect(after([acquire], inPhase.released).lease.generation).toBe(2)
  })
})

describe('logins', () => {
  const use = { flowId, provider: 'p', redirectUri: 'r', now: 0 }
  const started = after([admit])
  test('bring a lease into being that waits for them', () => {
    expect(started.lease).toEqual({ phase: 'reauthRequired', generation: 0, attempt: 0 })
  })
  test.each([
    [{ ...use, provider: 'q' }, 'provider-mismatch'],
    [{ ...use, redirectUri: 's' }, 'redirect-uri-mismatch'],
    [{ ...use, now: EXPIRES_AT }, 'missing'],
    [{ ...use, flowId: 'st-2' as OAuthFlowId }, 'missing'],
  ] as const)('are not consumed by %j: %s', (wrong, refusal) => {
    const input: AuthInput = { type: 'ConsumeOAuthBrowserFlow', ...wrong }
    expect(outcome(started, input)).toBe('guard-rejected')
    expect(resolveOAuthFlowRefusal(started, input as never)).toBe(refusal)
    expect(after([{ type: 'ConsumeOAuthBrowserFlow', ...use }], started).flows.entries.size).toBe(0)
  })
  test('are no more than fit, whatever the caller says', () => {
    const full = { ...admit, observedGlobal: OAUTH_FLOW_CAPACITY, capacity: 1_000_000 } as const
    expect(outcome(auth.initial, full)).toBe('guard-rejected')
    expect(resolveOAuthFlowRefusal(auth.initial, full)).toBe('capacity-exceeded')
  })
  test('on a device are asked about one question at a time, and no process but this one knows of it', () => {
    const { redirectUri: _, ...rest } = admit
    const device = after([
      { ...rest, type: 'AdmitOAuthDeviceFlow' },
      { type: 'BeginOAuthDevicePoll', flowId },
    ])
    expect(outcome(device, { type: 'BeginOAuthDevicePoll', flowId })).toBe('guard-rejected')
    expect(resolveOAuthFlowRefusal(device, { type: 'BeginOAuthDevicePoll', flowId })).toBe('poll-in-progress')
    expect(auth.atRest(device)).toBe(false)
    expect(outcome(decodeAuthState(encodeAuthState(device)), { type: 'BeginOAuthDevicePoll', flowId })).toBe(
      'reauthRequired',
    )
  })
})

describe('what may be done with a credential', () => {
  type Row = Readonly<Record<CredentialIntent, CredentialUseAdmission>>
  const table: Readonly<Record<AuthLeasePhase, Row>> = {
    valid: { use: 'authorized', hold: 'authorized', beginRefresh: 'refresh-required' },
    expiring: { use: 'refresh-required', hold: 'authorized', beginRefresh: 'refresh-required' },
    expired: { use: 'refresh-required', hold: 'refresh-required', beginRefresh: 'refresh-required' },
    refreshing: { use: 'refresh-required', hold: 'authorized', beginRefresh: 'already-refreshing' },
    reauthRequired: { use: 'reauth-required', hold: 'reauth-required', beginRefresh: 'reauth-required' },
    released: { use: 'lease-absent', hold: 'lease-absent', beginRefresh: 'lease-absent' },
  }
  const cells = (Object.keys(table) as AuthLeasePhase[]).flatMap(phase =>
    (Object.keys(table[phase]) as CredentialIntent[]).map(intent => [phase, intent, table[phase][intent]] as const),
  )
  test.each(cells)('%s, %s: %s', (phase, intent, expected) => {
    expect(resolveCredentialUseAdmission(inPhase[phase].lease, intent)).toBe(expected)
  })

  const words: Readonly<Record<AuthLeasePhase, AuthPublicStatus>> = {
    valid: 'valid',
    expiring: 'expiring',
    expired: 'expired',
    refreshing: 'expiring',
    reauthRequired: 'reauth-required',
    released: 'released',
  }
  test.each(Object.entries(words))('%s is shown as %s', (phase, expected) => {
    expect(classifyAuthPublicStatus(inPhase[phase as AuthLeasePhase].lease, true)).toBe(expected)
  })
  test('it shows what is missing or failed', () => {
    expect(classifyAuthPublicStatus(auth.initial.lease, false)).toBe('absent')
    expect(classifyAuthPublicStatus(inPhase.valid.lease, false)).toBe('missing-credential')
    const failed = after([{ type: 'RefreshFailed', observation: {} }], inPhase.refreshing)
    expect(classifyAuthPublicStatus(failed.lease, true)).toBe('refresh-failed')
  })
  test('a login is used as it is only if it is valid, stored, and not to be forced', () => {
    const facts = { lease: inPhase.valid.lease, credentialStored: true, forceRefresh: false, refreshAllowed: true }
    expect(resolveOAuthLoginDisposition(facts)).toBe('use-cached')
    expect(resolveOAuthLoginDisposition({ ...facts, forceRefresh: true })).toBe('refresh-required')
    expect(resolveOAuthLoginDisposition({ ...facts, credentialStored: false })).toBe('refresh-required')
    const stale = { ...facts, lease: inPhase.expiring.lease }
    expect(resolveOAuthLoginDisposition(stale)).toBe('refresh-required')
    expect(resolveOAuthLoginDisposition({ ...stale, refreshAllowed: false })).toBe('refresh-disallowed')
  })
})

describe('a snapshot', () => {
  test('brings everything back that is not of the process', () => {
    for (const state of [...Object.values(inPhase), after([acquire, admit, { type: 'BeginRelease' }])])
      expect(decodeAuthState(encodeAuthState(state))).toEqual(state)
  })
  test.each([
    ['{', 'no JSON'],
    ['{"v":2}', 'version 2'],
    ['{"v":1,"lease":{"phase":"valid"}}', 'lacks'],
    ['{"v":1,"lease":{"phase":"lost","generation":1},"flows":{"entries":{"%map":[]}}}', 'phase lost'],
    ['{"v":1,"lease":{"phase":"valid","generation":1},"flows":{"entries":{"%map":[]}}}', 'breaks an invariant'],
    ['{"v":1,"lease":{"phase":"released","generation":-1},"flows":{"entries":{"%map":[]}}}', 'breaks an invariant'],
  ])('that is damaged is refused: %s', (text, reason) => {
    expect(() => decodeAuthState(text)).toThrow(reason)
  })
})
