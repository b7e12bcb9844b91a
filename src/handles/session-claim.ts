/** At most one live comms identity per session. */
import type { SessionId } from '../kernel/ids.ts'
import { refuseUnreadable } from './unreadable.ts'

/** Somebody holds this session's comms identity already. */
export class SessionClaimError extends Error {
  override readonly name = 'SessionClaimError'
  readonly kind = 'SessionIdentityInUse'
  readonly sessionId: SessionId

  constructor(sessionId: SessionId) {
    super(`session ${sessionId} has a comms identity in use: release it, or use another session id`)
    this.sessionId = sessionId
  }
}

/** A comms identity that is held; let go by `release`, or at the end of a `using` block. */
export interface SessionClaim extends Disposable {
  readonly sessionId: SessionId
  release(): void
}

export interface SessionClaimHandle {
  /** Throws `SessionClaimError`. */
  tryAcquire(sessionId: SessionId): SessionClaim
  /** Lets go whoever holds it; again is nothing. */
  release(sessionId: SessionId): void
}

/** The claims of one machine. */
export class DefaultSessionClaimRegistry implements SessionClaimHandle {
  readonly #held = new Map<SessionId, SessionClaim>()

  tryAcquire(sessionId: SessionId): SessionClaim {
    if (this.#held.has(sessionId)) throw new SessionClaimError(sessionId)
    const release = (): void => {
      // A late release must not end the claim of whoever came after.
      if (this.#held.get(sessionId) === claim) this.#held.delete(sessionId)
    }
    const claim: SessionClaim = { sessionId, release, [Symbol.dispose]: release }
    this.#held.set(sessionId, claim)
    return claim
  }

  release(sessionId: SessionId): void {
    this.#held.delete(sessionId)
  }
}
refuseUnreadable(DefaultSessionClaimRegistry)
