/** What of the slice the explorer tells apart. All of it: their times are compared. */
import { type Schedules, schedulesOf } from './state.ts'

export function schedulesInWords(schedules: Schedules): string {
  return `schedules ${JSON.stringify(schedulesOf(schedules))}`
}
