/**
 * The parts of a machine: a runtime, the handles of the sessions registered with it, and what machines of one store
 * share.
 */
import { sharedCredentials } from '../auth/shared.ts'
import { type DefaultSessionClaimRegistry, sharedClaims } from '../handles/session-claim.ts'
import type { Core } from '../session/core.ts'
import { insideOf } from '../session/inside.ts'
import type { Runtime } from '../session/runtime.ts'
import type { Registrations } from '../session/serving/registrations.ts'
import { MachineAuth } from './auth.ts'
import { Entries } from './entries.ts'

export interface Parts {
  readonly runtime: Runtime
  readonly core: Core
  readonly registrations: Registrations
  readonly entries: Entries
  /** Identifies the store. */
  readonly identity: string
  readonly claims: DefaultSessionClaimRegistry
  readonly auth: MachineAuth
}

/**
 * Begins what the machines of one store share, until the runtime has closed. A runtime without a machine does not begin
 * it.
 */
export async function partsOver(runtime: Runtime): Promise<Parts> {
  const { core, registrations } = insideOf(runtime)
  const { clock, ids, sessions, serving } = core
  const sharing = await core.sharing()
  const [claims, credentials] = await Promise.all([sharedClaims(sharing), sharedCredentials(sharing)])
  const auth = new MachineAuth(clock, credentials)
  const entries = new Entries(id => sessions.peek(id), serving, {
    claims,
    authLease: gate => auth.authLeaseHandleBehind(gate),
    newOperation: () => ids.operation(),
  })
  return { runtime, core, registrations, entries, identity: sharing.identity, claims, auth }
}
