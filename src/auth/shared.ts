/** The credentials that all runtimes of a store share, with the logins under way. */
import type { Registry } from '../store/registry.ts'
import type { StoreSharing } from '../store/sharing.ts'
import { AuthLeaseHandle } from './lease.ts'
import { AuthMachines } from './machines.ts'
import { OAuthFlowHandle } from './oauth-flow.ts'
import type { DurableOAuthFlows, OAuthFlowStore } from './oauth-flow-records.ts'
import { AuthRefreshCoordinator } from './refresh.ts'

export interface SharedCredentials {
  readonly machines: AuthMachines
  readonly leases: AuthLeaseHandle
  readonly refreshes: AuthRefreshCoordinator<string>
  readonly flows: OAuthFlowHandle
}

const known = new WeakMap<StoreSharing, Promise<SharedCredentials>>()

/** The same object for every caller of this store. */
export function sharedCredentials(sharing: StoreSharing): Promise<SharedCredentials> {
  const begun = known.get(sharing) ?? begin(sharing)
  known.set(sharing, begun)
  // After a failure, the next call tries again.
  begun.catch(() => known.delete(sharing))
  return begun
}

async function begin({ shared, clock, join }: StoreSharing): Promise<SharedCredentials> {
  const machines = new AuthMachines({ shared })
  const leases = new AuthLeaseHandle({ machines, clock })
  const flows = new OAuthFlowHandle({ machines, store: flowsIn(shared.registry), clock })
  await join(machines)
  return { machines, leases, refreshes: new AuthRefreshCoordinator({ leases, clock }), flows }
}

const FLOWS_KEY = 'oauth-flows'

/** Logins under way, in one entry, whose version is the revision. Their secrets are sealed before they come here. */
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
