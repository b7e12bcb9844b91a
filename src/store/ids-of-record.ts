/** The ids that a record introduces, so that an index can be built, or removed, from the log alone. */
import type { CommitRecord } from './records.ts'
import type { LocatedId } from './store.ts'

export function idsOf(record: CommitRecord): readonly LocatedId[] {
  const { letters = [], inputs = [], steps = [], schedules = [], operations = [] } = record
  const made = [...inputs, ...schedules, ...operations].map(({ id }): LocatedId => id)
  const runs = steps.flatMap(step => (step.type === 'Prepare' || step.type === 'DrainQueuedRun' ? [step.runId] : []))
  return [...letters, ...made, ...runs]
}
