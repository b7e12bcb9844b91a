/** The slice's part of the explorer's key: all of it, because guards compare the times. */
import { type Schedules, schedulesOf } from './state.ts'

export function schedulesInWords(schedules: Schedules): string {
  return `schedules ${JSON.stringify(schedulesOf(schedules))}`
}
