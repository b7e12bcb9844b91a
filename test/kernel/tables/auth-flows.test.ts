import { expect, test } from 'vitest'
import type { FlowsInput } from '../../../src/kernel/auth/flows/input.ts'
import type { OAuthFlowId } from '../../../src/kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../../../src/kernel/auth/flows/table.ts'
import type { AuthLeasePhase } from '../../../src/kernel/auth/lease/state.ts'
import { askLeases, leasePhase, type Table } from './ask.ts'
import { admits, leaseAfter, leasesAfter } from './leases.ts'

type Type = FlowsInput['type']
type Row = Table<'row', Type, AuthLeasePhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const browser = { flowId: 'browser' as OAuthFlowId }
const device = { flowId: 'device' as OAuthFlowId }
const use = { provider: 'p', now: 1 }
const EXAMPLES = {
  AdmitOAuthBrowserFlow: { ...admits('new'), type: 'AdmitOAuthBrowserFlow', redirectUri: 'r' },
  VerifyOAuthBrowserFlow: { type: 'VerifyOAuthBrowserFlow', ...browser, ...use, redirectUri: 'r' },
  ConsumeOAuthBrowserFlow: { type: 'ConsumeOAuthBrowserFlow', ...browser, ...use, redirectUri: 'r' },
  ExpireOAuthBrowserFlow: { type: 'ExpireOAuthBrowserFlow', ...browser },
  AdmitOAuthDeviceFlow: { ...admits('new'), type: 'AdmitOAuthDeviceFlow' },
  VerifyOAuthDeviceFlow: { type: 'VerifyOAuthDeviceFlow', ...device, ...use },
  ConsumeOAuthDeviceFlow: { type: 'ConsumeOAuthDeviceFlow', ...device, ...use },
  ExpireOAuthDeviceFlow: { type: 'ExpireOAuthDeviceFlow', ...device },
  ConfirmOAuthDurableAdmission: {
    type: 'ConfirmOAuthDurableAdmission',
    ...device,
    durableGlobal: 2,
    capacity: OAUTH_FLOW_CAPACITY,
  },
} as const

const held: Row = {
  AdmitOAuthBrowserFlow: 'stays',
  VerifyOAuthBrowserFlow: 'stays',
  ConsumeOAuthBrowserFlow: 'stays',
  ExpireOAuthBrowserFlow: 'stays',
  AdmitOAuthDeviceFlow: 'stays',
  VerifyOAuthDeviceFlow: 'stays',
  ConsumeOAuthDeviceFlow: 'stays',
  ExpireOAuthDeviceFlow: 'stays',
  ConfirmOAuthDurableAdmission: 'stays',
}
/** None of those that are spoken of is under way. */
const unheardOf: Row = {
  ...held,
  VerifyOAuthBrowserFlow: FALSE,
  ConsumeOAuthBrowserFlow: FALSE,
  VerifyOAuthDeviceFlow: FALSE,
  ConsumeOAuthDeviceFlow: FALSE,
  ConfirmOAuthDurableAdmission: FALSE,
}

test('every input in every phase', () => {
  const { AdmitOAuthBrowserFlow, AdmitOAuthDeviceFlow } = EXAMPLES
  const flows = [
    { ...AdmitOAuthBrowserFlow, ...browser },
    { ...AdmitOAuthDeviceFlow, ...device },
  ]
  const sessions = {
    ...leasesAfter(...flows),
    'valid, without logins': leaseAfter(),
    'valid, to be released': leaseAfter(...flows, { type: 'BeginRelease' }),
    'valid, with this login': leaseAfter(...flows, AdmitOAuthBrowserFlow),
  }
  const expected: Table<keyof typeof sessions, Type, AuthLeasePhase> = {
    valid: held,
    expiring: held,
    expired: held,
    refreshing: held,
    reauthRequired: held,
    released: {
      AdmitOAuthBrowserFlow: 'reauthRequired',
      VerifyOAuthBrowserFlow: NO,
      ConsumeOAuthBrowserFlow: NO,
      ExpireOAuthBrowserFlow: 'stays',
      AdmitOAuthDeviceFlow: 'reauthRequired',
      VerifyOAuthDeviceFlow: NO,
      ConsumeOAuthDeviceFlow: NO,
      ExpireOAuthDeviceFlow: 'stays',
      ConfirmOAuthDurableAdmission: NO,
    },
    'valid, without logins': unheardOf,
    'valid, to be released': {
      ...held,
      AdmitOAuthBrowserFlow: FALSE,
      AdmitOAuthDeviceFlow: FALSE,
      ConfirmOAuthDurableAdmission: FALSE,
    },
    'valid, with this login': { ...held, AdmitOAuthBrowserFlow: FALSE, AdmitOAuthDeviceFlow: FALSE },
  }
  expect(askLeases(leasePhase, sessions, EXAMPLES)).toEqual(expected)
})
