/** The inputs that the region `schedules` decides on. */
import type { InputId, ScheduleId } from '../../ids.ts'
import type { ScheduleMisfire, ScheduleOverlap } from './state.ts'

type OfSchedule<Type extends string> = { readonly type: Type; readonly scheduleId: ScheduleId }

export type SchedulesInput =
  | (OfSchedule<'CreateSchedule'> & {
      readonly dueAt: number
      readonly recurring: boolean
      /** Default `skip`. */
      readonly overlap?: ScheduleOverlap
      /** Default `once`. */
      readonly misfire?: ScheduleMisfire
    })
  /** Changes the fields that are present. */
  | (OfSchedule<'UpdateSchedule'> & {
      readonly dueAt?: number
      readonly recurring?: boolean
      readonly overlap?: ScheduleOverlap
      readonly misfire?: ScheduleMisfire
      readonly paused?: boolean
    })
  | OfSchedule<'CancelSchedule'>
  | FireSchedule

/** The runtime reports that the schedule is due. */
export interface FireSchedule {
  readonly type: 'FireSchedule'
  readonly scheduleId: ScheduleId
  /** Now, ms since the epoch. */
  readonly at: number
  /** The input that is accepted if it fires. */
  readonly inputId: InputId
  /** The next due time; absent: the schedule ends. */
  readonly nextDueAt?: number
  /** How many due times, this one included, were missed while no process could fire it. Absent or 0: it is in time. */
  readonly missed?: number
  /** Don't fire if this many inputs are unfinished. Absent: no limit. */
  readonly mostUnfinished?: number
}
