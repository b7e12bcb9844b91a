/** Awaits a store's answer and reports to the observer how long it took. */
import { asMeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { type RuntimeObserver, tell } from '../observer.ts'
import type { CommitRecord } from '../store/records.ts'
import type { Clock } from '../time.ts'

export async function timed<T>(
  whom: { readonly observer: RuntimeObserver; readonly clock: Clock; readonly sessionId: SessionId },
  record: CommitRecord,
  answer: Promise<T>,
): Promise<T> {
  const { observer, clock, sessionId } = whom
  const since = clock.monotonic()
  const fact = () => ({
    sessionId,
    durationMs: Math.round(clock.monotonic() - since),
    bytes: JSON.stringify(record).length,
  })
  try {
    const value = await answer
    tell(observer, 'committed', fact)
    return value
  } catch (error) {
    tell(observer, 'committed', () => ({ ...fact(), failed: asMeerkatError(error).code }))
    throw error
  }
}
