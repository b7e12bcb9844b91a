/** Credentials in each phase. */

import type { OAuthFlowId } from '../../../src/kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../../../src/kernel/auth/flows/table.ts'
import type { AuthInput } from '../../../src/kernel/auth/inputs.ts'
import type { AuthLeasePhase } from '../../../src/kernel/auth/lease/state.ts'
import { auth } from '../../../src/kernel/auth/machine.ts'
import type { AuthState } from '../../../src/kernel/auth/state.ts'
import { deepFreeze } from '../support/deep-freeze.ts'

const EXPIRES_AT = 1_000_000

/** What a login says of itself, whichever way it goes. */
export const admits = (id: string) => ({
  flowId: id as OAuthFlowId,
  provider: 'p',
  expiresAt: EXPIRES_AT,
  observedGlobal: 0,
  capacity: OAUTH_FLOW_CAPACITY,
})

/** A credential after these. */
export function leaseAfter(...prepared: readonly AuthInput[]): { readonly state: AuthState } {
  const inputs: readonly AuthInput[] = [{ type: 'Acquire', publishedAt: 0, expiresAt: EXPIRES_AT }, ...prepared]
  const state = inputs.reduce((before, input) => {
    const result = auth.step(deepFreeze(before), input)
    if (!result.ok) throw new Error(`${result.context}: ${result.reason}`)
    return result.state
  }, auth.initial)
  return { state }
}

/** The same in each phase; what is released has no login. */
export function leasesAfter(...prepared: readonly AuthInput[]): Record<AuthLeasePhase, { readonly state: AuthState }> {
  return {
    valid: leaseAfter(...prepared),
    expiring: leaseAfter(...prepared, { type: 'MarkExpiring' }),
    expired: leaseAfter(...prepared, { type: 'ObserveCredentialFreshness', now: EXPIRES_AT, windowMs: 0 }),
    refreshing: leaseAfter(...prepared, { type: 'BeginRefresh' }),
    reauthRequired: leaseAfter(...prepared, { type: 'MarkReauthRequired' }),
    released: leaseAfter({ type: 'ReleaseCredentialLifecycle' }),
  }
}
