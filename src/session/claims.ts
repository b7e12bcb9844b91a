/** What owning sessions comes to in words and numbers. */
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Clock } from '../time.ts'

/** What somebody may take to claim a session that they asked for. */
const TAKING_MS = 5_000

/** Nothing, where the id was taken meanwhile. */
export function onConflict(error: unknown): undefined {
  if (asMeerkatError(error).code !== 'session-conflict') throw error
}

/** Why a copy is let go that another process has claimed. */
export function claimedElsewhere(id: SessionId): MeerkatError {
  return new MeerkatError('not-owner', `session ${id} was claimed by another process`)
}

/** A number from 0 to 1 that differs between owners. */
export function shareOf(owner: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < owner.length; index++) hash = Math.imul(hash ^ owner.charCodeAt(index), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

/** The refusal of everything that comes while the runtime goes away. */
export function closing(): MeerkatError {
  return new MeerkatError('store-unavailable', 'the runtime is closing: ask the next one', { retryable: false })
}

/**
 * Sessions that were given to a process that asked for them: it is about to claim them, and this one must not be faster,
 * unless somebody here asks for them anew.
 */
export class GivenAway {
  readonly #clock: Clock
  readonly #until = new Map<SessionId, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(id: SessionId): void {
    const now = this.#clock.monotonic()
    for (const [known, until] of this.#until) if (until <= now) this.#until.delete(known)
    this.#until.set(id, now + TAKING_MS)
  }

  has(id: SessionId): boolean {
    const until = this.#until.get(id)
    return until !== undefined && this.#clock.monotonic() < until
  }
}
