import type { OAuthFlowId } from '../auth/flows/state.ts'
import type { AuthInput } from '../auth/inputs.ts'
import type { Credential } from '../auth/lease/state.ts'

export interface AuthConfiguration {
  readonly name: string
  /** What is explored, why it is bounded so, and why that is enough. */
  readonly about: string
  readonly inputs: Inputs
}

type Inputs = readonly AuthInput[]

const id = (text: string): OAuthFlowId => text as OAuthFlowId
const BROWSER: readonly OAuthFlowId[] = [id('b0'), id('b1'), id('b2')]
const DEVICE: readonly OAuthFlowId[] = [id('d0'), id('d1')]
/** Every flow of any configuration. */
export const FLOW_IDS: readonly OAuthFlowId[] = [...BROWSER, ...DEVICE]

/** When credentials and flows expire; 50 before that is within the refresh window of 60. */
const EXPIRES_AT = 100
const TIMES = [0, 50, EXPIRES_AT] as const
const LASTING: Credential = { publishedAt: 0 }
const AGING: Credential = { publishedAt: 0, expiresAt: EXPIRES_AT }

/** Everything that can happen to a lease, with credentials that expire and one that never does. */
const lease: Inputs = [
  { type: 'Acquire', ...LASTING },
  { type: 'Acquire', ...AGING },
  { type: 'MarkExpiring' },
  ...TIMES.map(now => ({ type: 'ObserveCredentialFreshness', now, windowMs: 60 }) as const),
  { type: 'BeginRefresh' },
  { type: 'CompleteRefresh', now: 0 },
  { type: 'CompleteRefresh', now: 0, expiresAt: EXPIRES_AT },
  { type: 'CompleteRefresh', now: EXPIRES_AT, expiresAt: EXPIRES_AT },
  { type: 'CompleteRefresh', now: 0, generation: -1 },
  { type: 'RefreshFailed', observation: { httpStatus: 500 } },
  { type: 'RefreshFailed', observation: { httpStatus: 400, oauthError: 'invalid_grant' } },
  { type: 'RefreshFailed', observation: { httpStatus: 401 }, generation: -1 },
  { type: 'MarkReauthRequired' },
  { type: 'ClearCredentialLifecycle' },
  { type: 'ReleaseCredentialLifecycle' },
  { type: 'BeginRelease' },
  { type: 'Release' },
]

const restores: Inputs = (['valid', 'expiring', 'expired', 'refreshing', 'reauthRequired'] as const).flatMap(phase =>
  [LASTING, AGING].map(credential => ({
    type: 'RestoreCredentialLifecycle',
    captured: { phase, credential, generation: 3, attempt: 1 },
  })),
)

const flow = { provider: 'p', expiresAt: EXPIRES_AT }

/** What can happen to a browser flow: by the provider that it was started for and by others, in time and late. */
function browserFlow(flowId: OAuthFlowId, capacity: number): Inputs {
  const admit = { type: 'AdmitOAuthBrowserFlow', flowId, redirectUri: 'r', ...flow, capacity } as const
  const uses = [
    { provider: 'p', redirectUri: 'r', now: 0 },
    { provider: 'p', redirectUri: 'r', now: EXPIRES_AT },
    { provider: 'q', redirectUri: 'r', now: 0 },
    { provider: 'p', redirectUri: 's', now: 0 },
  ]
  return [
    { ...admit, observedGlobal: 0 },
    { ...admit, observedGlobal: capacity },
    { type: 'ConfirmOAuthDurableAdmission', flowId, durableGlobal: capacity, capacity },
    { type: 'ConfirmOAuthDurableAdmission', flowId, durableGlobal: capacity + 1, capacity },
    ...uses.flatMap(
      (use): Inputs => [
        { type: 'VerifyOAuthBrowserFlow', flowId, ...use },
        { type: 'ConsumeOAuthBrowserFlow', flowId, ...use },
      ],
    ),
    { type: 'ExpireOAuthBrowserFlow', flowId },
  ]
}

/** The same for a device flow, and its polls. */
function deviceFlow(flowId: OAuthFlowId, capacity: number): Inputs {
  const uses = [
    { provider: 'p', now: 0 },
    { provider: 'p', now: EXPIRES_AT },
    { provider: 'q', now: 0 },
  ]
  return [
    { type: 'AdmitOAuthDeviceFlow', flowId, ...flow, capacity, observedGlobal: 0 },
    { type: 'ConfirmOAuthDurableAdmission', flowId, durableGlobal: capacity, capacity },
    ...uses.flatMap(
      (use): Inputs => [
        { type: 'VerifyOAuthDeviceFlow', flowId, ...use },
        { type: 'ConsumeOAuthDeviceFlow', flowId, ...use },
      ],
    ),
    { type: 'ExpireOAuthDeviceFlow', flowId },
    { type: 'BeginOAuthDevicePoll', flowId },
    { type: 'FinishOAuthDevicePoll', flowId },
  ]
}

/** Inputs for browser flows that name a device flow. */
const confused: Inputs = [
  { type: 'ConsumeOAuthBrowserFlow', flowId: id('d0'), provider: 'p', redirectUri: 'r', now: 0 },
  { type: 'ExpireOAuthBrowserFlow', flowId: id('d0') },
  { type: 'ConsumeOAuthDeviceFlow', flowId: id('b0'), provider: 'p', now: 0 },
  { type: 'BeginOAuthDevicePoll', flowId: id('b0') },
]

/** Every bounded world. Quick: fewer flows, and still every edge. */
export function authConfigurations(quick: boolean): readonly AuthConfiguration[] {
  const capacity = quick ? 2 : 4
  const browser = BROWSER.slice(0, quick ? 1 : 3)
  const device = DEVICE.slice(0, quick ? 1 : 2)
  return [
    {
      name: 'auth-lease',
      about:
        'A lease without logins: every word about it in every phase, with a credential that expires and one that never ' +
        'does, and every lifecycle that can be put back. Generations are not bounded: no guard reads more than whether ' +
        'two are equal.',
      inputs: [...lease, ...restores],
    },
    {
      name: 'auth-logins',
      about:
        `A lease with logins under way in ${browser.length} browsers and on ${device.length} devices, of which ` +
        `${capacity} fit: right words, wrong ones, late ones, and those of another kind, while the lease does all it can.`,
      inputs: [
        ...lease,
        ...browser.flatMap(flowId => browserFlow(flowId, capacity)),
        ...device.flatMap(flowId => deviceFlow(flowId, capacity)),
        ...confused,
      ],
    },
  ]
}
