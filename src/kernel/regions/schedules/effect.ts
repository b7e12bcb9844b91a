/** The effects of the region `schedules`. */
import type { InputId, ScheduleId } from '../../ids.ts'

/** Effects about schedules. */
export type ScheduleEffect =
  /** The runtime has to accept the input in the same transaction. `replaces`: the previous, unfinished input. */
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

/** Why a schedule ended. */
export type ScheduleEnd =
  /** It has no due time left. */
  | 'done'
  | 'cancelled'
  | 'retired'
  | 'destroyed'
  | 'unregistered'
  /** The session was registered under another id. */
  | 'new-identity'
