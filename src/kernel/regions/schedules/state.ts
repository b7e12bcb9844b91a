/** What the region `schedules` holds. */
import type { InputId, ScheduleId } from '../../ids.ts'
import { mapValues, type PersistentMap } from '../../persistent-map.ts'

/** What a due schedule does while the input before it has not ended. */
export type ScheduleOverlap =
  /** Lets this time pass. */
  | 'skip'
  /** Fires: the inputs wait in their order. */
  | 'queue'
  /** Fires, and its input takes the place of one that still waits. */
  | 'replace'

/** What becomes of due times that passed while nobody could fire them. */
export type ScheduleMisfire =
  /** They are let pass. */
  | 'skip'
  /** One firing stands for all of them. */
  | 'once'
  /** Each fires. */
  | 'all'

export interface ScheduleEntry {
  readonly id: ScheduleId
  /** ms since the epoch */
  readonly dueAt: number
  /** One that does not recur ends with its first firing. */
  readonly recurring: boolean
  readonly overlap: ScheduleOverlap
  readonly misfire: ScheduleMisfire
  /** The input of its newest firing. */
  readonly lastInput?: InputId
  readonly paused?: true
}

export interface Schedules {
  readonly entries: PersistentMap<ScheduleId, ScheduleEntry>
}

/** The session's schedules, by id. */
export function schedulesOf(slice: Schedules): readonly ScheduleEntry[] {
  return [...mapValues(slice.entries)].sort((a, b) => (a.id < b.id ? -1 : 1))
}
