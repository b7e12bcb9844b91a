/** Writes and reads the slice `schedules`. */
import { mapOf } from '../../persistent-map.ts'
import type { Codec } from '../../region.ts'
import { type ScheduleEntry, type Schedules, schedulesOf } from './state.ts'

export const schedulesCodec: Codec<Schedules> = { encode: schedulesOf, decode: decodeSchedules }

function decodeSchedules(entries: readonly ScheduleEntry[]): Schedules {
  return { entries: mapOf(entries.map(entry => [entry.id, entry] as const)) }
}
