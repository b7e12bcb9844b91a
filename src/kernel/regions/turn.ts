/**
 * The turn: what happens between a run's start and its outcome. Model call, tool calls, boundaries, extraction of a
 * structured answer, retries, and the one terminal outcome.
 *
 * Enforces: a terminal outcome is written once; a retry names the attempt it follows; a barrier is satisfied by exactly
 * the operations it waits for; only recoverable failures are recovered from.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { RunId } from '../ids.ts'
import type { MeerkatRegion, MeerkatState } from '../machine.ts'
import { allCallsSettled } from './calls.ts'
import { joinsSteers } from './ledger-runs.ts'
import { isCurrentRun } from './lifecycle.ts'
import {
  failureOf,
  isFatalSource,
  type LlmRetryFailureKind,
  RECOVERABLE,
  type TerminalFailureSource,
} from './turn-outcome.ts'

export type TurnTerminalOutcome =
  | 'failed'
  | 'budget-exhausted'
  | 'time-budget-exceeded'
  | 'structured-output-validation-failed'

export type TurnTerminalCause =
  | 'hook-denied'
  | 'hook-failure'
  | 'llm-failure'
  | 'tool-failure'
  | 'structured-output-invalid'
  | 'budget-exhausted'
  | 'time-budget-exceeded'
  | 'retry-exhausted'
  | 'turn-limit-reached'
  | 'runtime-apply-failure'
  | 'fatal-failure'

export type TurnPrimitiveKind = 'conversation-turn' | 'immediate-append'

/** What holds through the whole turn. */
export interface TurnFacts {
  readonly runId: RunId
  readonly primitive: TurnPrimitiveKind
  /** Validation attempts made, of how many. */
  readonly extractions: number
  readonly maxExtractions: number
}

type In<Phase extends string, More = unknown> = { readonly phase: Phase; readonly facts: TurnFacts } & More

export type Turn =
  | { readonly phase: 'ready' }
  | In<'applyingPrimitive'>
  | In<'callingLlm'>
  | In<'waitingForOps', { readonly toolCalls: number; readonly barrier: readonly string[] }>
  | In<'drainingBoundary'>
  | In<'extracting'>
  | In<'errorRecovery', { readonly retry: LlmRetry }>
  | In<'cancelling'>
  | In<'completed'>
  | In<'failed', { readonly outcome: TurnTerminalOutcome; readonly cause: TurnTerminalCause }>
  | In<'cancelled'>

/** A retry that was decided and waits for its time. */
export interface LlmRetry {
  readonly attempt: number
  readonly maxRetries: number
  readonly delayMs: number
  readonly kind: LlmRetryFailureKind
}

export type TurnPhase = Turn['phase']

type ForRun<Type extends string, More = unknown> = { readonly type: Type; readonly runId: RunId } & More

export type TurnInput =
  | ForRun<'StartConversationRun', { readonly maxExtractions?: number }>
  | ForRun<'StartImmediateAppend'>
  | ForRun<'PrimitiveApplied'>
  | ForRun<'LlmReturnedToolCalls', { readonly toolCount: number }>
  | ForRun<'LlmReturnedTerminal'>
  /** Background operations the turn waits for before its boundary. */
  | ForRun<'RegisterPendingOps', { readonly barrier: readonly string[] }>
  | ForRun<'OpsBarrierSatisfied', { readonly operationIds: readonly string[] }>
  | ForRun<'ToolCallsResolved'>
  /** The turn goes on after this boundary. */
  | ForRun<'BoundaryContinue'>
  /** The model is done: the turn ends here, unless steers wait to be taken in. */
  | ForRun<'BoundaryComplete'>
  | ForRun<'EnterExtraction'>
  | ForRun<'ExtractionStart'>
  | ForRun<'ExtractionValidationPassed'>
  | ForRun<'ExtractionValidationFailed', { readonly error: string }>
  | ForRun<'RecoverableFailure', { readonly retry: LlmRetry }>
  | ForRun<'RetryRequested', { readonly attempt: number }>
  | ForRun<'FatalFailure', { readonly source: TerminalFailureSource }>
  | ForRun<'CancelNow'>
  | ForRun<'CancellationObserved'>
  | ForRun<'TurnLimitReached', { readonly turns: number; readonly maxTurns: number }>
  | ForRun<'BudgetExhausted'>
  | ForRun<'TimeBudgetExceeded'>

const READY: Turn = { phase: 'ready' }

const to =
  <Phase extends 'callingLlm' | 'drainingBoundary' | 'extracting' | 'cancelling' | 'completed' | 'cancelled'>(
    phase: Phase,
  ) =>
  (slice: Turn): Turn =>
    slice.phase === 'ready' ? slice : { phase, facts: slice.facts }

const fail =
  (outcome: TurnTerminalOutcome, cause: TurnTerminalCause) =>
  (slice: Turn): Turn =>
    slice.phase === 'ready' ? slice : { phase: 'failed', facts: slice.facts, outcome, cause }

function begin(
  primitive: TurnPrimitiveKind,
): (slice: Turn, input: { readonly runId: RunId; readonly maxExtractions?: number }) => Turn {
  return (_, { runId, maxExtractions }) => ({
    phase: 'applyingPrimitive',
    facts: { runId, primitive, extractions: 0, maxExtractions: maxExtractions ?? 0 },
  })
}

function isConversation(state: MeerkatState): boolean {
  return state.turn.phase !== 'ready' && state.turn.facts.primitive === 'conversation-turn'
}
function cancelAtBoundary(state: MeerkatState): boolean {
  return state.run.phase === 'bound' && state.run.cancel !== 'none'
}
function callsTools(_: MeerkatState, input: { readonly toolCount: number }): boolean {
  return input.toolCount > 0
}
function barrierSatisfied(state: MeerkatState): boolean {
  return state.turn.phase !== 'waitingForOps' || state.turn.barrier.length === 0
}
function matchesBarrier(state: MeerkatState, input: { readonly operationIds: readonly string[] }): boolean {
  if (state.turn.phase !== 'waitingForOps' || state.turn.barrier.length === 0) return false
  const { barrier } = state.turn
  return barrier.length === input.operationIds.length && barrier.every(id => input.operationIds.includes(id))
}
function extractionsLeft(state: MeerkatState): boolean {
  return state.turn.phase !== 'ready' && state.turn.facts.extractions < state.turn.facts.maxExtractions
}
function isRecoverable(_: MeerkatState, { retry }: { readonly retry: LlmRetry }): boolean {
  return RECOVERABLE.includes(retry.kind) && retry.attempt > 0 && retry.attempt <= retry.maxRetries
}
function isPlannedRetry(state: MeerkatState, input: { readonly attempt: number }): boolean {
  return state.turn.phase === 'errorRecovery' && state.turn.retry.attempt === input.attempt
}
function isFatal(_: MeerkatState, input: { readonly source: TerminalFailureSource }): boolean {
  return isFatalSource(input.source)
}
function limitReached(_: MeerkatState, input: { readonly turns: number; readonly maxTurns: number }): boolean {
  return input.turns >= input.maxTurns
}

const effect =
  (type: 'TurnRunStarted' | 'TurnCheckCompaction' | 'TurnRunCompleted' | 'TurnRunCancelled') =>
  (_: MeerkatState, input: { readonly runId: RunId }): MeerkatEffect => ({ type, runId: input.runId })

function turnFailed(after: MeerkatState, input: { readonly runId: RunId }): readonly MeerkatEffect[] {
  return after.turn.phase === 'failed' ? [{ type: 'TurnRunFailed', runId: input.runId, cause: after.turn.cause }] : []
}

const RUNNING = ['running'] as const
const WORKING: readonly TurnPhase[] = [
  'applyingPrimitive',
  'callingLlm',
  'waitingForOps',
  'drainingBoundary',
  'extracting',
  'errorRecovery',
]
const UNFINISHED: readonly TurnPhase[] = [...WORKING, 'cancelling']
const RECOVERABLE_IN: readonly TurnPhase[] = ['callingLlm', 'waitingForOps', 'drainingBoundary', 'extracting']

export const turn: MeerkatRegion<'turn', TurnPhase> = {
  name: 'turn',
  about: 'What happens between a run and its outcome: model, tools, boundaries, extraction, retries.',
  initial: READY,
  phaseOf: state => state.turn.phase,
  phases: ['ready', ...UNFINISHED, 'completed', 'failed', 'cancelled'],
  on: {
    StartConversationRun: [
      {
        name: 'begin',
        from: ['ready'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['applyingPrimitive'],
        then: begin('conversation-turn'),
        emit: [effect('TurnRunStarted')],
      },
    ],
    StartImmediateAppend: [
      {
        name: 'begin',
        from: ['ready'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['applyingPrimitive'],
        then: begin('immediate-append'),
        emit: [effect('TurnRunStarted')],
      },
    ],
    PrimitiveApplied: [
      {
        name: 'conversation',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun, isConversation],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      },
      {
        name: 'append-cancelled',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun, cancelAtBoundary],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      },
      {
        name: 'append',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['completed'],
        then: to('completed'),
        emit: [effect('TurnRunCompleted')],
      },
    ],
    LlmReturnedToolCalls: [
      {
        name: 'calls',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun, callsTools],
        to: ['waitingForOps'],
        then: (slice, { toolCount }) =>
          slice.phase === 'ready'
            ? slice
            : { phase: 'waitingForOps', facts: slice.facts, toolCalls: toolCount, barrier: [] },
      },
      {
        name: 'none',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      },
    ],
    LlmReturnedTerminal: [
      {
        name: 'answer',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      },
    ],
    RegisterPendingOps: [
      {
        name: 'wait',
        from: ['callingLlm', 'waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['waitingForOps'],
        then: (slice, { barrier }) =>
          slice.phase === 'ready'
            ? slice
            : {
                phase: 'waitingForOps',
                facts: slice.facts,
                toolCalls: slice.phase === 'waitingForOps' ? slice.toolCalls : 0,
                barrier,
              },
      },
    ],
    OpsBarrierSatisfied: [
      {
        name: 'exact',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, matchesBarrier],
        then: slice => (slice.phase === 'waitingForOps' ? { ...slice, barrier: [] } : slice),
      },
    ],
    ToolCallsResolved: [
      {
        name: 'resolved',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, barrierSatisfied, allCallsSettled],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      },
    ],
    BoundaryContinue: [
      {
        name: 'cancelled',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, cancelAtBoundary],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      },
      {
        name: 'continue',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      },
    ],
    BoundaryComplete: [
      {
        name: 'steered',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, joinsSteers],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      },
      {
        name: 'cut-off',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, cancelAtBoundary],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      },
      {
        name: 'complete',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['completed'],
        then: to('completed'),
        emit: [effect('TurnRunCompleted')],
      },
    ],
    EnterExtraction: [
      {
        name: 'extract',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['extracting'],
        then: to('extracting'),
      },
    ],
    ExtractionStart: [
      {
        name: 'ask',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      },
    ],
    ExtractionValidationPassed: [
      {
        name: 'valid',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      },
    ],
    ExtractionValidationFailed: [
      {
        name: 'again',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun, extractionsLeft],
        to: ['callingLlm'],
        then: slice =>
          slice.phase === 'ready'
            ? slice
            : { phase: 'callingLlm', facts: { ...slice.facts, extractions: slice.facts.extractions + 1 } },
        emit: [effect('TurnCheckCompaction')],
      },
      {
        name: 'exhausted',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['failed'],
        then: fail('structured-output-validation-failed', 'structured-output-invalid'),
        emit: [turnFailed],
      },
    ],
    RecoverableFailure: [
      {
        name: 'recover',
        from: RECOVERABLE_IN,
        during: RUNNING,
        when: [isCurrentRun, isRecoverable],
        to: ['errorRecovery'],
        then: (slice, { retry }) =>
          slice.phase === 'ready' ? slice : { phase: 'errorRecovery', facts: slice.facts, retry },
      },
    ],
    RetryRequested: [
      {
        name: 'retry',
        from: ['errorRecovery'],
        during: RUNNING,
        when: [isCurrentRun, isPlannedRetry],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      },
    ],
    FatalFailure: [
      {
        name: 'fatal',
        from: UNFINISHED,
        during: RUNNING,
        when: [isCurrentRun, isFatal],
        to: ['failed'],
        then: (slice, { source }) => {
          const { outcome, cause } = failureOf(source)
          return fail(outcome, cause)(slice)
        },
        emit: [turnFailed],
      },
    ],
    CancelNow: [
      {
        name: 'cancel',
        from: UNFINISHED,
        during: RUNNING,
        when: [isCurrentRun],
        to: ['cancelling'],
        then: to('cancelling'),
      },
    ],
    CancellationObserved: [
      {
        name: 'observed',
        from: ['cancelling'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      },
    ],
    TurnLimitReached: [
      {
        name: 'limit',
        from: UNFINISHED,
        during: RUNNING,
        when: [isCurrentRun, limitReached],
        to: ['failed'],
        then: fail('failed', 'turn-limit-reached'),
        emit: [turnFailed],
      },
    ],
    BudgetExhausted: [
      {
        name: 'budget',
        from: UNFINISHED,
        during: RUNNING,
        when: [isCurrentRun],
        to: ['failed'],
        then: fail('budget-exhausted', 'budget-exhausted'),
        emit: [turnFailed],
      },
    ],
    TimeBudgetExceeded: [
      {
        name: 'time',
        from: UNFINISHED,
        during: RUNNING,
        when: [isCurrentRun],
        to: ['failed'],
        then: fail('time-budget-exceeded', 'time-budget-exceeded'),
        emit: [turnFailed],
      },
    ],
  },
  follow: {
    Commit: { then: () => READY },
    Fail: { then: () => READY },
    CancelRun: { then: () => READY },
    RollbackRun: { then: () => READY },
    Recover: { then: () => READY },
    RuntimeExecutorExited: { then: () => READY },
    Destroy: { then: () => READY },
    UnregisterSession: { then: () => READY },
  },
  invariants: [
    {
      id: 'extractions-are-bounded',
      text: 'no more validation attempts than allowed',
      holds: ({ turn: t }) => t.phase === 'ready' || t.facts.extractions <= t.facts.maxExtractions,
    },
  ],
}
