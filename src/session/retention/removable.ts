import { unfinishedCount } from '../../kernel/regions/endings/table.ts'
import { completionsUntold } from '../../kernel/runnable.ts'
import type { MeerkatState } from '../../kernel/state.ts'
import type { SessionSummary } from '../../store/store.ts'
import type { RetentionPolicy } from './policy.ts'

/** Whether the session's head allows its removal: a cheap question that rules most sessions out. */
export function looksRemovable(summary: SessionSummary, policy: RetentionPolicy, now: number): boolean {
  const keptMs = keptFor(summary.phase, policy)
  return (
    keptMs !== undefined && summary.updatedAt + keptMs <= now && summary.unfinished === 0 && summary.dueAt === undefined
  )
}

/**
 * Whether nothing is unfinished: no input, run, call, operation or schedule, and nothing that the session has to be
 * told.
 */
export function isSpent(state: MeerkatState): boolean {
  const { lifecycle, run, calls, operations, schedules } = state
  const over = lifecycle.phase === 'destroyed' || lifecycle.phase === 'retired'
  return (
    over &&
    run.phase === 'none' &&
    unfinishedCount(state) === 0 &&
    calls.open.size === 0 &&
    operations.active === 0 &&
    schedules.entries.size === 0 &&
    completionsUntold(state) === undefined
  )
}

function keptFor(phase: string, { destroyedAfterMs, retiredAfterMs }: RetentionPolicy): number | undefined {
  if (phase === 'destroyed') return destroyedAfterMs
  return phase === 'retired' ? retiredAfterMs : undefined
}
