/**
 * A session that is being imported or moved into a store: claimed by its importer, and run by no process before it is
 * whole.
 */
import { MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { PARTIAL, type Store } from '../store/store.ts'

/** Phase in the head of a session that has arrived in full, while its source may still exist. */
export const ARRIVED = 'moving'

export function isArriving(phase: string): boolean {
  return phase === PARTIAL || phase === ARRIVED
}

/**
 * Removes what an interrupted import or removal left behind. `not-owner` while its importer is alive; a session that
 * became whole meanwhile stays.
 */
export async function clearRemains(store: Store, sessionId: SessionId, owner: string): Promise<void> {
  if ((await store.session(sessionId))?.phase !== PARTIAL) return
  const claim = await store.claim(sessionId, owner)
  // Asked again under the claim: its importer may have finished it meanwhile.
  if ((await store.session(sessionId))?.phase === PARTIAL) await store.remove(claim)
  else await store.release(claim)
}

/** Does the same for every session in the store whose import or removal was interrupted. */
export async function clearAllRemains(store: Store, owner: string): Promise<void> {
  for (let after: SessionId | undefined; ; ) {
    const found = await store.sessions({ phase: PARTIAL, limit: PAGE, ...(after && { after }) })
    // One whose importer is alive stays.
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
