import { expect, test } from 'vitest'
import type { OAuthFlowId } from '../../../src/kernel/auth/flows/state.ts'
import type { AuthInput } from '../../../src/kernel/auth/inputs.ts'
import type { AuthLeasePhase } from '../../../src/kernel/auth/lease/state.ts'
import type { PollsInput } from '../../../src/kernel/auth/polls/input.ts'
import { askLeases, leasePhase, type Table } from './ask.ts'
import { admits, leaseAfter, leasesAfter } from './leases.ts'

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const EXAMPLES = {
  BeginOAuthDevicePoll: { type: 'BeginOAuthDevicePoll', flowId: 'idle' as OAuthFlowId },
  FinishOAuthDevicePoll: { type: 'FinishOAuthDevicePoll', flowId: 'asked' as OAuthFlowId },
} as const
/** Two logins, one of which is being asked about. */
const LOGINS: readonly AuthInput[] = [
  { ...admits('idle'), type: 'AdmitOAuthDeviceFlow' },
  { ...admits('asked'), type: 'AdmitOAuthDeviceFlow' },
  { type: 'BeginOAuthDevicePoll', flowId: 'asked' as OAuthFlowId },
]

test('every input in every phase', () => {
  const { BeginOAuthDevicePoll, FinishOAuthDevicePoll } = EXAMPLES
  const sessions = {
    ...leasesAfter(...LOGINS),
    'valid, both asked about': leaseAfter(...LOGINS, BeginOAuthDevicePoll),
    'valid, neither asked about': leaseAfter(...LOGINS, FinishOAuthDevicePoll),
    'valid, without logins': leaseAfter(),
  }
  const held = { BeginOAuthDevicePoll: 'stays', FinishOAuthDevicePoll: 'stays' } as const
  const expected: Table<keyof typeof sessions, PollsInput['type'], AuthLeasePhase> = {
    valid: held,
    expiring: held,
    expired: held,
    refreshing: held,
    reauthRequired: held,
    released: { BeginOAuthDevicePoll: NO, FinishOAuthDevicePoll: 'stays' },
    'valid, both asked about': { BeginOAuthDevicePoll: FALSE, FinishOAuthDevicePoll: 'stays' },
    'valid, neither asked about': { BeginOAuthDevicePoll: 'stays', FinishOAuthDevicePoll: FALSE },
    'valid, without logins': { BeginOAuthDevicePoll: FALSE, FinishOAuthDevicePoll: 'stays' },
  }
  expect(askLeases(leasePhase, sessions, EXAMPLES)).toEqual(expected)
})
