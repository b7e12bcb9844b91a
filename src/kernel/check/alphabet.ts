import type { AgentRuntimeId, CallId, InputId, RunId, RuntimeEpochId, SessionId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import type { BindingTuple } from '../regions/binding/input.ts'
import type { AcceptInput } from '../regions/ledger/input.ts'
import type { TerminalFailureSource } from '../regions/turn/input.ts'

type Inputs = readonly MeerkatInput[]

export const sessionId: SessionId = 's' as SessionId
const otherSession: SessionId = 't' as SessionId
const epoch: RuntimeEpochId = 'e' as RuntimeEpochId
const otherEpoch = 'f' as RuntimeEpochId

/**
 * Every run has this id. No state remembers the id of a run that ended, so a fresh one would lead to the same states. Late
 * reports of an ended run have the id `lateRun`.
 */
export const runId: RunId = 'r' as RunId
const lateRun = 'late' as RunId

export const inputId = (name: string): InputId => name as InputId
const call = (name: string): CallId => name as CallId

/** Offers an input; times are all the same, for no guard reads them. */
export function accept(name: string, more: Partial<AcceptInput> = {}): AcceptInput {
  return { type: 'AcceptInput', inputId: inputId(name), at: 0, ...more }
}

export const initialized: Inputs = [{ type: 'Initialize' }]
export const registered: Inputs = [...initialized, { type: 'RegisterSession', sessionId }]
/** Registers in the epoch that `resetToEpoch` begins: epochs are only compared, so a third one would only multiply states. */
export const registeredInEpoch: Inputs = [...initialized, { type: 'RegisterSession', sessionId, epochId: otherEpoch }]
export const attached: Inputs = [...registered, { type: 'EnsureSessionWithExecutor', sessionId }]

/** Inputs of a process that serves a session. */
export const serving: Inputs = [
  { type: 'EnsureSessionWithExecutor', sessionId },
  { type: 'Prepare', runId, at: 0 },
  { type: 'DrainQueuedRun', runId, at: 0 },
]

/** The same, and those of the next process after a crash. */
export const service: Inputs = [{ type: 'Recover' }, ...serving]

/** Interrupts a run; its attempt does not count. */
export const interruption: MeerkatInput = { type: 'RollbackRun', runId, cause: 'interrupted' }

/** Inputs of an operator. */
export const operations: Inputs = [
  { type: 'Initialize' },
  { type: 'Retire' },
  { type: 'Reset' },
  { type: 'Recycle' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  { type: 'RuntimeExecutorExited' },
  { type: 'Resume' },
  { type: 'Destroy' },
]

/** A reset as the runtime gives it, with a new epoch. One without is of an older log. */
export const resetToEpoch: Inputs = [{ type: 'Reset', epochId: otherEpoch }]

export const rollbacks: Inputs = (['attempt-failed', 'recovered', 'interrupted', 'parked'] as const).map(cause => ({
  type: 'RollbackRun',
  runId,
  cause,
}))

export const runEnds: Inputs = [
  { type: 'Commit', runId },
  { type: 'Fail', runId },
  { type: 'CancelRun', runId },
  { type: 'Commit', runId: lateRun },
]

export const cancels: Inputs = [
  { type: 'CancelAfterBoundary' },
  { type: 'CancelAfterBoundary', runId },
  { type: 'CancelAfterBoundary', runId: lateRun },
  { type: 'InterruptCurrentRun' },
  { type: 'InterruptCurrentRun', runId: lateRun },
]

/** The owner leaves and asks the run to end at its boundary. */
export const leavingSoon: Inputs = [{ type: 'CancelAfterBoundary', runId, keepsAnswer: true }]

/** The shortest turn: an append that completes at once, or fails, or is cancelled. */
export const shortTurn: Inputs = [
  { type: 'StartImmediateAppend', runId },
  { type: 'PrimitiveApplied', runId },
  { type: 'FatalFailure', runId, source: 'internal' },
  { type: 'CancelNow', runId },
  { type: 'CancellationObserved', runId },
]

/** What joins the run there is. */
export const steer: AcceptInput = accept('s', { mode: 'steer' })

/** A turn with boundaries, through which steers come in. */
export const boundaryTurn: Inputs = [
  { type: 'StartConversationRun', runId },
  { type: 'PrimitiveApplied', runId },
  { type: 'LlmReturnedToolCalls', runId, toolCount: 0 },
  { type: 'BoundaryContinue', runId },
  { type: 'BoundaryComplete', runId },
]

export const cancelledTurn: Inputs = [
  { type: 'CancelNow', runId },
  { type: 'CancellationObserved', runId },
]

const sources: readonly TerminalFailureSource[] = [
  'token-budget-exceeded',
  'time-budget-exceeded',
  'structured-output-validation-failed',
  'hook-denied',
  'hook-failure',
  'llm',
  'llm-retry-exhausted',
  'tool-error',
  'runtime-apply',
  'internal',
  'max-turns-reached',
  'unknown',
]

const retry = (attempt: number): MeerkatInput => ({
  type: 'RecoverableFailure',
  runId,
  retry: { attempt, maxRetries: 2, delayMs: 1, kind: 'rate-limited' },
})

/** Everything that can happen within a turn. */
export const wholeTurn: Inputs = [
  { type: 'StartConversationRun', runId, maxExtractions: 2 },
  { type: 'StartConversationRun', runId: lateRun },
  { type: 'StartImmediateAppend', runId },
  { type: 'StartImmediateContext', runId },
  { type: 'ForceCancelNoRun' },
  { type: 'PrimitiveApplied', runId },
  { type: 'LlmReturnedToolCalls', runId, toolCount: 0 },
  { type: 'LlmReturnedToolCalls', runId, toolCount: 2 },
  { type: 'LlmReturnedTerminal', runId },
  { type: 'RegisterPendingOps', runId, barrier: [] },
  { type: 'RegisterPendingOps', runId, barrier: ['o', 'p'] },
  { type: 'OpsBarrierSatisfied', runId, operationIds: ['o'] },
  { type: 'OpsBarrierSatisfied', runId, operationIds: ['p', 'o'] },
  { type: 'ToolCallsResolved', runId },
  { type: 'BoundaryContinue', runId },
  { type: 'BoundaryComplete', runId },
  { type: 'EnterExtraction', runId },
  { type: 'ExtractionStart', runId },
  { type: 'ExtractionValidationPassed', runId },
  { type: 'ExtractionValidationFailed', runId, error: 'no' },
  { type: 'ExtractionFailed', runId, error: 'no' },
  retry(0),
  retry(1),
  retry(2),
  retry(3),
  { type: 'RetryRequested', runId, attempt: 1 },
  { type: 'RetryRequested', runId, attempt: 2 },
  ...sources.map((source): MeerkatInput => ({ type: 'FatalFailure', runId, source })),
  { type: 'CancelNow', runId },
  { type: 'CancellationObserved', runId },
  { type: 'TurnLimitReached', runId, turns: 1, maxTurns: 2 },
  { type: 'TurnLimitReached', runId, turns: 2, maxTurns: 2 },
  { type: 'BudgetExhausted', runId },
  { type: 'TimeBudgetExceeded', runId },
]

/** An idempotency key that is bound already, to the same content and to another. */
export const idempotency: Inputs = [true, false].map(sameContent => ({
  type: 'ResolveAdmissionIdempotency',
  inputId: inputId('z'),
  seen: { inputId: inputId('a'), sameContent },
}))

/** Inputs of the runtime and the operator about one waiting input. */
export const laneOperations = (name: string): Inputs => [
  { type: 'WithdrawInput', inputId: inputId(name) },
  { type: 'ChangeLane', inputId: inputId(name), lane: 'steer' },
  { type: 'ChangeLane', inputId: inputId(name), lane: 'queue' },
  { type: 'PrioritizeInput', inputId: inputId(name) },
  { type: 'DeferInputBehindBacklog', inputId: inputId(name) },
]

export const dropQueued: Inputs = [{ type: 'DropQueued', reason: 'cancelled' }]

/** Decisions on all waiting inputs, and the ends that follow, one at a time. */
export const givingUp: Inputs = [
  { type: 'GiveUpQueued', reason: 'cancelled' },
  { type: 'GiveUpQueued', reason: 'reset' },
  { type: 'EndGivenUp', most: 1 },
  { type: 'EndGivenUp', most: 0 },
  { type: 'GiveUpQueued', reason: 'never-executed' },
]

/** Inputs of the runtime about all waiting inputs. */
export const backlog: Inputs = [...dropQueued, { type: 'DropEphemeral' }, { type: 'WakeQueued' }]

export const registrations: Inputs = [
  { type: 'RegisterSession', sessionId },
  { type: 'RegisterSession', sessionId, epochId: epoch },
  { type: 'RegisterSession', sessionId: otherSession },
  { type: 'SetSilentIntents', sessionId, intents: ['hush'] },
  { type: 'SetSilentIntents', sessionId: otherSession, intents: [] },
]

const runtime = (name: string): AgentRuntimeId => name as AgentRuntimeId

export const placements: Inputs = [
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('m'), fence: 1, generation: 1 },
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('m'), fence: 1, epochId: epoch },
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('m'), fence: 2, generation: 1, epochId: epoch },
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('n'), fence: 2, generation: 1 },
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('m'), fence: 1 },
  { type: 'PrepareBindings', sessionId, runtimeId: runtime('m'), fence: 1, epochId: otherEpoch },
  { type: 'PrepareBindings', sessionId: otherSession, runtimeId: runtime('m'), fence: 1, generation: 1 },
  { type: 'Ingest', sessionId, runtimeId: runtime('m'), fence: 1, generation: 1, workId: 'w', origin: 'Mob' },
  ...resetToEpoch,
]

/** The drain window, by a host that observed this binding. */
const teardownOf = (binding: BindingTuple): Inputs => [
  { type: 'BeginUnregisterSession', sessionId, binding },
  { type: 'RuntimeLoopStoppedForUnregister', sessionId, forcedAbort: false },
  { type: 'RuntimeLoopStoppedForUnregister', sessionId, forcedAbort: true },
  { type: 'CommsDrainExitedForUnregister', sessionId, forcedAbort: false },
  { type: 'CompletionWaitersResolvedForUnregister', sessionId },
  { type: 'UnregisterSession', sessionId, binding },
]

export const teardown: Inputs = teardownOf({})

/** One call, of a policy that repeats it when it is lost, asks, or needs approval and fails: intent, dispatch, outcome, and what a person may say of it. */
export function callsOf(name: 'retry' | 'ask' | 'approve'): Inputs {
  const callId = call(name)
  const policy = name === 'approve' ? 'fail' : name
  const intent = { callId, tool: 'x', policy, needsApproval: name === 'approve' } as const
  const life: Inputs = [
    { type: 'RecordCallIntents', runId, calls: [intent], at: 0 },
    { type: 'DispatchCalls', runId, callIds: [callId], at: 0 },
    { type: 'RecordCallOutcomes', runId, outcomes: [{ callId, ok: true }], at: 0 },
  ]
  if (name === 'retry') return life
  if (name === 'approve') {
    const decisions = (['allow', 'deny'] as const).map(
      (decision): MeerkatInput => ({ type: 'DecideApproval', callId, decision, at: 0 }),
    )
    return [...life, ...decisions]
  }
  const resolutions = (['retry', 'succeeded', 'failed'] as const).map(
    (resolution): MeerkatInput => ({ type: 'ResolveCall', callId, resolution, at: 0 }),
  )
  return [...life, { type: 'RecordCallOutcomes', runId, outcomes: [{ callId, ok: false }], at: 0 }, ...resolutions]
}
