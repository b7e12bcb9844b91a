/** Health, read off the scheduler's own facts: no flag is kept for it. */
import { unfinishedInputs } from '../kernel/regions/ledger-entries.ts'
import { runnable } from '../kernel/runnable.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../time.ts'
import type { Health } from './api.ts'
import type { LiveSession } from './live-session.ts'

/** A runnable input older than this is a stuck scheduler. */
const STUCK_MS = 10_000

export function healthOf(live: Iterable<LiveSession>, store: Store, clock: Clock): Health {
  const now = clock.now()
  const counts = { loaded: 0, running: 0, unfinished: 0, performing: 0, overdue: 0 }
  let oldestRunnableMs = 0
  let fault: unknown
  for (const session of live) {
    const { ledger } = session.state
    counts.loaded++
    counts.unfinished += ledger.entries.size
    if (session.state.run.phase === 'bound') counts.running++
    const performing = session.loop?.performing
    if (performing !== undefined) counts.performing++
    if (performing?.overdue === true) counts.overdue++
    if (runnable(session.state)) {
      oldestRunnableMs = Math.max(oldestRunnableMs, now - (unfinishedInputs(ledger)[0]?.at ?? now))
    }
    fault ??= session.driver.fault
  }
  const { loaded, running, unfinished, performing, overdue } = counts
  const reasons = [
    ...(fault === undefined ? [] : [`the store refused the last commit of a session: ${messageOf(fault)}`]),
    ...(oldestRunnableMs > STUCK_MS ? [`an input could run and has waited ${oldestRunnableMs} ms`] : []),
    ...(overdue > 0 ? [`${overdue} runs are past their deadline`] : []),
  ]
  return {
    status: fault !== undefined ? 'failing' : reasons.length > 0 ? 'degraded' : 'ok',
    reasons,
    oldestRunnableMs,
    sessions: { loaded, running, unfinished },
    loops: { performing, overdue },
    store: {
      name: store.name,
      failing: fault !== undefined,
      ...(fault !== undefined && { lastError: messageOf(fault) }),
    },
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
