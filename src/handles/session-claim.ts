/**
 * At most one live comms identity per session, over all processes of a store.
 *
 * 1. Within a process an identity is claimed and released at once.
 * 2. Across processes the store's registry decides: a claim holds its entry, which no other process gets while this one
 *    lives. An identity that another process is known to hold is refused at once; where two claim it in the same
 *    moment, the second hears of it later (`confirmed`, `lost`).
 * 3. A process that was silent for longer than its lease, and was replaced meanwhile, has lost its claims.
 */
import { asMeerkatError } from '../errors.ts'
import { errorOf } from '../foreign.ts'
import type { SessionId } from '../kernel/ids.ts'
import { demandName, MAX_ID_CHARS } from '../names.ts'
import { MAX_TRIES, outrun, type SharedRegistry, type StoreSharing } from '../store/sharing.ts'
import { refuseUnreadable } from '../unreadable.ts'

/** The comms identity of this session is claimed already. */
export class SessionClaimError extends Error {
  override readonly name = 'SessionClaimError'
  readonly kind = 'SessionIdentityInUse'
  readonly sessionId: SessionId

  constructor(sessionId: SessionId) {
    super(`session ${sessionId} has a comms identity in use: release it, or use another session id`)
    this.sessionId = sessionId
  }
}

/** A claimed comms identity; released by `release`, or at the end of a `using` block. */
export interface SessionClaim extends Disposable {
  readonly sessionId: SessionId
  /**
   * Resolves when the store holds the claim. Rejects with `SessionClaimError` where another process was first, and with
   * `store-unavailable` where the store gives no answer; then the claim is released. Await it before using the
   * identity.
   */
  readonly confirmed: Promise<void>
  /** Aborts when another process has the identity: its user has to stop. */
  readonly lost: AbortSignal
  release(): void
}

export interface SessionClaimHandle {
  /** Throws `SessionClaimError`. */
  tryAcquire(sessionId: SessionId): SessionClaim
  /** Releases this process's claim; without one, nothing happens. */
  release(sessionId: SessionId): void
}

interface Held {
  readonly claim: SessionClaim
  readonly lose: (why: unknown) => void
  /** The version of its entry; undefined until the registry holds it. */
  version?: number
}

/** The prefix of the claims' keys in the registry. */
const ENTRIES = 'identity:'

/** The claims of all machines of one store; without a registry, those of one process. */
export class DefaultSessionClaimRegistry implements SessionClaimHandle {
  readonly #shared: SharedRegistry | undefined
  readonly #held = new Map<SessionId, Held>()
  /** What other processes claim, as far as this one knows. */
  #elsewhere: ReadonlySet<string> = new Set()
  /** Changes of entries happen one after another: a release comes before the next claim. */
  #tail: Promise<void> = Promise.resolve()

  constructor(shared?: SharedRegistry) {
    this.#shared = shared
  }

  tryAcquire(sessionId: SessionId): SessionClaim {
    demandName(sessionId, 'the session id', MAX_ID_CHARS)
    if (this.#held.has(sessionId) || this.#elsewhere.has(sessionId)) throw new SessionClaimError(sessionId)
    const lost = new AbortController()
    const confirmed = Promise.withResolvers<void>()
    // A caller may ignore it.
    confirmed.promise.catch(() => {})
    const release = (): void => {
      // A late release must not end the claim that came after.
      if (this.#held.get(sessionId) === held) this.release(sessionId)
    }
    const claim: SessionClaim = {
      sessionId,
      confirmed: confirmed.promise,
      lost: lost.signal,
      release,
      [Symbol.dispose]: release,
    }
    const lose = (why: unknown): void => {
      release()
      confirmed.reject(why)
      lost.abort(why)
    }
    const held: Held = { claim, lose }
    this.#held.set(sessionId, held)
    if (this.#shared === undefined) confirmed.resolve()
    else {
      this.#next(async shared => {
        if (await this.#take(shared, held)) confirmed.resolve()
        // It was released before the registry held it; if it was lost, that has been said.
        else confirmed.reject(new SessionClaimError(sessionId))
      })
    }
    return claim
  }

  release(sessionId: SessionId): void {
    const held = this.#held.get(sessionId)
    if (held === undefined || !this.#held.delete(sessionId)) return
    this.#next(async ({ registry }) => {
      // Refused where another process took it over. If it fails, `look` makes up for it.
      if (held.version !== undefined) await registry.swap(`${ENTRIES}${sessionId}`, held.version).catch(() => undefined)
    })
  }

  /** Reads the store: what other processes claim, and whether this one's claims still stand. */
  async look(): Promise<void> {
    if (this.#shared === undefined) return
    this.#next(async ({ registry, owner }) => {
      const entries = await registry.entries(ENTRIES)
      const mine = new Map<string, { readonly version: number; readonly alive: boolean }>()
      const elsewhere = new Set<string>()
      for (const { key, version, holder } of entries) {
        const id = key.slice(ENTRIES.length)
        if (holder?.owner === owner) mine.set(id, { version, alive: holder.alive })
        else if (holder?.alive === true) elsewhere.add(id)
      }
      this.#elsewhere = elsewhere
      for (const [id, { version }] of mine) {
        if (!this.#held.has(id as SessionId)) await registry.swap(`${ENTRIES}${id}`, version)
      }
      for (const held of this.#held.values()) {
        // Taken over, or dropped because this process was silent for too long.
        const now = mine.get(held.claim.sessionId)
        if (held.version !== undefined && now?.alive !== true) await this.#take({ registry, owner }, held)
      }
    })
    await this.#tail
  }

  /** Writes every release to the store, as far as it answers. */
  async writePending(): Promise<void> {
    await this.#tail
  }

  /** Whether the registry holds this claim now; it is lost where another process has it. */
  async #take({ registry, owner }: SharedRegistry, held: Held): Promise<boolean> {
    const { sessionId } = held.claim
    const key = `${ENTRIES}${sessionId}`
    try {
      for (let tries = 0; this.#held.get(sessionId) === held; tries++) {
        if (tries === MAX_TRIES) throw outrun(key)
        const entry = await registry.entry(key)
        if (entry?.holder?.alive === true && entry.holder.owner !== owner) throw new SessionClaimError(sessionId)
        const version = await registry.swap(key, entry?.version ?? 0, { body: '{}', owner })
        if (version === undefined) continue
        held.version = version
        return true
      }
    } catch (thrown) {
      const error = errorOf(thrown)
      held.lose(error instanceof SessionClaimError ? error : asMeerkatError(error))
    }
    return false
  }

  #next(act: (shared: SharedRegistry) => Promise<unknown>): void {
    const shared = this.#shared
    if (shared === undefined) return
    this.#tail = this.#tail
      .then(() => act(shared))
      .then(
        () => {},
        () => {},
      )
  }
}
refuseUnreadable(DefaultSessionClaimRegistry)

const known = new WeakMap<StoreSharing, Promise<DefaultSessionClaimRegistry>>()

/** The claims of this store: the same object for every caller. */
export function sharedClaims(sharing: StoreSharing): Promise<DefaultSessionClaimRegistry> {
  const begin = async (): Promise<DefaultSessionClaimRegistry> => {
    const claims = new DefaultSessionClaimRegistry(sharing.shared)
    await sharing.join(claims)
    return claims
  }
  const begun = known.get(sharing) ?? begin()
  known.set(sharing, begun)
  // After a failure, the next call tries again.
  begun.catch(() => known.delete(sharing))
  return begun
}
