/** Inputs about a session and its runs that may not be refused. */
import { mapGet } from '../../persistent-map.ts'
import { callsOf } from '../../regions/calls/state.ts'
import { validationFault } from '../../regions/ledger/policy.ts'
import { entryOf } from '../../regions/ledger/state.ts'
import { isUnfinishedOperation } from '../../regions/operations/state.ts'
import { SERVED } from '../../regions/phases.ts'
import type { MeerkatState } from '../../state.ts'
import type { Answers } from './rule.ts'

const isIn = ({ lifecycle: { phase } }: MeerkatState, ...phases: readonly string[]): boolean => phases.includes(phase)
const isServed = ({ lifecycle: { phase } }: MeerkatState): boolean => SERVED.includes(phase)
const isThis = ({ registration }: MeerkatState, { sessionId }: { readonly sessionId?: string }): boolean =>
  registration.sessionId !== undefined && registration.sessionId === sessionId
const isDraining = ({ registration: { phase } }: MeerkatState): boolean => phase === 'draining'
const isCurrent = ({ run }: MeerkatState, { runId }: { readonly runId?: string }): boolean =>
  run.phase === 'bound' && (runId === undefined || run.runId === runId)
/** Whether the input names the current run and its turn has not ended. */
const isUnderWay = (state: MeerkatState, input: { readonly runId: string }): boolean =>
  isIn(state, 'running') &&
  isCurrent(state, input) &&
  !['ready', 'completed', 'failed', 'cancelled'].includes(state.turn.phase)
const ends =
  (turn: MeerkatState['turn']['phase']) =>
  (state: MeerkatState, input: { readonly runId: string }): boolean =>
    isIn(state, 'running') && isCurrent(state, input) && state.turn.phase === turn
/** Whether calls of the current work wait for an outcome or a decision. */
function hasOpenCalls({ run, calls }: MeerkatState): boolean {
  const head = run.phase === 'bound' ? run.contributors[0] : undefined
  return head !== undefined && callsOf(calls, head).some(({ state }) => state !== 'succeeded' && state !== 'failed')
}

export const sessionAnswers: Answers = {
  // From every phase some operation leads out, and repeating it succeeds.
  Initialize: state => isIn(state, 'initializing'),
  Recover: state => !isIn(state, 'destroyed'),
  Destroy: () => true,
  StopRuntimeExecutor: state => !isIn(state, 'destroyed'),
  RuntimeExecutorExited: state => isServed(state),
  Resume: state => isIn(state, 'idle', 'attached', 'running') || (isIn(state, 'stopped') && !isDraining(state)),
  Retire: state => isServed(state),
  Reset: state => isIn(state, 'initializing', 'idle', 'attached', 'retired'),
  Recycle: state =>
    isIn(state, 'idle', 'attached', 'retired') && isThis(state, state.registration) && !isDraining(state),
  EnsureSessionWithExecutor: (state, input) =>
    isIn(state, 'idle', 'attached', 'running', 'retired') && isThis(state, input) && !isDraining(state),
  // A registration is always answered, also while the session is being torn down.
  RegisterSession: (state, input) => isServed(state) && isThis(state, input),
  SetSilentIntents: (state, input) => isIn(state, 'idle', 'attached', 'running', 'retired') && isThis(state, input),
  ResolveAdmissionIdempotency: state => !isIn(state, 'initializing'),
  AcceptInput: (state, input) => isIn(state, 'idle', 'attached', 'running') && validationFault(input) !== undefined,
  WithdrawInput: (state, { inputId }) => isServed(state) && entryOf(state.ledger, inputId)?.status === 'queued',
  ChangeLane: (state, { inputId }) => isServed(state) && entryOf(state.ledger, inputId)?.status === 'queued',
  PrioritizeInput: (state, { inputId }) => isServed(state) && entryOf(state.ledger, inputId)?.status === 'queued',
  DeferInputBehindBacklog: (state, { inputId }) =>
    isServed(state) && entryOf(state.ledger, inputId)?.status === 'queued',
  DropQueued: isServed,
  DropEphemeral: isServed,
  WakeQueued: isServed,
  ExtendTranscript: isServed,
  // An input that names the current run reaches it.
  CancelAfterBoundary: isCurrent,
  InterruptCurrentRun: isCurrent,
  CancelNow: isUnderWay,
  BudgetExhausted: isUnderWay,
  TimeBudgetExceeded: isUnderWay,
  CancellationObserved: ends('cancelling'),
  Commit: (state, input) => ends('completed')(state, input) && !hasOpenCalls(state),
  Fail: ends('failed'),
  CancelRun: ends('cancelled'),
  RollbackRun: (state, input) => isIn(state, 'running') && isCurrent(state, input) && input.cause !== 'parked',
  LlmReturnedToolCalls: ends('callingLlm'),
  LlmReturnedTerminal: ends('callingLlm'),
  PrimitiveApplied: ends('applyingPrimitive'),
  BoundaryContinue: ends('drainingBoundary'),
  BoundaryComplete: ends('drainingBoundary'),
  EnterExtraction: ends('drainingBoundary'),
  ExtractionStart: ends('extracting'),
  ExtractionValidationPassed: ends('extracting'),
  ExtractionValidationFailed: ends('extracting'),
  // A person may decide on a call whether or not an executor serves the session.
  ResolveCall: (state, { callId }) => isServed(state) && mapGet(state.calls.open, callId)?.state === 'unknown',
  DecideApproval: (state, { callId }) =>
    isServed(state) && mapGet(state.calls.open, callId)?.state === 'awaitingApproval',
  // An operation that has begun can be ended.
  FailOperation: (state, { operationId }) => isServed(state) && isUnfinishedOperation(state.operations, operationId),
  CancelOperation: (state, { operationId }) => isServed(state) && isUnfinishedOperation(state.operations, operationId),
  TerminateOwnerOperations: isServed,
  CancelSchedule: (state, { scheduleId }) =>
    isIn(state, 'idle', 'attached', 'running', 'stopped') && mapGet(state.schedules.entries, scheduleId) !== undefined,
  UpdateSchedule: (state, { scheduleId }) =>
    isIn(state, 'idle', 'attached', 'running', 'stopped') && mapGet(state.schedules.entries, scheduleId) !== undefined,
}
