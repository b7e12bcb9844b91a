/** How an agent loop reports the state of a run's turn, and reads it. */
import { defined } from '../defined.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import type { TerminalFailureSource, TurnBeginning } from '../kernel/regions/turn/input.ts'
import type {
  LlmRetry,
  TurnContentShape,
  TurnPhase,
  TurnPrimitiveKind,
  TurnTerminalCause,
  TurnTerminalOutcome,
} from '../kernel/regions/turn/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { runEndOf } from '../loop/by-hand.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { HandleDslAuthority } from './dsl-authority.ts'

export type TurnLoopState =
  | 'callingLlm'
  | 'waitingForOps'
  | 'drainingEvents'
  | 'cancelling'
  | 'errorRecovery'
  | 'completed'

/** How a turn ended. */
type TurnEnd = 'completed' | 'cancelled' | TurnTerminalOutcome

/** The state of a turn. Fields that its phase does not have are absent. */
export interface TurnStateSnapshot {
  readonly activeRunId?: RunId
  /** The state of the loop around the model. */
  readonly loopState: TurnLoopState
  readonly turnPhase: TurnPhase
  readonly primitiveKind?: TurnPrimitiveKind
  readonly admittedContentShape?: TurnContentShape
  readonly visionEnabled: boolean
  readonly imageToolResultsEnabled: boolean
  readonly toolCallsPending: number
  /** Unfinished operations; those that the turn waits for are its barrier. */
  readonly pendingOpRefs: readonly string[]
  readonly barrierOperationIds: readonly string[]
  readonly hasBarrierOps: boolean
  readonly barrierSatisfied: boolean
  readonly boundaryCount: number
  readonly cancelAfterBoundary: boolean
  readonly terminalOutcome?: TurnEnd
  readonly terminalCauseKind?: TurnTerminalCause
  readonly extractionAttempts: number
  readonly maxExtractionRetries: number
  readonly llmRetryAttempt?: number
  readonly llmRetryMaxRetries?: number
  readonly llmRetrySelectedDelayMs?: number
}

/** Every call names its run, so a late report of an ended run reaches no other. Refusals are `DslTransitionError`s. */
export class TurnStateHandle {
  readonly #authority: HandleDslAuthority
  /** No other code binds runs on this machine, so starting a turn does. */
  readonly #isAlone: boolean

  constructor(authority: HandleDslAuthority, options: { readonly standalone?: boolean } = {}) {
    this.#authority = authority
    this.#isAlone = options.standalone === true
  }

  /** For an agent without a runtime: a run is bound when its turn starts. */
  static standalone(): TurnStateHandle {
    return new TurnStateHandle(HandleDslAuthority.ephemeral(), { standalone: true })
  }

  startConversationRun(
    runId: RunId,
    options: {
      readonly maxExtractionRetries?: number
      readonly contentShape?: 'conversation' | 'empty'
      readonly visionEnabled?: boolean
      readonly imageToolResultsEnabled?: boolean
    } = {},
  ): Promise<void> {
    const { maxExtractionRetries, contentShape, visionEnabled, imageToolResultsEnabled } = options
    const more = defined({
      maxExtractions: maxExtractionRetries,
      content: contentShape,
      vision: visionEnabled,
      imageToolResults: imageToolResultsEnabled,
    })
    return this.#start({ type: 'StartConversationRun', runId, ...more })
  }
  startImmediateAppend(runId: RunId): Promise<void> {
    return this.#start({ type: 'StartImmediateAppend', runId })
  }
  startImmediateContext(runId: RunId): Promise<void> {
    return this.#start({ type: 'StartImmediateContext', runId })
  }
  primitiveApplied(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'PrimitiveApplied', runId })
  }
  llmReturnedToolCalls(runId: RunId, toolCount: number): Promise<void> {
    return this.#authority.applyInput({ type: 'LlmReturnedToolCalls', runId, toolCount })
  }
  llmReturnedTerminal(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'LlmReturnedTerminal', runId })
  }
  /** `refs`: all unfinished operations, where there are more than the turn waits for. */
  registerPendingOps(runId: RunId, barrier: readonly string[], refs?: readonly string[]): Promise<void> {
    return this.#authority.applyInput({ type: 'RegisterPendingOps', runId, barrier, ...defined({ refs }) })
  }
  toolCallsResolved(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'ToolCallsResolved', runId })
  }
  /** Names exactly the operations that the turn waits for. */
  opsBarrierSatisfied(runId: RunId, operationIds: readonly string[]): Promise<void> {
    return this.#authority.applyInput({ type: 'OpsBarrierSatisfied', runId, operationIds })
  }
  boundaryContinue(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'BoundaryContinue', runId })
  }
  boundaryComplete(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'BoundaryComplete', runId })
  }
  enterExtraction(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'EnterExtraction', runId })
  }
  extractionStart(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'ExtractionStart', runId })
  }
  extractionValidationPassed(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'ExtractionValidationPassed', runId })
  }
  extractionValidationFailed(runId: RunId, error: string): Promise<void> {
    return this.#authority.applyInput({ type: 'ExtractionValidationFailed', runId, error })
  }
  extractionFailed(runId: RunId, error: string): Promise<void> {
    return this.#authority.applyInput({ type: 'ExtractionFailed', runId, error })
  }
  recoverableFailure(runId: RunId, retry: LlmRetry): Promise<void> {
    return this.#authority.applyInput({ type: 'RecoverableFailure', runId, retry })
  }
  /** The outcome and the cause follow from the source. */
  fatalFailure(runId: RunId, source: TerminalFailureSource): Promise<void> {
    return this.#authority.applyInput({ type: 'FatalFailure', runId, source })
  }
  retryRequested(runId: RunId, attempt: number): Promise<void> {
    return this.#authority.applyInput({ type: 'RetryRequested', runId, attempt })
  }
  cancelNow(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'CancelNow', runId })
  }
  /** Without a run: the current one, resolved now. */
  requestCancelAfterBoundary(runId?: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'CancelAfterBoundary', ...(runId && { runId }) })
  }
  cancellationObserved(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'CancellationObserved', runId })
  }
  turnLimitReached(runId: RunId, turns: number, maxTurns: number): Promise<void> {
    return this.#authority.applyInput({ type: 'TurnLimitReached', runId, turns, maxTurns })
  }
  budgetExhausted(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'BudgetExhausted', runId })
  }
  timeBudgetExceeded(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'TimeBudgetExceeded', runId })
  }
  /** Asserts that no run is bound; refused while one is. */
  forceCancelNoRun(): Promise<void> {
    return this.#authority.applyInput({ type: 'ForceCancelNoRun' })
  }
  runCompleted(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'Commit', runId })
  }
  runFailed(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'Fail', runId })
  }
  runCancelled(runId: RunId): Promise<void> {
    return this.#authority.applyInput({ type: 'CancelRun', runId })
  }

  /**
   * Closes the run with the end that its turn has reached, and answers that end; the session is then ready for the next
   * run.
   */
  async acknowledgeTerminal(runId: RunId): Promise<TurnEnd> {
    const { turnPhase, terminalOutcome } = this.snapshot()
    if (terminalOutcome === undefined) {
      const reason = `the turn is ${turnPhase}: it has no end yet`
      const context = 'meerkat/turn/acknowledgeTerminal'
      throw new DslTransitionError({ context, kind: 'no-matching-transition', reason })
    }
    await this.#authority.applyInput(runEndOf(turnPhase, runId))
    return terminalOutcome
  }

  snapshot(): TurnStateSnapshot {
    return snapshotOf(this.#authority.snapshotState())
  }

  async #start(start: Start): Promise<void> {
    if (!this.#isAlone) return this.#authority.applyInput(start)
    const inputId = `standalone:${start.runId}` as InputId
    await this.#authority.applyInputs(
      [{ type: 'AcceptInput', inputId, at: 0 }, { type: 'Prepare', runId: start.runId, at: 0 }, start],
      () => {},
    )
  }
}
refuseUnreadable(TurnStateHandle)

type Start =
  | ({ readonly type: 'StartConversationRun'; readonly runId: RunId } & TurnBeginning)
  | { readonly type: 'StartImmediateAppend'; readonly runId: RunId }
  | { readonly type: 'StartImmediateContext'; readonly runId: RunId }

function snapshotOf({ run, turn }: MeerkatState): TurnStateSnapshot {
  const waiting = turn.phase === 'waitingForOps' ? turn : undefined
  const barrier = waiting?.barrier ?? []
  return {
    ...(run.phase === 'bound' && { activeRunId: run.runId }),
    loopState: LOOP_STATES[turn.phase],
    turnPhase: turn.phase,
    toolCallsPending: waiting?.toolCalls ?? 0,
    pendingOpRefs: waiting?.refs ?? barrier,
    barrierOperationIds: barrier,
    hasBarrierOps: barrier.length > 0,
    barrierSatisfied: barrier.length === 0,
    boundaryCount: run.phase === 'bound' ? run.boundary : 0,
    cancelAfterBoundary: run.phase === 'bound' && run.cancel !== 'none',
    ...begunWith(turn),
    ...endOf(turn),
    ...retryOf(turn),
  }
}

function begunWith(turn: MeerkatState['turn']) {
  const none = { visionEnabled: false, imageToolResultsEnabled: false, extractionAttempts: 0, maxExtractionRetries: 0 }
  if (turn.phase === 'ready') return none
  const { primitive, content = CONTENT[primitive], vision, imageToolResults, extractions, maxExtractions } = turn.facts
  return {
    primitiveKind: primitive,
    admittedContentShape: content,
    visionEnabled: vision === true,
    imageToolResultsEnabled: imageToolResults === true,
    extractionAttempts: extractions,
    maxExtractionRetries: maxExtractions,
  }
}

const CONTENT: Readonly<Record<TurnPrimitiveKind, TurnContentShape>> = {
  'conversation-turn': 'conversation',
  'immediate-append': 'immediate-append',
  'immediate-context': 'immediate-context',
}

const LOOP_STATES: Readonly<Record<TurnPhase, TurnLoopState>> = {
  ready: 'completed',
  applyingPrimitive: 'callingLlm',
  callingLlm: 'callingLlm',
  waitingForOps: 'waitingForOps',
  drainingBoundary: 'drainingEvents',
  extracting: 'callingLlm',
  errorRecovery: 'errorRecovery',
  cancelling: 'cancelling',
  completed: 'completed',
  failed: 'completed',
  cancelled: 'completed',
}

function retryOf(
  turn: MeerkatState['turn'],
): Pick<TurnStateSnapshot, 'llmRetryAttempt' | 'llmRetryMaxRetries' | 'llmRetrySelectedDelayMs'> {
  if (turn.phase !== 'errorRecovery') return {}
  const { attempt, maxRetries, delayMs } = turn.retry
  return { llmRetryAttempt: attempt, llmRetryMaxRetries: maxRetries, llmRetrySelectedDelayMs: delayMs }
}

function endOf(turn: MeerkatState['turn']): Pick<TurnStateSnapshot, 'terminalOutcome' | 'terminalCauseKind'> {
  switch (turn.phase) {
    case 'completed':
    case 'cancelled':
      return { terminalOutcome: turn.phase }
    case 'failed':
      return { terminalOutcome: turn.outcome, terminalCauseKind: turn.cause }
    default:
      return {}
  }
}
