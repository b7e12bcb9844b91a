import type { LifecyclePhase, MeerkatInput, OperationNature } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { OperationsInput } from '../../../src/kernel/regions/operations/input.ts'
import { operationId, type Play, runId, waitId } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

type Type = OperationsInput['type']
type Row = Table<'row', Type, LifecyclePhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const provisioning = { operationId: operationId('provisioning') }
const running = { operationId: operationId('running') }
const child = { operationId: operationId('child') }
const wait = { waitId: waitId('w'), runId: runId('r') }
const EXAMPLES = {
  RegisterOperation: {
    type: 'RegisterOperation',
    operationId: operationId('new'),
    at: 1,
    kind: 'background-tool-op',
    maxConcurrent: 4,
  },
  StartOperation: { type: 'StartOperation', ...provisioning },
  CompleteOperation: { type: 'CompleteOperation', ...running },
  FailOperation: { type: 'FailOperation', ...provisioning },
  CancelOperation: { type: 'CancelOperation', ...provisioning },
  AbortOperation: { type: 'AbortOperation', ...provisioning },
  OperationPeerReady: { type: 'OperationPeerReady', ...child },
  OperationProgress: { type: 'OperationProgress', ...running },
  TakeUpOperation: { type: 'TakeUpOperation', ...running, mostCrashes: 1 },
  OperationLasted: { type: 'OperationLasted', ...running },
  RequestOperationRetire: { type: 'RequestOperationRetire', ...running },
  RetireOperation: { type: 'RetireOperation', ...running },
  TerminateOwnerOperations: { type: 'TerminateOwnerOperations', reason: 'test' },
  RollbackUnreturnedOperation: { type: 'RollbackUnreturnedOperation', ...running },
  WaitAllOperations: { type: 'WaitAllOperations', ...wait, operationIds: [running.operationId] },
  CancelWaitAll: { type: 'CancelWaitAll', ...wait },
  AdvanceOperationCursor: { type: 'AdvanceOperationCursor', cursor: 'agentApplied', through: 0 },
} as const

const registers = (id: { readonly operationId: ReturnType<typeof operationId> }, nature: OperationNature) =>
  ({ type: 'RegisterOperation', ...id, at: 0, ...nature }) as const
/** One that has not started, one that runs, and a member child. */
const THREE: readonly MeerkatInput[] = [
  registers(provisioning, { kind: 'background-tool-op' }),
  registers(running, { kind: 'background-tool-op' }),
  { type: 'StartOperation', ...running },
  registers(child, { kind: 'mob-member-child' }),
  { type: 'StartOperation', ...child },
]

const never: Row = {
  RegisterOperation: NO,
  StartOperation: NO,
  CompleteOperation: NO,
  FailOperation: NO,
  CancelOperation: NO,
  AbortOperation: NO,
  OperationPeerReady: NO,
  OperationProgress: NO,
  TakeUpOperation: NO,
  OperationLasted: NO,
  RequestOperationRetire: NO,
  RetireOperation: NO,
  TerminateOwnerOperations: NO,
  RollbackUnreturnedOperation: NO,
  WaitAllOperations: NO,
  CancelWaitAll: NO,
  AdvanceOperationCursor: NO,
}
/** Operations go on beside the session, whatever it is at; a wait is of a run. */
const live: Row = {
  RegisterOperation: 'stays',
  StartOperation: 'stays',
  CompleteOperation: 'stays',
  FailOperation: 'stays',
  CancelOperation: 'stays',
  AbortOperation: 'stays',
  OperationPeerReady: 'stays',
  OperationProgress: 'stays',
  TakeUpOperation: 'stays',
  OperationLasted: 'stays',
  RequestOperationRetire: 'stays',
  RetireOperation: 'stays',
  TerminateOwnerOperations: 'stays',
  RollbackUnreturnedOperation: 'stays',
  WaitAllOperations: NO,
  CancelWaitAll: NO,
  AdvanceOperationCursor: 'stays',
}
/** None of the operations that are spoken of is unfinished. */
const unheardOf: Row = {
  ...live,
  StartOperation: FALSE,
  CompleteOperation: FALSE,
  FailOperation: FALSE,
  CancelOperation: FALSE,
  AbortOperation: FALSE,
  OperationPeerReady: FALSE,
  OperationProgress: FALSE,
  TakeUpOperation: FALSE,
  OperationLasted: FALSE,
  RequestOperationRetire: FALSE,
  RetireOperation: FALSE,
  RollbackUnreturnedOperation: FALSE,
}

test('every input in every phase', () => {
  const expected: Table<LifecyclePhase, Type, LifecyclePhase> = {
    initializing: never,
    idle: live,
    attached: live,
    running: { ...live, WaitAllOperations: 'stays', CancelWaitAll: FALSE },
    retired: live,
    stopped: live,
    destroyed: never,
  }
  expect(askSessions({ phaseOf: lifecycleOf }, livesAfter(...THREE), EXAMPLES)).toEqual(expected)
})

function while_(...inputs: readonly MeerkatInput[]): Play {
  const play = livesAfter(...THREE).running
  play.do(...inputs)
  return play
}

test('every input where the operations are further on', () => {
  const { WaitAllOperations, OperationPeerReady, TerminateOwnerOperations, RequestOperationRetire, TakeUpOperation } =
    EXAMPLES
  const sessions = {
    'running, waiting': while_(WaitAllOperations),
    'running, with a peer': while_(OperationPeerReady),
    'running, with one to retire': while_(RequestOperationRetire),
    'running, with one taken up as often as it may be': while_(TakeUpOperation),
    'running, at its capacity': while_(
      registers({ operationId: operationId('fourth') }, { kind: 'background-tool-op' }),
    ),
    'running, all ended': while_(TerminateOwnerOperations),
    'idle, let go': tornDown(...THREE),
  }
  const free = { WaitAllOperations: 'stays', CancelWaitAll: FALSE } as const
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual({
    'running, waiting': {
      ...live,
      RollbackUnreturnedOperation: FALSE,
      WaitAllOperations: FALSE,
      CancelWaitAll: 'stays',
    },
    'running, with a peer': { ...live, ...free, OperationPeerReady: FALSE },
    'running, with one to retire': { ...live, ...free, RequestOperationRetire: FALSE, TakeUpOperation: FALSE },
    'running, with one taken up as often as it may be': { ...live, ...free },
    'running, at its capacity': { ...live, ...free, RegisterOperation: FALSE },
    'running, all ended': { ...unheardOf, ...free },
    'idle, let go': { ...unheardOf, RegisterOperation: FALSE },
  } satisfies Table<keyof typeof sessions, Type, LifecyclePhase>)
})
