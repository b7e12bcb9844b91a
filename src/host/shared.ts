/**
 * What all machines of one store have in common in this process: the credentials, the logins under way, and who holds the
 * comms identity of a session. It begins with the first of them and ends with the last.
 */
import { AuthLeaseHandle } from '../handles/auth-lease.ts'
import { AuthMachines } from '../handles/auth-machines.ts'
import { AuthRefreshCoordinator } from '../handles/auth-refresh.ts'
import { OAuthFlowHandle } from '../handles/oauth-flow.ts'
import type { DurableOAuthFlows, OAuthFlowStore } from '../handles/oauth-flow-records.ts'
import { DefaultSessionClaimRegistry } from '../handles/session-claim.ts'
import type { Store, StoreSource } from '../store/store.ts'
import type { Clock } from '../time.ts'

export interface SharedByStore {
  readonly claims: DefaultSessionClaimRegistry
  readonly machines: AuthMachines
  readonly leases: AuthLeaseHandle
  readonly refreshes: AuthRefreshCoordinator<string>
  readonly flows: OAuthFlowHandle
}

const inUse = new Map<string, { readonly shared: SharedByStore; users: number }>()
/** Sources whose stores don't say what they are. */
const nameless = new WeakMap<StoreSource, string>()
let named = 0

/** Which store it is, for whoever wants to know whether another one is the same. */
export function identityOf(source: StoreSource, store: Store): string {
  const known = store.identity ?? nameless.get(source)
  if (known !== undefined) return known
  named++
  nameless.set(source, `source:${named}`)
  return `source:${named}`
}

/** What the machines of this store share. `release` it once. */
export function sharedBy(
  identity: string,
  clock: Clock,
): { readonly shared: SharedByStore; readonly release: () => void } {
  const use = inUse.get(identity) ?? { shared: newShared(clock), users: 0 }
  inUse.set(identity, use)
  use.users++
  let released = false
  const release = (): void => {
    if (released) return
    released = true
    use.users--
    if (use.users === 0) inUse.delete(identity)
  }
  return { shared: use.shared, release }
}

function newShared(clock: Clock): SharedByStore {
  const machines = new AuthMachines()
  const leases = new AuthLeaseHandle({ machines, clock })
  return {
    claims: new DefaultSessionClaimRegistry(),
    machines,
    leases,
    refreshes: new AuthRefreshCoordinator({ leases, clock }),
    flows: new OAuthFlowHandle({ machines, store: inMemory(), clock }),
  }
}

/**
 * Logins under way, for as long as the process lives: their verifiers and device codes are secrets, which no log may keep.
 * Who wants them to outlive it gives an authority with a store where secrets may be kept.
 */
function inMemory(): OAuthFlowStore {
  let kept: DurableOAuthFlows = { browser: [], device: [] }
  let now = 0
  return {
    load: () => Promise.resolve({ revision: now, flows: kept }),
    compareAndSwap: (revision, flows) => {
      if (revision !== now) return Promise.resolve(false)
      kept = flows
      now++
      return Promise.resolve(true)
    },
  }
}
