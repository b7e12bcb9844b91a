import type { MeerkatInput } from '../kernel/inputs.ts'
import { type CommitRecord, RECORD_VERSION } from './records.ts'

/** A record of a known version, in the form of the present one. */
export function upcast(record: Omit<CommitRecord, 'v'> & { readonly v: number }): CommitRecord {
  const current = { ...record, v: RECORD_VERSION } as const
  // Version 1 differs from version 2 in its text alone.
  if (record.v >= 3 || record.steps === undefined) return current
  return { ...current, steps: record.steps.map(asBefore3) }
}

/**
 * Version 3 gives passive inputs runs of their own, and lets what waits outlast a stop; a run of an older record took
 * passive ones along, and a stop gave up what waited. Both are replayed so.
 */
function asBefore3(step: MeerkatInput): MeerkatInput {
  switch (step.type) {
    case 'Prepare':
    case 'DrainQueuedRun':
      return { ...step, passives: 'along' }
    case 'StopRuntimeExecutor':
    case 'RuntimeExecutorExited':
      return { ...step, queued: 'abandoned' }
    default:
      return step
  }
}
