/** A session on its way into a store: there, claimed, and nobody's to run before it is whole. */
import { MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { PARTIAL, type Store } from '../store/store.ts'

/** Phase in the head of one that is all there, while its source may still be. */
export const ARRIVED = 'moving'

export function isArriving(phase: string): boolean {
  return phase === PARTIAL || phase === ARRIVED
}

/**
 * Removes what is left of an import or a removal that was cut short. `not-owner` while it is under way; what became whole
 * meanwhile stays.
 */
export async function clearRemains(store: Store, sessionId: SessionId, owner: string): Promise<void> {
  if ((await store.session(sessionId))?.phase !== PARTIAL) return
  const claim = await store.claim(sessionId, owner)
  // Its importer may have been about to finish it.
  if ((await store.session(sessionId))?.phase === PARTIAL) await store.remove(claim)
  else await store.release(claim)
}

/** The same for everything in the store that was cut short. */
export async function clearAllRemains(store: Store, owner: string): Promise<void> {
  for (let after: SessionId | undefined; ; ) {
    const found = await store.sessions({ phase: PARTIAL, limit: PAGE, ...(after && { after }) })
    // One that is under way is somebody else's.
    for (const { id } of found) await clearRemains(store, id, owner).catch(() => {})
    after = found.at(-1)?.id
    if (found.length < PAGE) return
  }
}

const PAGE = 100

export function notWhole(sessionId: string): MeerkatError {
  return new MeerkatError(
    'not-ready',
    `session ${sessionId} is not all there: it is being imported, moved or removed, or that was cut short; do it again`,
    { details: { sessionId } },
  )
}
