/** The slice of the region `schedules`. */
import type { InputId, ScheduleId } from '../../ids.ts'
import { mapValues, type PersistentMap } from '../../persistent-map.ts'

/** What a due schedule does while its previous input is unfinished. */
export type ScheduleOverlap =
  /** It skips this due time. */
  | 'skip'
  /** It fires; the inputs wait in their order. */
  | 'queue'
  /** It fires, and its input replaces one that still waits. */
  | 'replace'

/** What happens to due times that were missed while no process could fire them. */
export type ScheduleMisfire =
  /** They are skipped. */
  | 'skip'
  /** It fires once for all of them. */
  | 'once'
  /** It fires for each of them. */
  | 'all'

export interface ScheduleEntry {
  readonly id: ScheduleId
  /** ms since the epoch */
  readonly dueAt: number
  /** A schedule that does not recur ends with its first firing. */
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
