/** Health, derived from the scheduler's own facts: no flag is kept for it. */
import { messageOf } from '../foreign.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import { dueSchedules } from '../kernel/regions/schedules/table.ts'
import { workWaitingSince } from '../kernel/runnable.ts'
import { clockFault } from '../time.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'
import type { Health } from './views.ts'

/** A runnable input that waits longer than this means that the scheduler is stuck. */
const STUCK_MS = 10_000
/** A schedule that is late by more than this is not merely waiting for its turn. */
const LATE_MS = 5_000

export function healthOf({ sessions, store, clock, slots }: Core): Health {
  const all = [...sessions.live]
  const { refusals } = sessions
  const faults: readonly unknown[] = [...all.map(({ driver }) => driver.fault), refusals.fault]
  const fault = faults.find(one => one !== undefined)
  const now = clock.now()
  const waited = all.map(session => ({ ms: waitedFor(session, now), served: session.isServed }))
  const oldestRunnableMs = waited.reduce((most, { ms }) => Math.max(most, ms), 0)
  const stuckMs = waited.reduce((most, { ms, served }) => (served ? Math.max(most, ms) : most), 0)
  const unserved = waited.filter(({ ms, served }) => !served && ms > STUCK_MS).length
  const runs = all.flatMap(session => session.loop.performing ?? [])
  const performing = runs.filter(run => !run.isWaiting)
  const overdue = performing.filter(run => run.overdue).length
  const late = all.reduce((sum, { state }) => sum + dueSchedules(state, clock.now() - LATE_MS).length, 0)
  const clockProblem = clockFault(clock)
  const failing = fault !== undefined
  const reasons = [
    ...(failing ? [`the store refused what it was asked last: ${messageOf(fault)}`] : []),
    ...(refusals.count > 0 ? [letGo(refusals.count)] : []),
    ...(store.trouble === undefined ? [] : [store.trouble]),
    ...(stuckMs > STUCK_MS ? [`an input could run and has waited ${stuckMs} ms`] : []),
    ...(unserved > 0 ? [`${unserved} sessions have inputs that wait for an executor: attach one`] : []),
    ...(overdue > 0 ? [`${overdue} runs are past their deadline`] : []),
    ...(late > 0 ? [`${late} ${late === 1 ? 'schedule is' : 'schedules are'} overdue`] : []),
    ...(clockProblem === undefined ? [] : [`the clock that this runtime was given ${clockProblem}`]),
  ]
  return {
    status: failing ? 'failing' : reasons.length > 0 ? 'degraded' : 'ok',
    reasons,
    oldestRunnableMs,
    sessions: {
      loaded: all.length,
      running: all.filter(session => session.state.run.phase === 'bound').length,
      unfinished: all.reduce((sum, session) => sum + unfinishedCount(session.state), 0),
    },
    loops: {
      performing: performing.length,
      waiting: runs.length - performing.length,
      overdue,
      ...(slots !== undefined && Number.isFinite(slots.total) && { limit: slots.total }),
    },
    schedules: { overdue: late },
    store: { name: store.name, failing, ...(failing && { lastError: messageOf(fault) }) },
  }
}

/** How long runnable work has waited, also where it waits for an executor; 0 if there is none. */
function waitedFor({ state }: LiveSession, now: number): number {
  return Math.max(0, now - (workWaitingSince(state) ?? now))
}

function letGo(count: number): string {
  const whose = count === 1 ? 'a session was let go for that: its' : `${count} sessions were let go for that: their`
  return `${whose} work goes on once the store takes it`
}
