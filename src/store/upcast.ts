import type { MeerkatInput } from '../kernel/inputs.ts'
import { type CommitRecord, RECORD_VERSION } from './records.ts'

/** A record of a known version, in the form of the present one. */
export function upcast(record: Omit<CommitRecord, 'v'> & { readonly v: number }): CommitRecord {
  const current = { ...record, v: RECORD_VERSION } as const
  // Version 1 differs from version 2 in its text alone.
  if (record.v >= 3 || record.steps === undefined) return current
  return { ...current, steps: record.steps.map(stepBefore3) }
}

/**
 * In version 3 passive inputs have runs of their own, and waiting inputs survive a stop. In older records a run took passive
 * inputs along, and a stop abandoned waiting ones; both are replayed that way.
 */
function stepBefore3(step: MeerkatInput): MeerkatInput {
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
