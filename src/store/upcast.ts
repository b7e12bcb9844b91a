/** Records of older releases as this one writes them. */
import type { MeerkatInput } from '../kernel/machine.ts'
import { type CommitRecord, RECORD_VERSION } from './records.ts'

/** A record of a known version, in the form of the present one. */
export function upcast(record: Omit<CommitRecord, 'v'> & { readonly v: number }): CommitRecord {
  const current = { ...record, v: RECORD_VERSION } as const
  // Version 1 differs from version 2 in its text alone.
  if (record.v >= 3 || record.steps === undefined) return current
  return { ...current, steps: record.steps.map(asBefore3) }
}

/** Version 3 gives passive inputs runs of their own; a run of an older record took them along, and is replayed so. */
function asBefore3(step: MeerkatInput): MeerkatInput {
  return step.type === 'Prepare' || step.type === 'DrainQueuedRun' ? { ...step, passives: 'along' } : step
}
