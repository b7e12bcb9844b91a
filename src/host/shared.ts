/**
 * What all machines of one store have in common in this process: the credentials, the logins under way, and who holds the
 * comms identity of a session. It begins with the first of them and ends with the last. What it holds stands in the
 * store's registry, so that other processes have the same.
 */
import { AuthLeaseHandle } from '../handles/auth-lease.ts'
import { AuthMachines } from '../handles/auth-machines.ts'
import { AuthRefreshCoordinator } from '../handles/auth-refresh.ts'
import { OAuthFlowHandle } from '../handles/oauth-flow.ts'
import type { DurableOAuthFlows, OAuthFlowStore } from '../handles/oauth-flow-records.ts'
import { DefaultSessionClaimRegistry } from '../handles/session-claim.ts'
import type { Registry } from '../store/registry.ts'
import type { Store, StoreSource } from '../store/store.ts'
import type { Clock } from '../time.ts'

export interface SharedByStore {
  readonly claims: DefaultSessionClaimRegistry
  readonly machines: AuthMachines
  readonly leases: AuthLeaseHandle
  readonly refreshes: AuthRefreshCoordinator<string>
  readonly flows: OAuthFlowHandle
}

interface Use {
  /** Opened for this alone: whichever machine ends first, it stays. */
  readonly store: Promise<Store>
  readonly shared: Promise<SharedByStore>
  users: number
}

const inUse = new Map<string, Use>()
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
export async function sharedBy(
  identity: string,
  source: StoreSource,
  clock: Clock,
): Promise<{ readonly shared: SharedByStore; readonly release: () => Promise<void> }> {
  const use = inUse.get(identity) ?? newUse(source, clock)
  inUse.set(identity, use)
  use.users++
  let released = false
  const release = async (): Promise<void> => {
    if (released) return
    released = true
    use.users--
    if (use.users > 0) return
    if (inUse.get(identity) === use) inUse.delete(identity)
    await (await use.store).close()
  }
  try {
    return { shared: await use.shared, release }
  } catch (error) {
    await release().catch(() => {})
    throw error
  }
}

function newUse(source: StoreSource, clock: Clock): Use {
  const store = source.open()
  return { store, shared: store.then(({ registry }) => newShared(registry, clock)), users: 0 }
}

function newShared(registry: Registry, clock: Clock): SharedByStore {
  const machines = new AuthMachines()
  const leases = new AuthLeaseHandle({ machines, clock })
  return {
    claims: new DefaultSessionClaimRegistry(),
    machines,
    leases,
    refreshes: new AuthRefreshCoordinator({ leases, clock }),
    flows: new OAuthFlowHandle({ machines, store: flowsIn(registry), clock }),
  }
}

const FLOWS_KEY = 'oauth-flows'

/** Logins under way, in one entry: its version is the revision. Their secrets are sealed before they come here. */
function flowsIn(registry: Registry): OAuthFlowStore {
  return {
    load: async () => {
      const entry = await registry.entry(FLOWS_KEY)
      if (entry === undefined) return { revision: 0, flows: { browser: [], device: [] } }
      return { revision: entry.version, flows: JSON.parse(entry.body) as DurableOAuthFlows }
    },
    compareAndSwap: async (revision, flows) =>
      (await registry.swap(FLOWS_KEY, revision, { body: JSON.stringify(flows) })) !== undefined,
  }
}
