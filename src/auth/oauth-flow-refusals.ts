/** The errors of calls about logins under way. */
import type { MeerkatError } from '../errors.ts'
import type { OAuthFlowRefusal } from '../kernel/auth/classify.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../kernel/auth/flows/table.ts'
import { type OAuthFlowErrorReason, oauthFlowError } from './oauth-flow-records.ts'

/** The part of the id that is enough to find it in a log, and too little to use it. */
export function shownFlow(flowId: OAuthFlowId): string {
  return `${flowId.slice(0, 9)}…`
}

export function missingFlow(flowId: OAuthFlowId): MeerkatError {
  return oauthFlowError(
    'Missing',
    `no login ${shownFlow(flowId)} is under way: it was completed, called off, or took too long`,
  )
}

export function alreadyAdmitted(): MeerkatError {
  return oauthFlowError('DeviceCodeAlreadyAdmitted', 'a login with this device code is under way')
}

/** The machine knows the flow, and its secret can't be read. */
export function secretGone(flowId: OAuthFlowId): MeerkatError {
  const text = `the login ${shownFlow(flowId)} can't be completed: what goes with it is gone; start it again`
  return oauthFlowError('RegistryProjectionMissing', text)
}

/** What each refusal of the machine means to a caller. */
export const FLOW_REFUSALS: Readonly<Record<OAuthFlowRefusal, readonly [OAuthFlowErrorReason, string]>> = {
  missing: ['Missing', 'it was completed, called off, or took too long'],
  'provider-mismatch': ['ProviderMismatch', 'it was started for another provider'],
  'redirect-uri-mismatch': ['RedirectUriMismatch', 'it was started with another redirect'],
  'already-admitted': ['DeviceCodeAlreadyAdmitted', 'one with this device code is under way'],
  'capacity-exceeded': ['CapacityExceeded', `${OAUTH_FLOW_CAPACITY} are under way, which is the most there may be`],
  'poll-in-progress': ['DevicePollInProgress', 'the provider is being asked about it already'],
  'lifecycle-rejected': ['LifecycleRejected', 'the credential is being released, or the process is ending'],
}
