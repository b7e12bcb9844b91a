/** Faults in what happens beside the turns: operations, and schedules. */
import type { Operations } from '../../../src/kernel/regions/operations/state.ts'
import { type LooseFollow, type Mutant, withFollow, withoutGuard, withoutRows, withRow } from './mutants.ts'

/** Does what it did, and says of no end that it was told. */
const keepingCursors = (follow: LooseFollow): LooseFollow => ({
  ...follow,
  then: (slice, ...known) => ({
    ...(follow.then?.(slice, ...known) as Operations),
    cursors: (slice as Operations).cursors,
  }),
})

export const asyncMutants: readonly Mutant[] = [
  {
    fault: 'an operation that ends and nobody hears of it',
    machine: () => withRow('operations', 'CompleteOperation', 'completed', row => ({ ...row, emit: [] })),
    only: ['owners'],
    caughtBy: 'operations-end-exactly-once',
  },
  {
    fault: 'an operation that dies with its owner and is never heard of again',
    machine: () => withFollow('operations', 'Recover', () => undefined),
    only: ['owners'],
    caughtBy: 'owed-steps-settle',
  },
  {
    fault: 'an operation that survives its session',
    machine: () => withFollow('operations', 'Destroy', () => undefined),
    only: ['owners'],
    caughtBy: 'operations-have-an-owner',
  },
  {
    fault: 'an operation that survives its epoch',
    machine: () => withFollow('operations', 'Reset', () => undefined),
    only: ['owners'],
    caughtBy: 'epochs-end-what-waits-on-them',
  },
  {
    fault: 'an end that the next epoch is told of',
    machine: () => withFollow('operations', 'Reset', keepingCursors),
    only: ['completions'],
    caughtBy: 'epochs-end-what-waits-on-them',
  },
  {
    fault: 'an operation that can not end any more',
    machine: () =>
      withoutRows(
        'operations',
        'CompleteOperation',
        'FailOperation',
        'RetireOperation',
        'RequestOperationRetire',
        'TakeUpOperation',
      ),
    only: ['operations'],
    caughtBy: 'work-reaches-its-end',
  },
  {
    fault: 'a wait that outlives its run',
    machine: () => withFollow('operations', 'Commit', () => undefined),
    only: ['waits'],
    caughtBy: 'wait-belongs-to-the-run',
  },
  {
    fault: 'a wait for an operation that was taken back',
    machine: () => withoutGuard('operations', 'RollbackUnreturnedOperation', 'rolled-back', 'notAwaited'),
    only: ['waits'],
    caughtBy: 'wait-belongs-to-the-run',
  },
  {
    fault: 'a reader ahead of the completions',
    machine: () => withoutGuard('operations', 'AdvanceOperationCursor', 'advanced', 'hasHappened'),
    only: ['operations'],
    caughtBy: 'cursors-follow-completions',
  },
  {
    fault: 'a background tool that is reached as a peer',
    machine: () => withoutGuard('operations', 'OperationPeerReady', 'ready', 'expectsPeer'),
    only: ['operations'],
    caughtBy: 'peers-are-member-children',
  },
  {
    fault: 'completions that are due and can not be told',
    machine: () => withoutRows('operations', 'AdvanceOperationCursor'),
    only: ['completions'],
    caughtBy: 'due-completions-are-told',
  },
  {
    fault: 'completions that a stopped session keeps to itself',
    machine: () => withoutRows('lifecycle', 'Resume'),
    only: ['completions'],
    caughtBy: 'completions-are-told',
  },
  {
    fault: 'a schedule that fires too early',
    machine: () => withoutGuard('schedules', 'FireSchedule', 'fired', 'isDue'),
    only: ['schedules'],
    caughtBy: 'schedules-fire-in-time',
  },
  {
    fault: 'a schedule that fires for the same time again',
    machine: () => withoutGuard('schedules', 'FireSchedule', 'fired', 'leadsOn'),
    only: ['schedules'],
    caughtBy: 'schedules-fire-in-time',
  },
  {
    fault: 'a schedule whose input is given up with a stop that is pending',
    machine: () => withoutGuard('schedules', 'FireSchedule', 'fired', 'admitsWork'),
    only: ['schedules'],
    caughtBy: 'schedules-fire-in-time',
  },
  {
    fault: 'a schedule that is due and never fires',
    machine: () => withoutRows('schedules', 'FireSchedule'),
    only: ['schedules'],
    caughtBy: 'due-schedules-fire',
  },
  {
    fault: 'a schedule of a session that takes nothing in any more',
    machine: () => withFollow('schedules', 'Retire', () => undefined),
    only: ['schedules'],
    caughtBy: 'schedules-need-a-session-that-goes-on',
  },
]
