/**
 * Asynchronous operations: work beside the session's turns, from its registration to its one end.
 *
 * Enforces: an operation that was handed out ends exactly once, also when its owner dies (`terminated`, never nothing);
 * ends are numbered densely; a wait belongs to the run that asked and is let go with it. Payloads, outcomes and
 * timestamps are in the records; the state holds what is decided by. It never changes the session's phase, and it does
 * not wake anybody: `completionBatchDue` (runnable.ts) says what is still to be told.
 */

import type { CoreRegion } from '../../core.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { isCurrentRun, isRegistered, notDraining } from '../guards.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { RUNNING, SERVED } from '../phases.ts'
import { operationsCodec } from './codec.ts'
import type { OperationsInput } from './input.ts'
import { operationsInWords } from './key.ts'
import { operationEffects, operationGuards, type WithOperation } from './rules.ts'
import {
  dropAll,
  dropWait,
  end,
  forget,
  isEnded,
  isLive,
  lostOperations,
  NO_OPERATIONS,
  type Operations,
  type OperationTerminal,
  putOperation,
  RETAINED_COMPLETIONS,
  settleWait,
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

/** Changes an unfinished operation; the guards know that it is one. */
const change =
  (how: (entry: UnfinishedOperation) => UnfinishedOperation) =>
  (slice: Operations, { operationId }: WithOperation): Operations => {
    const entry = mapGet(slice.entries, operationId)
    return entry === undefined || isEnded(entry) ? slice : putOperation(slice, how(entry))
  }

const endAs =
  (status: OperationTerminal) =>
  (slice: Operations, input: WithOperation): Operations =>
    settleWait(end(slice, input.operationId, status))

function terminateAll(slice: Operations): Operations {
  return unfinishedOperations(slice).reduce((next, { id }) => end(next, id, 'terminated'), slice)
}

function recover(slice: Operations): Operations {
  return dropWait(lostOperations(slice).reduce((next, { id }) => end(next, id, 'terminated'), slice))
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

const effects = operationEffects
const {
  isNewOperation,
  belowCapacity,
  isProvisioning,
  isRunning,
  isUnderWay,
  mayBeTakenUp,
  isUnfinished,
  expectsPeer,
  peerNotReady,
  notAwaited,
  areDistinct,
  areKnown,
  nobodyWaits,
  isCurrentWait,
  hasHappened,
} = operationGuards
/** A wait is let go with the run that asked. */
const endsWait = { then: dropWait }
const ends = (status: OperationTerminal, ended = effects.ended(status)) => ({
  from: SERVED,
  then: endAs(status),
  emit: [ended, effects.satisfiedNow],
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
        when: [isRegistered, notDraining, isNewOperation, belowCapacity],
        then: register,
      },
    ],
    StartOperation: [
      {
        name: 'started',
        from: SERVED,
        when: [isProvisioning],
        then: change(entry => ({ ...entry, status: 'running' })),
      },
    ],
    CompleteOperation: [{ name: 'completed', when: [isUnderWay], ...ends('completed') }],
    FailOperation: [{ name: 'failed', when: [isUnfinished], ...ends('failed') }],
    CancelOperation: [{ name: 'cancelled', when: [isUnfinished], ...ends('cancelled') }],
    AbortOperation: [{ name: 'aborted', when: [isProvisioning], ...ends('aborted') }],
    OperationPeerReady: [
      {
        name: 'ready',
        from: SERVED,
        when: [isUnderWay, expectsPeer, peerNotReady],
        then: change(entry => ({ ...entry, peerReady: true })),
        emit: [effects.peerExposed],
      },
    ],
    OperationProgress: [
      {
        name: 'progressed',
        from: SERVED,
        when: [isUnderWay],
        then: change(entry => ({ ...entry, progress: entry.progress + 1 })),
      },
    ],
    TakeUpOperation: [
      {
        name: 'taken-up',
        from: SERVED,
        when: [isRunning, mayBeTakenUp],
        then: change(entry => ({ ...entry, takeUps: (entry.takeUps ?? 0) + 1 })),
      },
      {
        name: 'given-up',
        when: [isRunning],
        ...ends(
          'failed',
          effects.ended('failed', () => 'crashed-process'),
        ),
      },
    ],
    OperationLasted: [
      {
        name: 'lasted',
        from: SERVED,
        when: [isUnderWay],
        then: change(({ takeUps: _, ...entry }) => entry),
      },
    ],
    RequestOperationRetire: [
      {
        name: 'retiring',
        from: SERVED,
        when: [isRunning],
        then: change(entry => ({ ...entry, status: 'retiring' })),
      },
    ],
    RetireOperation: [{ name: 'retired', when: [isUnderWay], ...ends('retired') }],
    TerminateOwnerOperations: [
      {
        name: 'terminated',
        from: SERVED,
        then: slice => settleWait(terminateAll(slice)),
        emit: [effects.terminatedByOwner, effects.satisfiedNow],
      },
    ],
    RollbackUnreturnedOperation: [
      {
        name: 'rolled-back',
        from: SERVED,
        when: [isUnfinished, notAwaited],
        then: (slice, { operationId }) => forget(slice, operationId),
        emit: [effects.rolledBack],
      },
    ],
    WaitAllOperations: [
      {
        name: 'waiting',
        from: RUNNING,
        when: [isCurrentRun, areDistinct, nobodyWaits, areKnown],
        then: (slice, { waitId: id, runId, operationIds }) =>
          settleWait({ ...slice, wait: { id, runId, operationIds } }),
        emit: [effects.satisfiedAtOnce],
      },
    ],
    CancelWaitAll: [{ name: 'cancelled', from: RUNNING, when: [isCurrentWait], then: dropWait }],
    AdvanceOperationCursor: [
      {
        name: 'advanced',
        from: SERVED,
        when: [hasHappened],
        then: advance,
      },
    ],
  },
  // A session that stops, retires or is recycled keeps its operations: they run beside it, and what ends meanwhile is told
  // when it takes inputs again. With an epoch its operations end.
  lives: { run: { of: 'the wait of the run', ...endsWait } },
  follow: {
    Recover: { then: recover, emit: [effects.ownerLost] },
    'RegisterSession/new': { then: () => NO_OPERATIONS, emit: [effects.ownerRetired] },
    'RegisterSession/after-drain': { then: () => NO_OPERATIONS, emit: [effects.ownerRetired] },
    Reset: {
      then: (slice, _, __, epoch) => (epoch === undefined ? slice : endEpoch(slice)),
      emit: [(after, input, before, epoch) => (epoch === undefined ? [] : effects.ownerRetired(after, input, before))],
    },
    UnregisterSession: {
      then: (slice, _, { registration }) =>
        registration.phase === 'draining' && registration.drain.retainsSnapshot
          ? dropWait(terminateAll(slice))
          : dropAll(terminateAll(slice)),
      emit: [effects.ownerRetired],
    },
    Destroy: {
      then: slice => dropAll(terminateAll(slice)),
      emit: [effects.ownerRetired],
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
        (run.phase === 'bound' && run.runId === o.wait.runId && o.wait.operationIds.some(id => isLive(o, id))),
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

/** All of them end; who waits for one hears of it, and nobody is told of it in the next epoch. */
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
