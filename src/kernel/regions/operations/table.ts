/**
 * Asynchronous operations: work beside the session's turns, from its registration to its one end.
 *
 * Enforces: an operation whose id a caller has ends exactly once, also when its owner dies (`terminated`); ends are
 * numbered densely; a wait belongs to the run that asked and ends with it. Payloads, outcomes and timestamps are in the
 * records; the state has only what decisions need. The region neither changes the session's phase nor wakes it:
 * `completionBatchDue` (runnable.ts) says which completions are still to be reported.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { isCurrentRun, isRegistered, notDraining } from '../guards.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { RUNNING, SERVED } from '../phases.ts'
import { operationsCodec } from './codec.ts'
import type { OperationsInput } from './input.ts'
import { operationsInWords } from './key.ts'
import type { WithOperation } from './rules.ts'
import * as rules from './rules.ts'
import {
  dropAll,
  dropWait,
  end,
  endWait,
  forget,
  isEnded,
  isUnfinishedOperation,
  lostOperations,
  NO_OPERATIONS,
  type Operations,
  type OperationTerminal,
  putOperation,
  RETAINED_COMPLETIONS,
  type UnfinishedOperation,
  unfinishedOperations,
} from './state.ts'

function register(slice: Operations, input: Extract<OperationsInput, { type: 'RegisterOperation' }>): Operations {
  const { operationId: id, kind, at, displayName } = input
  return putOperation(slice, {
    id,
    kind,
    status: 'provisioning',
    at,
    progress: 0,
    ...(displayName !== undefined && { displayName }),
    ...('source' in input && { source: input.source }),
    ...('resumable' in input && input.resumable === true && { resumable: true }),
  })
}

const change =
  (how: (operation: UnfinishedOperation) => UnfinishedOperation) =>
  (slice: Operations, _: WithOperation, __: CoreFacts, operation: UnfinishedOperation): Operations =>
    putOperation(slice, how(operation))

const endAs =
  (status: OperationTerminal) =>
  (slice: Operations, _: WithOperation, __: CoreFacts, operation: UnfinishedOperation): Operations =>
    endWait(end(slice, operation, status))

function terminate(slice: Operations, operation: UnfinishedOperation): Operations {
  return end(slice, operation, 'terminated')
}
function terminateAll(slice: Operations): Operations {
  return unfinishedOperations(slice).reduce(terminate, slice)
}
function recover(slice: Operations): Operations {
  return dropWait(lostOperations(slice).reduce(terminate, slice))
}

function advance(
  slice: Operations,
  { cursor, through, inputId }: Extract<OperationsInput, { type: 'AdvanceOperationCursor' }>,
): Operations {
  if (through <= slice.cursors[cursor]) return slice
  const cursors = { ...slice.cursors, [cursor]: through }
  return cursor === 'runtimeInjected' && inputId !== undefined
    ? { ...slice, cursors, announcement: inputId }
    : { ...slice, cursors }
}

const aboutOperation = rowsAbout<CoreFacts, Operations, CoreEffect, LifecyclePhase>()
/** A wait ends with the run that asked. */
const endsWait = { then: dropWait }
const ends = (status: OperationTerminal, ended = rules.ended(status)) => ({
  from: SERVED,
  then: endAs(status),
  emit: [ended, rules.satisfiedNow],
})

export const operations: CoreRegion<'operations', LifecyclePhase> = {
  name: 'operations',
  about: 'Work beside the turns: background tools, member children and jobs outside, each to its one end.',
  initial: NO_OPERATIONS,
  codec: operationsCodec,
  key: operationsInWords,
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    RegisterOperation: [
      {
        name: 'registered',
        from: SERVED,
        when: [isRegistered, notDraining, rules.isNewOperation, rules.belowCapacity],
        then: register,
      },
    ],
    StartOperation: [
      aboutOperation({
        name: 'started',
        from: SERVED,
        about: rules.provisioningOperation,
        then: change(entry => ({ ...entry, status: 'running' })),
      }),
    ],
    CompleteOperation: [aboutOperation({ name: 'completed', about: rules.startedOperation, ...ends('completed') })],
    FailOperation: [aboutOperation({ name: 'failed', about: rules.unfinishedOperation, ...ends('failed') })],
    CancelOperation: [aboutOperation({ name: 'cancelled', about: rules.unfinishedOperation, ...ends('cancelled') })],
    AbortOperation: [aboutOperation({ name: 'aborted', about: rules.provisioningOperation, ...ends('aborted') })],
    OperationPeerReady: [
      aboutOperation({
        name: 'ready',
        from: SERVED,
        about: rules.startedOperation,
        when: [rules.expectsPeer, rules.peerNotReady],
        then: change(entry => ({ ...entry, peerReady: true })),
        emit: [rules.peerExposed],
      }),
    ],
    OperationProgress: [
      aboutOperation({
        name: 'progressed',
        from: SERVED,
        about: rules.startedOperation,
        then: change(entry => ({ ...entry, progress: entry.progress + 1 })),
      }),
    ],
    TakeUpOperation: [
      aboutOperation({
        name: 'taken-up',
        from: SERVED,
        about: rules.runningOperation,
        when: [rules.mayBeTakenUp],
        then: change(entry => ({ ...entry, takeUps: (entry.takeUps ?? 0) + 1 })),
      }),
      aboutOperation({
        name: 'given-up',
        about: rules.runningOperation,
        ...ends(
          'failed',
          rules.ended('failed', () => 'crashed-process'),
        ),
      }),
    ],
    OperationLasted: [
      aboutOperation({
        name: 'lasted',
        from: SERVED,
        about: rules.startedOperation,
        then: change(({ takeUps: _, ...entry }) => entry),
      }),
    ],
    RequestOperationRetire: [
      aboutOperation({
        name: 'retiring',
        from: SERVED,
        about: rules.runningOperation,
        then: change(entry => ({ ...entry, status: 'retiring' })),
      }),
    ],
    RetireOperation: [aboutOperation({ name: 'retired', about: rules.startedOperation, ...ends('retired') })],
    TerminateOwnerOperations: [
      {
        name: 'terminated',
        from: SERVED,
        then: slice => endWait(terminateAll(slice)),
        emit: [rules.terminatedByOwner, rules.satisfiedNow],
      },
    ],
    RollbackUnreturnedOperation: [
      aboutOperation({
        name: 'rolled-back',
        from: SERVED,
        about: rules.unfinishedOperation,
        when: [rules.notAwaited],
        then: (slice, _, __, operation) => forget(slice, operation),
        emit: [rules.rolledBack],
      }),
    ],
    WaitAllOperations: [
      {
        name: 'waiting',
        from: RUNNING,
        when: [isCurrentRun, rules.areDistinct, rules.nobodyWaits, rules.areKnown],
        then: (slice, { waitId: id, runId, operationIds }) => endWait({ ...slice, wait: { id, runId, operationIds } }),
        emit: [rules.satisfiedAtOnce],
      },
    ],
    CancelWaitAll: [{ name: 'cancelled', from: RUNNING, when: [rules.isCurrentWait], then: dropWait }],
    AdvanceOperationCursor: [
      {
        name: 'advanced',
        from: SERVED,
        when: [rules.hasHappened],
        then: advance,
      },
    ],
  },
  // A session that stops, retires or is recycled keeps its operations: they go on, and their completions are reported when
  // it admits inputs again. A new epoch ends the operations of the old one.
  lives: { run: { of: 'the wait of the run', ...endsWait } },
  follow: {
    Recover: { then: recover, emit: [rules.ownerLost] },
    'RegisterSession/new': { then: () => NO_OPERATIONS, emit: [rules.ownerRetired] },
    'RegisterSession/after-drain': { then: () => NO_OPERATIONS, emit: [rules.ownerRetired] },
    Reset: {
      then: (slice, _, __, epoch) => (epoch === undefined ? slice : endEpoch(slice)),
      emit: [(after, input, before, epoch) => (epoch === undefined ? [] : rules.ownerRetired(after, input, before))],
    },
    UnregisterSession: {
      then: (slice, _, { registration }) =>
        registration.phase === 'draining' && registration.drain.retainsSnapshot
          ? dropWait(terminateAll(slice))
          : dropAll(terminateAll(slice)),
      emit: [rules.ownerRetired],
    },
    Destroy: {
      then: slice => dropAll(terminateAll(slice)),
      emit: [rules.ownerRetired],
    },
  },
  invariants: [
    {
      id: 'active-counts-unfinished-operations',
      text: 'the active count is the number of operations that have not ended',
      holds: ({ operations: o }) => o.active === [...mapValues(o.entries)].filter(entry => !isEnded(entry)).length,
    },
    {
      id: 'feed-holds-ended-operations',
      text: 'the feed names exactly the ended operations, each by its number, newer than what was dropped',
      holds: ({ operations: o }) => feedAgrees(o),
    },
    {
      id: 'completions-are-bounded',
      text: `no more than ${RETAINED_COMPLETIONS} ended operations are kept`,
      holds: ({ operations: o }) => o.feed.size <= RETAINED_COMPLETIONS,
    },
    {
      id: 'cursors-follow-completions',
      text: 'no reader of the completions is ahead of them',
      holds: ({ operations: { cursors, completions, droppedThrough } }) =>
        Math.max(cursors.agentApplied, cursors.runtimeObserved, cursors.runtimeInjected, droppedThrough) <= completions,
    },
    {
      id: 'wait-belongs-to-the-run',
      text: 'a wait belongs to the bound run and waits for at least one operation that has not ended',
      holds: ({ operations: o, run }) =>
        o.wait === undefined ||
        (run.phase === 'bound' &&
          run.runId === o.wait.runId &&
          o.wait.operationIds.some(id => isUnfinishedOperation(o, id))),
    },
    {
      id: 'peers-are-member-children',
      text: 'only a member child is reached as a peer, and only after it started',
      holds: ({ operations: o }) =>
        unfinishedOperations(o).every(
          ({ peerReady, kind, status }) =>
            peerReady !== true || (kind === 'mob-member-child' && status !== 'provisioning'),
        ),
    },
  ],
}

/** Ends all operations. A waiting run gets their results; the next epoch gets no report of them. */
function endEpoch(slice: Operations): Operations {
  const ended = dropWait(terminateAll(slice))
  const { completions: last } = ended
  return { ...ended, cursors: { agentApplied: last, runtimeObserved: last, runtimeInjected: last } }
}

function feedAgrees(o: Operations): boolean {
  const kept = [...mapValues(o.entries)].filter(isEnded)
  return (
    kept.length === o.feed.size &&
    kept.every(({ id, seq }) => mapGet(o.feed, seq) === id && seq > o.droppedThrough && seq <= o.completions)
  )
}
