/** What the inputs and phases of a credential's machine mean, for its pages. One without its line does not compile. */
import type { AuthInput } from '../../src/kernel/auth/inputs.ts'
import type { AuthLeasePhase } from '../../src/kernel/auth/lease/state.ts'

export const AUTH_INPUTS: Readonly<Record<AuthInput['type'], string>> = {
  // lease
  Acquire: 'a login or a provisioned key put a new credential in place; a release that was draining is called off',
  MarkExpiring: 'the credential is to be refreshed, whatever time it has left',
  ObserveCredentialFreshness: 'the credential is compared with the clock: it may expire soon, or have expired',
  BeginRefresh: 'one process begins to refresh the credential; no other may until it is done',
  CompleteRefresh: 'the refresh brought a new credential',
  RefreshFailed: 'the refresh failed; the answer of the authorization server says whether to try again or to log in',
  MarkReauthRequired: 'the credential does not work any more: only a new login helps',
  ClearCredentialLifecycle: 'the credential was deleted; sessions still want one, so a login is needed',
  ReleaseCredentialLifecycle: 'the credential was deleted; its lease ends too, unless a login is under way',
  BeginRelease: 'the lease is to end: no new login may begin, and those under way are called off',
  Release: 'ends the lease whose release began, once no login is under way',
  RestoreCredentialLifecycle: 'puts a lifecycle back that was recorded earlier, for example by another process',
  // flows
  AdmitOAuthBrowserFlow: 'a login in a browser begins, for one provider and one redirect URI',
  VerifyOAuthBrowserFlow: 'asks whether a login in a browser could be completed now; changes nothing',
  ConsumeOAuthBrowserFlow: 'completes a login in a browser: it can’t be used a second time',
  ExpireOAuthBrowserFlow: 'a login in a browser ended without a credential: it was called off, or its time is over',
  AdmitOAuthDeviceFlow: 'a login with a code on another device begins, for one provider',
  VerifyOAuthDeviceFlow: 'asks whether a login on another device could be completed now; changes nothing',
  ConsumeOAuthDeviceFlow: 'completes a login on another device: it can’t be used a second time',
  ExpireOAuthDeviceFlow: 'a login on another device ended without a credential: it was called off, or its time is over',
  ConfirmOAuthDurableAdmission:
    'a new login is in the store; there must not be too many of them in all processes together',
  // polls
  BeginOAuthDevicePoll: 'the authorization server is about to be asked whether the person has entered the code',
  FinishOAuthDevicePoll: 'the authorization server answered, or the question failed',
}

export const AUTH_PHASES: { readonly lease: Readonly<Record<AuthLeasePhase, string>> } = {
  lease: {
    valid: 'there is a credential, and it may be used',
    expiring: 'the credential may be used, and should be refreshed: it expires soon, or a refresh failed',
    expired: 'the credential is too old to be used; a refresh may still replace it',
    refreshing: 'one process is replacing the credential by a newer one',
    reauthRequired: 'no usable credential, and no refresh can help: a person has to log in',
    released: 'there is no credential and none is wanted',
  },
}
