/** What owning sessions comes to in words and numbers. */
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'

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
