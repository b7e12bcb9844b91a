/**
 * What all runtimes of one store share in this process, such as credentials and claims of identities. It begins with the
 * first one that needs it and ends with the last. Its data stands in the store's registry, so that other processes have
 * the same.
 */
import { randomUUID } from 'node:crypto'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { Clock } from '../time.ts'
import type { Registry } from './registry.ts'
import type { Store, StoreSource } from './store.ts'

/** After this many lost races the store itself must be at fault. */
export const MAX_TRIES = 32

/** The failure of a change that other processes overtook at every attempt. */
export function outrun(key: string): MeerkatError {
  return new MeerkatError('store-unavailable', `others changed ${key} ${MAX_TRIES} times in a row: ask again`)
}

/** The registry that the processes of a store share, and the name of this process in it. */
export interface SharedRegistry {
  readonly registry: Registry
  readonly owner: string
}

/** Keeps a part of the registry's facts in memory. */
export interface SharedPart {
  /** Reads what other processes changed. */
  readonly look: () => Promise<void>
  /** Sends the store every change that it does not have yet. */
  readonly writePending: () => Promise<void>
}

export interface StoreSharing {
  /** Identifies the store. */
  readonly identity: string
  readonly shared: SharedRegistry
  readonly clock: Clock
  /** Lets this part look now, and whenever the registry may have changed, until all runtimes of the store have closed. */
  readonly join: (part: SharedPart) => Promise<void>
}

interface Use {
  readonly begun: Promise<Begun>
  users: number
}

interface Begun {
  readonly sharing: StoreSharing
  /** Ends everything, and closes the store. */
  readonly end: () => Promise<void>
}

/** How often the store is read although no hint came: no hint tells that a process died. */
const LOOK_EVERY_MS = 1_000

const inUse = new Map<string, Use>()
/** Sources whose stores have no identity. */
const nameless = new WeakMap<StoreSource, string>()
let named = 0

/** Identifies the store, so that two runtimes can be compared. */
export function identityOf(source: StoreSource, store: Store): string {
  const known = store.identity ?? nameless.get(source)
  if (known !== undefined) return known
  named++
  nameless.set(source, `source:${named}`)
  return `source:${named}`
}

/** What the runtimes of this store share. Call `release` once. */
export async function sharingOf(
  identity: string,
  source: StoreSource,
  clock: Clock,
): Promise<{ readonly sharing: StoreSharing; readonly release: () => Promise<void> }> {
  const use = inUse.get(identity) ?? { begun: begin(identity, source, clock), users: 0 }
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
    return { sharing: (await use.begun).sharing, release }
  } catch (error) {
    // The failure that is told is the first one.
    await release().catch(() => {})
    throw error
  }
}

/** Opens the store for this alone: it stays open, whichever runtime ends first. */
async function begin(identity: string, source: StoreSource, clock: Clock): Promise<Begun> {
  const store = await source.open()
  const parts = new Set<SharedPart>()
  const unfollow = follow(store, clock, async () => {
    await Promise.all([...parts].map(part => part.look()))
  })
  const end = async (): Promise<void> => {
    unfollow()
    await Promise.all([...parts].map(part => part.writePending()))
    await store.close()
  }
  const join = async (part: SharedPart): Promise<void> => {
    try {
      await part.look()
    } catch (error) {
      throw asMeerkatError(error)
    }
    parts.add(part)
  }
  return { sharing: { identity, shared: { registry: store.registry, owner: randomUUID() }, clock, join }, end }
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
