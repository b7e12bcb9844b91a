/** Random walks: any input at any time, most of them plausible, many of them wrong. */
import fc from 'fast-check'
import type {
  AgentRuntimeId,
  CallId,
  InputId,
  MeerkatInput,
  MeerkatState,
  OperationId,
  OperationNature,
  RunId,
  RuntimeEpochId,
  ScheduleId,
  SessionId,
  WaitId,
} from 'meerkat-ts/kernel'
import { SESSION } from './play.ts'
import { commsMakers } from './walk-comms.ts'
import { liveMakers } from './walk-live.ts'
import { modelMakers } from './walk-models.ts'

/** What a move is made of: the state it meets, a number that only rises, and a bit of chance. */
export interface Chance {
  readonly state: MeerkatState
  readonly n: number
  readonly pick: <T>(...options: readonly [T, ...T[]]) => T
}
export type Maker<Type> = (chance: Chance) => Omit<Extract<MeerkatInput, { readonly type: Type }>, 'type'>

const FIRST = ['i0', 'i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7', 'i8', 'i9'] as unknown as readonly [
  InputId,
  ...InputId[],
]
const some = ({ pick }: Chance): { readonly inputId: InputId } => ({ inputId: pick(...FIRST) })
const fresh = ({ n }: Chance): { readonly runId: RunId; readonly at: number } => ({ runId: `r${n}` as RunId, at: n })
const current = ({ state, pick }: Chance): { readonly runId: RunId } => {
  const bound = state.run.phase === 'bound' ? state.run.runId : ('r' as RunId)
  return { runId: pick(bound, bound, bound, 'other' as RunId) }
}
const here = ({ pick }: Chance): { readonly sessionId: SessionId } => ({
  sessionId: pick(SESSION, SESSION, 'other' as SessionId),
})
const call = ({ pick }: Chance): CallId => pick('c0', 'c1', 'c2', 'c3') as CallId
const placement = ({ pick }: Chance) => ({
  runtimeId: pick('h1', 'h2') as AgentRuntimeId,
  fence: pick(1, 2),
  ...pick({}, { generation: 1 }),
  ...pick({}, { epochId: 'e1' as RuntimeEpochId }),
})
const torn = (chance: Chance) => {
  const { phase: _, ...seen } = chance.state.binding
  return { ...here(chance), binding: chance.pick(seen, seen, {}) }
}
const operation = ({ pick }: Chance): { readonly operationId: OperationId } => ({
  operationId: pick('o0', 'o1', 'o2', 'o3') as OperationId,
})
const schedule = ({ pick }: Chance): { readonly scheduleId: ScheduleId } => ({
  scheduleId: pick('t0', 't1') as ScheduleId,
})
const wait = ({ pick }: Chance): { readonly waitId: WaitId } => ({ waitId: pick('w0', 'w1') as WaitId })
const none = (): Record<never, never> => ({})

/** One row an input type: a type that is new is missed here. */
const makers: { readonly [Type in MeerkatInput['type']]: Maker<Type> } = {
  Initialize: none,
  EnsureSessionWithExecutor: here,
  Prepare: fresh,
  DrainQueuedRun: fresh,
  Commit: chance => ({ ...current(chance), messages: chance.pick(0, 2) }),
  Fail: current,
  CancelRun: current,
  RollbackRun: chance => ({
    ...current(chance),
    cause: chance.pick('attempt-failed', 'recovered', 'interrupted', 'parked'),
  }),
  Retire: none,
  Reset: none,
  Recycle: none,
  Recover: none,
  StopRuntimeExecutor: () => ({ reason: 'walk' }),
  RuntimeExecutorExited: none,
  Resume: none,
  Destroy: none,
  RegisterSession: chance => ({
    ...here(chance),
    ...chance.pick({}, { epochId: 'e1' as RuntimeEpochId }, { merge: true }),
  }),
  SetSilentIntents: chance => ({ ...here(chance), intents: chance.pick([], ['ping']) }),
  BeginUnregisterSession: torn,
  RuntimeLoopStoppedForUnregister: chance => ({ ...here(chance), forcedAbort: chance.pick(true, false) }),
  CommsDrainExitedForUnregister: chance => ({ ...here(chance), forcedAbort: chance.pick(true, false) }),
  CompletionWaitersResolvedForUnregister: here,
  UnregisterSession: torn,
  PrepareBindings: chance => ({ ...here(chance), ...placement(chance) }),
  Ingest: chance => ({ ...here(chance), ...placement(chance), workId: 'w', origin: 'Mob' }),
  ResolveAdmissionIdempotency: ({ n, pick }) => ({
    inputId: `i${n}` as InputId,
    seen: { inputId: 'i1' as InputId, sameContent: pick(true, false) },
  }),
  AcceptInput: ({ n, pick }) => ({
    inputId: `i${n}` as InputId,
    at: n,
    ...pick(
      {},
      { mode: 'steer' },
      { mode: 'supersede', supersessionKey: 'k' },
      { supersessionKey: 'k' },
      { withoutWake: true },
      { durability: 'ephemeral' },
      { kind: 'peer-response-progress', origin: 'peer', supersessionKey: 'p' },
      { kind: 'peer-request', origin: 'peer', intent: 'ping' },
      { kind: 'external-event', origin: 'external' },
      { kind: 'operation', origin: 'system' },
      { mode: 'supersede' },
    ),
  }),
  WithdrawInput: some,
  ChangeLane: chance => ({ ...some(chance), lane: chance.pick('queue', 'steer') }),
  PrioritizeInput: some,
  DeferInputBehindBacklog: some,
  DropQueued: () => ({ reason: 'cancelled' }),
  GiveUpQueued: () => ({ reason: 'cancelled' }),
  EndGivenUp: () => ({ most: 2 }),
  DropEphemeral: none,
  WakeQueued: none,
  CancelAfterBoundary: chance => chance.pick<{ readonly runId?: RunId }>({}, current(chance)),
  InterruptCurrentRun: chance => chance.pick<{ readonly runId?: RunId }>({}, current(chance)),
  StartConversationRun: chance => ({ ...current(chance), maxExtractions: chance.pick(0, 2) }),
  StartImmediateAppend: current,
  StartImmediateContext: current,
  ExtractionFailed: chance => ({ ...current(chance), error: 'walk' }),
  ForceCancelNoRun: none,
  PrimitiveApplied: current,
  LlmReturnedToolCalls: chance => ({ ...current(chance), toolCount: chance.pick(0, 1, 2) }),
  LlmReturnedTerminal: current,
  RegisterPendingOps: chance => ({ ...current(chance), barrier: chance.pick([], ['op1'], ['op1', 'op2']) }),
  OpsBarrierSatisfied: chance => ({ ...current(chance), operationIds: chance.pick([], ['op1'], ['op2', 'op1']) }),
  ToolCallsResolved: current,
  BoundaryContinue: current,
  BoundaryComplete: current,
  EnterExtraction: current,
  ExtractionStart: current,
  ExtractionValidationPassed: current,
  ExtractionValidationFailed: chance => ({ ...current(chance), error: 'not a number' }),
  RecoverableFailure: chance => ({
    ...current(chance),
    retry: {
      attempt: chance.pick(0, 1, 2),
      maxRetries: 1,
      delayMs: 10,
      kind: chance.pick('rate-limited', 'call-timeout'),
    },
  }),
  RetryRequested: chance => ({ ...current(chance), attempt: chance.pick(1, 2) }),
  FatalFailure: chance => ({ ...current(chance), source: chance.pick('llm', 'unknown', 'token-budget-exceeded') }),
  CancelNow: current,
  CancellationObserved: current,
  TurnLimitReached: chance => ({ ...current(chance), turns: chance.pick(1, 9), maxTurns: 5 }),
  BudgetExhausted: current,
  TimeBudgetExceeded: current,
  RecordCallIntents: chance => ({
    ...current(chance),
    calls: [
      {
        callId: call(chance),
        tool: 't',
        policy: chance.pick('retry', 'ask', 'fail'),
        ...chance.pick({}, {}, { needsApproval: true }),
      },
    ],
    at: chance.n,
  }),
  DispatchCalls: chance => ({ ...current(chance), callIds: [call(chance)], at: chance.n }),
  RecordCallOutcomes: chance => ({
    ...current(chance),
    outcomes: [{ callId: call(chance), ok: chance.pick(true, false) }],
    at: chance.n,
  }),
  ResolveCall: chance => ({
    callId: call(chance),
    resolution: chance.pick('retry', 'succeeded', 'failed'),
    at: chance.n,
  }),
  DecideApproval: chance => ({ callId: call(chance), decision: chance.pick('allow', 'deny'), at: chance.n }),
  ExtendTranscript: ({ pick }) => ({ messages: pick(0, 1) }),
  CompactTranscript: ({ pick }) => ({ covers: pick(1, 2, 9) }),
  RegisterOperation: chance => ({
    ...operation(chance),
    at: chance.n,
    ...chance.pick<OperationNature>(
      { kind: 'background-tool-op' },
      { kind: 'background-tool-op', resumable: true },
      { kind: 'mob-member-child' },
      { kind: 'background-tool-capacity-slot' },
      { kind: 'detached-job-wait', source: { type: 'detached-job', realmId: 'r', jobId: 'j' } },
    ),
    ...chance.pick({}, { maxConcurrent: 2 }, { displayName: 'a job' }),
  }),
  StartOperation: operation,
  CompleteOperation: operation,
  FailOperation: operation,
  CancelOperation: operation,
  AbortOperation: operation,
  OperationPeerReady: operation,
  OperationProgress: operation,
  TakeUpOperation: chance => ({ ...operation(chance), mostCrashes: 2 }),
  OperationLasted: operation,
  RequestOperationRetire: operation,
  RetireOperation: operation,
  RollbackUnreturnedOperation: operation,
  TerminateOwnerOperations: () => ({ reason: 'walk' }),
  WaitAllOperations: chance => ({
    ...current(chance),
    ...wait(chance),
    operationIds: [operation(chance).operationId, operation(chance).operationId],
  }),
  CancelWaitAll: chance => ({ ...current(chance), ...wait(chance) }),
  AdvanceOperationCursor: ({ n, pick }) => ({
    cursor: pick('agentApplied', 'runtimeObserved', 'runtimeInjected'),
    through: pick(1, 2, 3),
    ...pick({}, { inputId: `i${n - 1}` as InputId }),
  }),
  CreateSchedule: chance => ({
    ...schedule(chance),
    dueAt: chance.n + 2,
    recurring: chance.pick(true, false),
    ...chance.pick({}, { overlap: 'queue' }, { overlap: 'replace', misfire: 'all' }, { misfire: 'skip' }),
  }),
  UpdateSchedule: chance => ({
    ...schedule(chance),
    ...chance.pick({}, { paused: true }, { paused: false, dueAt: chance.n }),
  }),
  CancelSchedule: schedule,
  ...commsMakers,
  FireSchedule: chance => ({
    ...schedule(chance),
    at: chance.n,
    inputId: `i${chance.n + 1}` as InputId,
    ...chance.pick({ nextDueAt: chance.n + 1 }, { nextDueAt: chance.n + 5 }, {}),
    ...chance.pick({}, {}, { missed: 2 }),
  }),
  ...modelMakers,
  ...liveMakers,
}

const EVERY = Object.keys(makers) as readonly MeerkatInput['type'][]
/** What makes a walk go somewhere, given weight. */
const ONWARD: readonly MeerkatInput['type'][] = [
  'AcceptInput',
  'AcceptInput',
  'EnsureSessionWithExecutor',
  'Prepare',
  'Prepare',
  'StartConversationRun',
  'StartConversationRun',
  'PrimitiveApplied',
  'PrimitiveApplied',
  'LlmReturnedToolCalls',
  'LlmReturnedTerminal',
  'RecordCallIntents',
  'RecordCallOutcomes',
  'ToolCallsResolved',
  'BoundaryContinue',
  'BoundaryComplete',
  'Commit',
  'Commit',
  'RollbackRun',
  'RegisterOperation',
  'StartOperation',
  'CompleteOperation',
  'CreateSchedule',
  'FireSchedule',
]

/** One move of a walk. */
export interface Move {
  readonly type: MeerkatInput['type']
  readonly chance: number
}

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.record({
    type: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...ONWARD) },
      { weight: 1, arbitrary: fc.constantFrom(...EVERY) },
    ),
    chance: fc.nat(2 ** 30),
  }),
  { minLength: 20, maxLength: 120 },
)

/** The input that a move stands for in this state. */
export function inputOf(move: Move, state: MeerkatState, n: number): MeerkatInput {
  let left = move.chance
  const pick = <T>(...options: readonly [T, ...T[]]): T => {
    const chosen = options[left % options.length] ?? options[0]
    left = Math.floor(left / options.length)
    return chosen
  }
  return { type: move.type, ...makers[move.type]({ state, n, pick }) } as MeerkatInput
}
