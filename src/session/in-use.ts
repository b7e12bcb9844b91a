/** What keeps a session loaded, and what keeps it from a process that asks for it. */
import { meerkat } from '../kernel/machine.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { lostOperations } from '../kernel/regions/operations/state.ts'
import { nextDueAt } from '../kernel/regions/schedules/table.ts'
import { runnable } from '../kernel/runnable.ts'
import type { LiveSession } from './live-session.ts'

/** A session with a timer nearer than this stays loaded. */
const SOON_MS = 60_000

/** Whether it could be let go without anyone noticing: it owes nothing, and nobody waits for it. */
export function isIdle(live: LiveSession, now: number): boolean {
  const { state } = live
  const dueAt = nextDueAt(state)
  const dueSoon = dueAt !== undefined && dueAt < now + SOON_MS
  const owes = unfinishedCount(state) > 0 || state.operations.active > 0 || dueSoon
  return live.unused && !live.isWaitedFor && !owes && meerkat.atRest(state)
}

/**
 * Whether another owner would break off what goes on here, or get in its way. What waits for something else (a resume, a
 * decision, a time) waits with any owner, and whoever waits for it here goes on waiting.
 */
export function isAtWork(live: LiveSession): boolean {
  const { state } = live
  const runs = state.run.phase === 'bound' || (live.isServed && runnable(state))
  return !live.unused || runs || lostOperations(state.operations).length > 0 || !meerkat.atRest(state)
}
