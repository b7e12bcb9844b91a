/** Small helpers around claims: the refusals, and how owners share their work. */
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { STORE_CLOSED } from '../store/store-errors.ts'
import type { Clock } from '../time.ts'

/** How long a process that asked for a session may take to claim it. */
const TAKING_MS = 5_000

/** Turns `session-conflict` into undefined: another caller has taken the id meanwhile. */
export function onConflict(error: unknown): undefined {
  if (asMeerkatError(error).code !== 'session-conflict') throw error
}

/** Why this process lets its copy go: another process has claimed the session. */
export function claimedElsewhere(id: SessionId): MeerkatError {
  return new MeerkatError('not-owner', `session ${id} was claimed by another process`)
}

/** A number from 0 to 1 that differs between owners. */
export function shareOf(owner: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < owner.length; index++) hash = Math.imul(hash ^ owner.charCodeAt(index), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

/** The refusal of every call that comes while the runtime closes. */
export function closing(): MeerkatError {
  return new MeerkatError('store-unavailable', 'the runtime is closing: ask the next one', { retryable: false })
}

/**
 * What work of a closing runtime fails with: a store that was closed beneath it, before it did anything, is the runtime's
 * own refusal. The store's words would have the caller open it again.
 */
export async function unlessClosing<T>(leaving: { readonly closing: AbortController }, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const isClosed = error instanceof MeerkatError && error.details?.['cause'] === STORE_CLOSED
    throw isClosed && leaving.closing.signal.aborted ? closing() : error
  }
}

/**
 * Sessions that this process has given to another one that asked for them. The other is about to claim them, so this
 * process waits with taking them up, unless a caller here asks for one again.
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
