/** Checks the promise about schedules on every step: a firing is due, moves the schedule on, and its input is admitted. */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatInput } from '../inputs.ts'
import { mapGet } from '../persistent-map.ts'
import { admitsWork } from '../regions/guards.ts'
import type { MeerkatState } from '../state.ts'
import type { Transition } from '../step.ts'
import type { Fault } from './explore.ts'

const fault = (text: string): Fault => ({ invariant: 'schedules-fire-in-time', text })

/** What is wrong with a firing that was accepted. */
export function firingFault(
  before: MeerkatState,
  input: MeerkatInput,
  { state: after, effects }: Transition<MeerkatState, MeerkatEffect>,
): Fault | undefined {
  if (input.type !== 'FireSchedule') return undefined
  const entry = mapGet(before.schedules.entries, input.scheduleId)
  if (entry === undefined || entry.paused === true || entry.dueAt > input.at)
    return fault('a schedule passes a time that is not due')
  const next = mapGet(after.schedules.entries, input.scheduleId)
  if (next !== undefined && (!entry.recurring || next.dueAt <= entry.dueAt)) return fault('a schedule does not lead on')
  const fired = effects.filter(effect => effect.type === 'ScheduleFired').length
  const skipped = effects.filter(effect => effect.type === 'ScheduleSkipped').length
  if (fired + skipped !== 1) return fault('a due time neither fires nor is skipped')
  return fired === 1 && !admitsWork(after) ? fault('a schedule fires where its input is not admitted') : undefined
}
