/**
 * The turn, from a run's start to its outcome: model calls, tool calls, boundaries, extraction of a
 * structured answer, retries, and the one terminal outcome.
 *
 * Enforces: a terminal outcome is written once; a retry names the attempt it follows; a barrier is satisfied by exactly
 * the operations it waits for; only recoverable failures are recovered from.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId } from '../../ids.ts'
import { rowsOf } from '../../region.ts'
import { allCallsSettled, hasUnsettledCalls, noCallInFlight } from '../calls/table.ts'
import { isCurrentRun } from '../guards.ts'
import { joiningSteers } from '../ledger/runs.ts'
import { RUNNING } from '../phases.ts'
import { turnEnds, UNFINISHED } from './ends.ts'
import {
  barrierSatisfied,
  begin,
  callsTools,
  cancelAtBoundary,
  cancelTakesAnswer,
  effect,
  extractionsLeft,
  failing,
  isConversation,
  isPlannedRetry,
  isRecoverable,
  matchesBarrier,
  READY,
  TO_READY,
  to,
} from './rules.ts'
import type { Turn, TurnPhase } from './state.ts'

export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './state.ts'

const RECOVERABLE_IN = ['callingLlm', 'waitingForOps', 'drainingBoundary', 'extracting'] as const

/** Guard: steers join at this boundary, which prolongs the turn. */
function joinsSteers(_: CoreFacts, __: unknown, joined: readonly InputId[]): boolean {
  return joined.length > 0
}

const narrowed = rowsOf<CoreFacts, Turn, CoreEffect>()

export const turn: CoreRegion<'turn', TurnPhase> = {
  name: 'turn',
  about: 'What happens between a run and its outcome: model, tools, boundaries, extraction, retries.',
  initial: READY,
  phaseOf: state => state.turn.phase,
  phases: ['ready', ...UNFINISHED, 'completed', 'failed', 'cancelled'],
  decides: { BoundaryContinue: joiningSteers, BoundaryComplete: joiningSteers },
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
    StartImmediateContext: [
      {
        name: 'begin',
        from: ['ready'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['applyingPrimitive'],
        then: begin('immediate-context'),
        emit: [effect('TurnRunStarted')],
      },
    ],
    PrimitiveApplied: [
      narrowed({
        name: 'conversation',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun, isConversation],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      }),
      narrowed({
        name: 'append-cancelled',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun, cancelAtBoundary],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      }),
      narrowed({
        name: 'append',
        from: ['applyingPrimitive'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['completed'],
        then: to('completed'),
        emit: [effect('TurnRunCompleted')],
      }),
    ],
    LlmReturnedToolCalls: [
      narrowed({
        name: 'calls',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun, callsTools],
        to: ['waitingForOps'],
        then: ({ facts }, { toolCount }) => ({ phase: 'waitingForOps', facts, toolCalls: toolCount, barrier: [] }),
      }),
      narrowed({
        name: 'none',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      }),
    ],
    LlmReturnedTerminal: [
      narrowed({
        name: 'answer',
        from: ['callingLlm'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      }),
    ],
    RegisterPendingOps: [
      narrowed({
        name: 'wait',
        from: ['callingLlm', 'waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['waitingForOps'],
        then: (slice, { barrier, refs }) => ({
          phase: 'waitingForOps',
          facts: slice.facts,
          toolCalls: slice.phase === 'waitingForOps' ? slice.toolCalls : 0,
          barrier,
          ...(refs && { refs }),
        }),
      }),
    ],
    OpsBarrierSatisfied: [
      narrowed({
        name: 'exact',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, matchesBarrier],
        then: ({ phase, facts, toolCalls }) => ({ phase, facts, toolCalls, barrier: [] }),
      }),
    ],
    ToolCallsResolved: [
      narrowed({
        name: 'resolved',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, barrierSatisfied, allCallsSettled],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      }),
      // Undecided calls may wait beyond the boundary: the model goes on without them and gets the steers.
      narrowed({
        name: 'pending',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, barrierSatisfied, hasUnsettledCalls, noCallInFlight],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      }),
    ],
    BoundaryContinue: [
      narrowed({
        name: 'cancelled',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, cancelAtBoundary],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      }),
      narrowed({
        name: 'continue',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      }),
    ],
    BoundaryComplete: [
      narrowed({
        name: 'steered',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, joinsSteers],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      }),
      narrowed({
        name: 'cut-off',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun, cancelTakesAnswer],
        to: ['cancelled'],
        then: to('cancelled'),
        emit: [effect('TurnRunCancelled')],
      }),
      narrowed({
        name: 'complete',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['completed'],
        then: to('completed'),
        emit: [effect('TurnRunCompleted')],
      }),
    ],
    EnterExtraction: [
      narrowed({
        name: 'extract',
        from: ['drainingBoundary'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['extracting'],
        then: to('extracting'),
      }),
    ],
    ExtractionStart: [
      narrowed({
        name: 'ask',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      }),
    ],
    ExtractionValidationPassed: [
      narrowed({
        name: 'valid',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun],
        to: ['drainingBoundary'],
        then: to('drainingBoundary'),
      }),
    ],
    ExtractionValidationFailed: [
      narrowed({
        name: 'again',
        from: ['extracting'],
        during: RUNNING,
        when: [isCurrentRun, extractionsLeft],
        to: ['callingLlm'],
        then: ({ facts }) => ({ phase: 'callingLlm', facts: { ...facts, extractions: facts.extractions + 1 } }),
        emit: [effect('TurnCheckCompaction')],
      }),
      narrowed({
        name: 'exhausted',
        from: ['extracting'],
        when: [isCurrentRun],
        ...failing(() => 'structured-output-validation-failed'),
      }),
    ],
    RecoverableFailure: [
      narrowed({
        name: 'recover',
        from: RECOVERABLE_IN,
        during: RUNNING,
        when: [isCurrentRun, isRecoverable],
        to: ['errorRecovery'],
        then: ({ facts }, { retry }) => ({ phase: 'errorRecovery', facts, retry }),
      }),
    ],
    RetryRequested: [
      narrowed({
        name: 'retry',
        from: ['errorRecovery'],
        during: RUNNING,
        when: [isCurrentRun, isPlannedRetry],
        to: ['callingLlm'],
        then: to('callingLlm'),
        emit: [effect('TurnCheckCompaction')],
      }),
    ],
    ...turnEnds,
  },
  lives: { run: { moves: TO_READY, then: () => READY } },
  follow: {
    Commit: { moves: { completed: ['ready'] }, then: () => READY },
    Fail: { moves: { failed: ['ready'] }, then: () => READY },
    CancelRun: { moves: { cancelled: ['ready'] }, then: () => READY },
  },
  invariants: [
    {
      id: 'extractions-are-bounded',
      text: 'no more validation attempts than allowed',
      holds: ({ turn: t }) => t.phase === 'ready' || t.facts.extractions <= t.facts.maxExtractions,
    },
  ],
}
