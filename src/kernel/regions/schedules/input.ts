/** What the region `schedules` decides on. */
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
  /** Changes what is given; the rest stays. */
  | (OfSchedule<'UpdateSchedule'> & {
      readonly dueAt?: number
      readonly recurring?: boolean
      readonly overlap?: ScheduleOverlap
      readonly misfire?: ScheduleMisfire
      readonly paused?: boolean
    })
  | OfSchedule<'CancelSchedule'>
  | FireSchedule

/** The shell's word that it is time. */
export interface FireSchedule {
  readonly type: 'FireSchedule'
  readonly scheduleId: ScheduleId
  /** Now, ms since the epoch. */
  readonly at: number
  /** The input that is accepted if it fires. */
  readonly inputId: InputId
  /** When it is due again; absent: never, and it ends. */
  readonly nextDueAt?: number
  /** Due times, this one included, that passed while nobody could fire it. Absent or 0: this one is in time. */
  readonly missed?: number
  /** Inputs that may be unfinished for it to give one more. Absent: as many as there are. */
  readonly mostUnfinished?: number
}
