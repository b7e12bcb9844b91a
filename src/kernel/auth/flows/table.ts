/**
 * Logins under way: OAuth flows in a browser or on a device, each with the provider and the redirect it was started for.
 *
 * Enforces: a flow is consumed once, in time, and by exactly the provider and redirect it was started for; what does not
 * match leaves it usable; there are never more than the capacity; none begins while the lease is being released.
 */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import type { AuthRegion } from '../auth-region.ts'
import type { AuthLeasePhase } from '../lease/state.ts'
import { HELD, isDraining, LEASE_PHASES } from '../lease/table.ts'
import type { AuthFacts } from '../state.ts'
import type { FlowsEffect, OAuthFlowKind } from './effect.ts'
import type { Admission, BrowserUse, FlowsInput, OfFlow, Use } from './input.ts'
import type { Flows, OAuthFlow, OAuthFlowId } from './state.ts'

/** The most flows there may be, of one lease and of all together. */
export const OAUTH_FLOW_CAPACITY = 1024
/** How long a login in a browser may take, ms. */
export const OAUTH_BROWSER_FLOW_TTL_MS = 600_000

/** The flow of this id and kind, if it is under way. */
export function flowOf({ flows: s }: AuthFacts, { flowId }: OfFlow, kind: OAuthFlowKind): OAuthFlow | undefined {
  const flow = mapGet(s.entries, flowId)
  return flow?.kind === kind ? flow : undefined
}

export function notReleaseDraining({ lease }: AuthFacts): boolean {
  return !isDraining(lease)
}
export function isNewFlow({ flows: s }: AuthFacts, { flowId }: OfFlow): boolean {
  return mapGet(s.entries, flowId) === undefined
}
export function isAdmittedFlow({ flows: s }: AuthFacts, { flowId }: OfFlow): boolean {
  return mapGet(s.entries, flowId) !== undefined
}
export function isBrowserFlow(state: AuthFacts, input: OfFlow): boolean {
  return flowOf(state, input, 'browser') !== undefined
}
export function isDeviceFlow(state: AuthFacts, input: OfFlow): boolean {
  return flowOf(state, input, 'device') !== undefined
}
const limit = (capacity: number): number => Math.min(capacity, OAUTH_FLOW_CAPACITY)
export function leaseHasRoom({ flows: s }: AuthFacts, { capacity }: Admission): boolean {
  return s.entries.size < limit(capacity)
}
export function globalHasRoom(_: AuthFacts, { observedGlobal, capacity }: Admission): boolean {
  return observedGlobal < limit(capacity)
}
export function durableHasRoom(
  _: AuthFacts,
  { durableGlobal, capacity }: { readonly durableGlobal: number; readonly capacity: number },
): boolean {
  return durableGlobal <= limit(capacity)
}
export function isInTime({ flows: s }: AuthFacts, { flowId, now }: Use): boolean {
  const expiresAt = mapGet(s.entries, flowId)?.expiresAt
  return expiresAt !== undefined && now < expiresAt
}
export function providerMatches({ flows: s }: AuthFacts, { flowId, provider }: Use): boolean {
  return mapGet(s.entries, flowId)?.provider === provider
}
export function redirectUriMatches(state: AuthFacts, input: BrowserUse): boolean {
  const flow = flowOf(state, input, 'browser')
  return flow?.kind === 'browser' && flow.redirectUri === input.redirectUri
}

const add = (slice: Flows, id: OAuthFlowId, flow: OAuthFlow): Flows => ({ entries: mapSet(slice.entries, id, flow) })
function admitBrowser(slice: Flows, input: Extract<FlowsInput, { readonly type: 'AdmitOAuthBrowserFlow' }>): Flows {
  const { flowId, provider, redirectUri, expiresAt } = input
  return add(slice, flowId, { kind: 'browser', provider, redirectUri, expiresAt })
}
function admitDevice(slice: Flows, { flowId, provider, expiresAt }: Admission): Flows {
  return add(slice, flowId, { kind: 'device', provider, expiresAt })
}
const remove = (slice: Flows, { flowId }: OfFlow): Flows => ({ entries: mapDelete(slice.entries, flowId) })
const say =
  <Type extends FlowsEffect['type']>(type: Type, kind: OAuthFlowKind) =>
  (_: AuthFacts, { flowId }: OfFlow) => ({ type, kind, flowId })

const ADMISSION = [notReleaseDraining, isNewFlow, leaseHasRoom, globalHasRoom]
const BROWSER_USE = [isBrowserFlow, isInTime, providerMatches, redirectUriMatches]
const DEVICE_USE = [isDeviceFlow, isInTime, providerMatches]

/** Rows that admit a flow. The first login of a released lease reopens it. */
const admission = <Input extends Admission>(then: (slice: Flows, input: Input) => Flows, kind: OAuthFlowKind) => {
  const row = { when: ADMISSION, then, emit: [say('OAuthFlowAdmitted', kind)] }
  return [
    { name: 'admitted', from: HELD, ...row },
    { name: 'reopened', from: ['released'] as const, to: ['reauthRequired'] as const, ...row },
  ]
}

/** Rows that cancel a flow. Cancelling one that is gone succeeds, because the caller's wish is met. */
const expiry = (kind: OAuthFlowKind, isKnown: typeof isBrowserFlow) => [
  { name: 'expired', from: HELD, when: [isKnown], then: remove, emit: [say('OAuthFlowExpired', kind)] },
  { name: 'absent', from: LEASE_PHASES },
]

export const flows: AuthRegion<'flows', AuthLeasePhase> = {
  name: 'flows',
  about: 'Logins under way, what each was started for, and until when it may be completed.',
  initial: { entries: emptyMap() },
  phaseOf: state => state.lease.phase,
  phases: LEASE_PHASES,
  on: {
    AdmitOAuthBrowserFlow: admission(admitBrowser, 'browser'),
    VerifyOAuthBrowserFlow: [{ name: 'verified', from: HELD, when: BROWSER_USE }],
    ConsumeOAuthBrowserFlow: [
      {
        name: 'consumed',
        from: HELD,
        when: BROWSER_USE,
        then: remove,
        emit: [say('OAuthFlowConsumed', 'browser')],
      },
    ],
    ExpireOAuthBrowserFlow: expiry('browser', isBrowserFlow),
    AdmitOAuthDeviceFlow: admission(admitDevice, 'device'),
    VerifyOAuthDeviceFlow: [{ name: 'verified', from: HELD, when: DEVICE_USE }],
    ConsumeOAuthDeviceFlow: [
      {
        name: 'consumed',
        from: HELD,
        when: DEVICE_USE,
        then: remove,
        emit: [say('OAuthFlowConsumed', 'device')],
      },
    ],
    ExpireOAuthDeviceFlow: expiry('device', isDeviceFlow),
    ConfirmOAuthDurableAdmission: [
      { name: 'confirmed', from: HELD, when: [isAdmittedFlow, notReleaseDraining, durableHasRoom] },
    ],
  },
  follow: {},
  invariants: [
    {
      id: 'flows-have-an-end',
      text: 'every login under way has a time at which it ends',
      holds: s => [...mapValues(s.flows.entries)].every(flow => Number.isFinite(flow.expiresAt)),
    },
    {
      id: 'flows-fit',
      text: 'a lease has no more logins under way than the capacity',
      holds: s => s.flows.entries.size <= OAUTH_FLOW_CAPACITY,
    },
  ],
}
