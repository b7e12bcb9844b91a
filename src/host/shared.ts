/**
 * What all machines of one store share in this process: credentials, logins under way, and claims of comms identities.
 * It begins with the first machine and ends with the last. Its data stands in the store's registry, so that other
 * processes have the same.
 */

import { randomUUID } from 'node:crypto'
import { asMeerkatError } from '../errors.ts'
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
  readonly begun: Promise<Begun>
  users: number
}

interface Begun {
  readonly shared: SharedByStore
  /** Ends everything, and closes the store. */
  readonly end: () => Promise<void>
}

/** How often the store is read although no hint came: no hint tells that a process died. */
const LOOK_EVERY_MS = 1_000

const inUse = new Map<string, Use>()
/** Sources whose stores have no identity. */
const nameless = new WeakMap<StoreSource, string>()
let named = 0

/** Identifies the store, so that two machines can be compared. */
export function identityOf(source: StoreSource, store: Store): string {
  const known = store.identity ?? nameless.get(source)
  if (known !== undefined) return known
  named++
  nameless.set(source, `source:${named}`)
  return `source:${named}`
}

/** What the machines of this store share. Call `release` once. */
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
    await (await use.begun).end()
  }
  try {
    return { shared: (await use.begun).shared, release }
  } catch (error) {
    // The failure that is told is the first one.
    await release().catch(() => {})
    throw error
  }
}

function newUse(source: StoreSource, clock: Clock): Use {
  return { begun: begin(source, clock), users: 0 }
}

/** Opens the store for this alone: it stays open, whichever machine ends first. */
async function begin(source: StoreSource, clock: Clock): Promise<Begun> {
  const store = await source.open()
  const shared = { registry: store.registry, owner: randomUUID() }
  const machines = new AuthMachines({ shared })
  const claims = new DefaultSessionClaimRegistry(shared)
  const leases = new AuthLeaseHandle({ machines, clock })
  const flows = new OAuthFlowHandle({ machines, store: flowsIn(store.registry), clock })
  const look = async (): Promise<void> => {
    await Promise.all([machines.look(), claims.look()])
  }
  try {
    await look()
  } catch (error) {
    await store.close()
    throw asMeerkatError(error)
  }
  const unfollow = follow(store, clock, look)
  const end = async (): Promise<void> => {
    unfollow()
    await Promise.all([machines.writePending(), claims.writePending()])
    await store.close()
  }
  return { shared: { claims, machines, leases, refreshes: new AuthRefreshCoordinator({ leases, clock }), flows }, end }
}

/** Looks when the store gives a hint, and at intervals; one look at a time. */
function follow(store: Store, clock: Clock, look: () => Promise<void>): () => void {
  let looking: Promise<void> | undefined
  let heard = 0
  const lookOn = async (): Promise<void> => {
    for (let seen = 0; seen !== heard; ) {
      seen = heard
      // After a failure of the store the next look asks again.
      await look().catch(() => {})
    }
    looking = undefined
  }
  const hear = (): void => {
    heard += 1
    looking ??= lookOn()
  }
  const unheard = store.onCommit(({ sessionId, about }) => {
    if (about === 'registry' || (about === undefined && sessionId === undefined)) hear()
  })
  let off = (): void => {}
  const plan = (): void => {
    off = clock.after(LOOK_EVERY_MS, () => (hear(), plan()), { background: true })
  }
  plan()
  return () => {
    unheard()
    off()
  }
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
