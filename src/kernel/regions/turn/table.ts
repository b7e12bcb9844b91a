/**
 * The turn: what happens between a run's start and its outcome. Model call, tool calls, boundaries, extraction of a
 * structured answer, retries, and the one terminal outcome.
 *
 * Enforces: a terminal outcome is written once; a retry names the attempt it follows; a barrier is satisfied by exactly
 * the operations it waits for; only recoverable failures are recovered from.
 */

import type { CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId } from '../../ids.ts'
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
  fail,
  isConversation,
  isPlannedRetry,
  isRecoverable,
  matchesBarrier,
  READY,
  TO_READY,
  to,
  turnFailed,
} from './rules.ts'
import type { TurnPhase } from './state.ts'

export type { Turn, TurnPhase, TurnTerminalCause, TurnTerminalOutcome } from './state.ts'

const RECOVERABLE_IN: readonly TurnPhase[] = ['callingLlm', 'waitingForOps', 'drainingBoundary', 'extracting']

/** Steers wait that prolong the turn. */
function joinsSteers(_: CoreFacts, __: unknown, joined: readonly InputId[]): boolean {
  return joined.length > 0
}

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
        then: (slice, { barrier, refs }) =>
          slice.phase === 'ready'
            ? slice
            : {
                phase: 'waitingForOps',
                facts: slice.facts,
                toolCalls: slice.phase === 'waitingForOps' ? slice.toolCalls : 0,
                barrier,
                ...(refs && { refs }),
              },
      },
    ],
    OpsBarrierSatisfied: [
      {
        name: 'exact',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, matchesBarrier],
        then: slice =>
          slice.phase === 'waitingForOps'
            ? { phase: slice.phase, facts: slice.facts, toolCalls: slice.toolCalls, barrier: [] }
            : slice,
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
      // What waits for a person may wait beyond the boundary: the model goes on without it, and hears who steers.
      {
        name: 'pending',
        from: ['waitingForOps'],
        during: RUNNING,
        when: [isCurrentRun, barrierSatisfied, hasUnsettledCalls, noCallInFlight],
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
        when: [isCurrentRun, cancelTakesAnswer],
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
