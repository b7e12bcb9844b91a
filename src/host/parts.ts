/**
 * The parts of a machine: a runtime, the handles of the sessions registered with it, and what machines of one store
 * share.
 */
import { closing } from '../session/claims.ts'
import type { Core } from '../session/core.ts'
import { insideOf } from '../session/inside.ts'
import type { Runtime } from '../session/runtime.ts'
import type { Registrations } from '../session/serving/registrations.ts'
import { MachineAuth } from './auth.ts'
import { Entries } from './entries.ts'
import { identityOf, type SharedByStore, sharedBy } from './shared.ts'

export interface Parts {
  readonly runtime: Runtime
  readonly core: Core
  readonly registrations: Registrations
  readonly entries: Entries
  /** Identifies the store. */
  readonly identity: string
  readonly shared: SharedByStore
  readonly auth: MachineAuth
}

/**
 * Begins what the machines of one store share, until the runtime has closed. A runtime without a machine does not begin
 * it.
 */
export async function partsOver(runtime: Runtime): Promise<Parts> {
  const { core, registrations } = insideOf(runtime)
  const { place, store, clock, ids, sessions, serving } = core
  const identity = identityOf(place, store)
  const isClosed = (): boolean => core.closing.signal.aborted
  if (isClosed()) throw closing()
  const { shared, release } = await sharedBy(identity, place, clock)
  if (isClosed()) {
    await release()
    throw closing()
  }
  core.afterClose.push(release)
  const auth = new MachineAuth(clock, shared)
  const entries = new Entries(id => sessions.peek(id), serving, {
    claims: shared.claims,
    authLease: gate => auth.authLeaseHandleBehind(gate),
    newOperation: () => ids.operation(),
  })
  return { runtime, core, registrations, entries, identity, shared, auth }
}
