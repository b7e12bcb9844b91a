/** Inputs of operations and schedules, for configurations. */
import type { OperationId, ScheduleId, SessionId, WaitId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import type { OperationNature } from '../regions/operations/state.ts'
import type { ScheduleMisfire, ScheduleOverlap } from '../regions/schedules/state.ts'
import { accept, inputId, runId } from './alphabet.ts'

type Inputs = readonly MeerkatInput[]

const operation = (name: string): OperationId => name as OperationId
const schedule = (name: string): ScheduleId => name as ScheduleId
const wait = (name: string): WaitId => name as WaitId

export const register = (name: string, nature: OperationNature, maxConcurrent?: number): MeerkatInput => ({
  type: 'RegisterOperation',
  operationId: operation(name),
  at: 0,
  ...nature,
  ...(maxConcurrent !== undefined && { maxConcurrent }),
})

export const tool: OperationNature = { kind: 'background-tool-op' }
export const job: OperationNature = {
  kind: 'detached-job-wait',
  source: { type: 'detached-job', realmId: 'r', jobId: 'j' },
}

/** One operation of every nature, as the only one of its session. */
export const natures: Inputs = [
  register('o', tool, 1),
  register('o', { ...tool, resumable: true, source: { type: 'backend-peer', peerId: 'p', address: 'a' } }),
  register('o', { kind: 'mob-member-child', source: { type: 'session-child', sessionId: 'c' as SessionId } }),
  register('o', { kind: 'background-tool-capacity-slot' }),
  register('o', job),
  register('o', tool, 0),
]

type Life = Extract<MeerkatInput, { readonly operationId: OperationId }>['type']

const ofOperation = (
  name: string,
  ...types: readonly Exclude<Life, 'RegisterOperation' | 'TakeUpOperation'>[]
): Inputs => types.map(type => ({ type, operationId: operation(name) }))

export const start = (name: string): Inputs => ofOperation(name, 'StartOperation')
export const complete = (name: string): Inputs => ofOperation(name, 'CompleteOperation')
export const rollBackUnreturned = (name: string): Inputs => ofOperation(name, 'RollbackUnreturnedOperation')

/** Everything that can happen to an operation. */
export const lifeOf = (name: string): Inputs => [
  { type: 'TakeUpOperation', operationId: operation(name), mostCrashes: 1 },
  ...ofOperation(
    name,
    'StartOperation',
    'CompleteOperation',
    'FailOperation',
    'CancelOperation',
    'AbortOperation',
    'OperationPeerReady',
    'OperationProgress',
    'OperationLasted',
    'RequestOperationRetire',
    'RetireOperation',
    'RollbackUnreturnedOperation',
  ),
]

export const terminateAll: Inputs = [{ type: 'TerminateOwnerOperations', reason: 'asked' }]

/** The cursors of the readers advance to these numbers; a guard refuses one ahead of the completions. */
export const cursorsTo = (...numbers: readonly number[]): Inputs =>
  numbers.flatMap(through =>
    (['agentApplied', 'runtimeObserved', 'runtimeInjected'] as const).map(cursor => ({
      type: 'AdvanceOperationCursor',
      cursor,
      through,
    })),
  )

/** The runtime reports completions: it advances the cursor and sends the input. */
export const telling: Inputs = [
  { type: 'AdvanceOperationCursor', cursor: 'runtimeInjected', through: 1, inputId: inputId('n') },
  { type: 'AdvanceOperationCursor', cursor: 'runtimeInjected', through: 2, inputId: inputId('n') },
  { type: 'AdvanceOperationCursor', cursor: 'agentApplied', through: 2 },
  accept('n', { kind: 'continuation', origin: 'system', durability: 'derived', mode: 'steer' }),
]

const waitFor = (name: string, ...names: readonly string[]): MeerkatInput => ({
  type: 'WaitAllOperations',
  waitId: wait(name),
  runId,
  operationIds: names.map(operation),
})

export const waits: Inputs = [
  waitFor('v', 'o'),
  waitFor('w', 'o', 'p'),
  waitFor('w', 'o', 'o'),
  waitFor('w', 'unknown'),
  waitFor('w'),
  { type: 'CancelWaitAll', waitId: wait('v'), runId },
  { type: 'CancelWaitAll', waitId: wait('w'), runId },
]

export const timer: MeerkatInput = { type: 'CreateSchedule', scheduleId: schedule('y'), dueAt: 1, recurring: false }

export const recurring = (overlap: ScheduleOverlap, misfire: ScheduleMisfire): MeerkatInput => ({
  type: 'CreateSchedule',
  scheduleId: schedule('x'),
  dueAt: 1,
  recurring: true,
  overlap,
  misfire,
})

/** A schedule fires at two times, in time and late, and what follows. The runtime accepts the input of a firing itself. */
export const firings = (name: string, input: string): Inputs =>
  [1, 2].flatMap(at =>
    [{}, { missed: 2 }].flatMap(late =>
      [{}, { nextDueAt: at }, { nextDueAt: at + 1 }].map(next => ({
        type: 'FireSchedule' as const,
        scheduleId: schedule(name),
        at,
        inputId: inputId(input),
        ...late,
        ...next,
      })),
    ),
  )

export const changesOf = (name: string): Inputs => [
  { type: 'UpdateSchedule', scheduleId: schedule(name), dueAt: 1 },
  { type: 'UpdateSchedule', scheduleId: schedule(name), paused: true },
  { type: 'UpdateSchedule', scheduleId: schedule(name), paused: false },
  { type: 'CancelSchedule', scheduleId: schedule(name) },
]

/** The input that a firing offers to the session. */
export const waking = (name: string): MeerkatInput => accept(name, { kind: 'external-event', origin: 'system' })
