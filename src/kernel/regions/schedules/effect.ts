/** What leaves the region `schedules`. */
import type { InputId, ScheduleId } from '../../ids.ts'

/** A schedule's way. */
export type ScheduleEffect =
  /** The input is to be accepted in the same transaction. `replaces`: the one before it, which has not ended. */
  | {
      readonly type: 'ScheduleFired'
      readonly scheduleId: ScheduleId
      readonly inputId: InputId
      readonly dueAt: number
      readonly replaces?: InputId
    }
  | {
      readonly type: 'ScheduleSkipped'
      readonly scheduleId: ScheduleId
      readonly dueAt: number
      readonly reason: 'overlap' | 'misfire'
    }
  | { readonly type: 'ScheduleEnded'; readonly scheduleId: ScheduleId; readonly reason: ScheduleEnd }

/** Why a schedule is no more. */
export type ScheduleEnd =
  /** It has no due time left. */
  | 'done'
  | 'cancelled'
  | 'retired'
  | 'destroyed'
  | 'unregistered'
  /** The session was registered anew under another id. */
  | 'new-identity'
