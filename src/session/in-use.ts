/** What keeps a session in memory, and what keeps this process from giving it to another one. */
import { meerkat } from '../kernel/machine.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { lostOperations } from '../kernel/regions/operations/state.ts'
import { nextDueAt } from '../kernel/regions/schedules/table.ts'
import { runnable } from '../kernel/runnable.ts'
import type { LiveSession } from './live-session.ts'

/** A session with a timer sooner than this stays loaded. */
const SOON_MS = 60_000

/** Whether the session can leave memory: it owes nothing, and no caller waits for it. */
export function isIdle(live: LiveSession, now: number): boolean {
  const { state } = live
  const dueAt = nextDueAt(state)
  const dueSoon = dueAt !== undefined && dueAt < now + SOON_MS
  const owes = unfinishedCount(state) > 0 || state.operations.active > 0 || dueSoon
  return live.unused && !live.isWaitedFor && !owes && meerkat.atRest(state)
}

/**
 * Whether giving the session to another process would interrupt work here. Work that waits for a resume, a decision
 * or a time can wait under any owner, and callers here go on waiting for it.
 */
export function isAtWork(live: LiveSession): boolean {
  const { state } = live
  const runs = state.run.phase === 'bound' || (live.isServed && runnable(state))
  return !live.unused || runs || lostOperations(state.operations).length > 0 || !meerkat.atRest(state)
}
