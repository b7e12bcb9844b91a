import type { MeerkatInput, TurnPhase } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { TurnInput } from '../../../src/kernel/regions/turn/input.ts'
import { attached, type Play, runId } from '../support/play.ts'
import { askSessions, type Table } from './ask.ts'

type Type = TurnInput['type']
type Row = Table<'row', Type, TurnPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const r = { runId: runId('r') }
const EXAMPLES = {
  StartConversationRun: { type: 'StartConversationRun', ...r, maxExtractions: 1 },
  StartImmediateAppend: { type: 'StartImmediateAppend', ...r },
  StartImmediateContext: { type: 'StartImmediateContext', ...r },
  PrimitiveApplied: { type: 'PrimitiveApplied', ...r },
  LlmReturnedToolCalls: { type: 'LlmReturnedToolCalls', ...r, toolCount: 1 },
  LlmReturnedTerminal: { type: 'LlmReturnedTerminal', ...r },
  RegisterPendingOps: { type: 'RegisterPendingOps', ...r, barrier: ['op'] },
  OpsBarrierSatisfied: { type: 'OpsBarrierSatisfied', ...r, operationIds: ['op'] },
  ToolCallsResolved: { type: 'ToolCallsResolved', ...r },
  BoundaryContinue: { type: 'BoundaryContinue', ...r },
  BoundaryComplete: { type: 'BoundaryComplete', ...r },
  EnterExtraction: { type: 'EnterExtraction', ...r },
  ExtractionStart: { type: 'ExtractionStart', ...r },
  ExtractionValidationPassed: { type: 'ExtractionValidationPassed', ...r },
  ExtractionValidationFailed: { type: 'ExtractionValidationFailed', ...r, error: 'no' },
  ExtractionFailed: { type: 'ExtractionFailed', ...r, error: 'no' },
  RecoverableFailure: {
    type: 'RecoverableFailure',
    ...r,
    retry: { attempt: 1, maxRetries: 2, delayMs: 1, kind: 'rate-limited' },
  },
  RetryRequested: { type: 'RetryRequested', ...r, attempt: 1 },
  FatalFailure: { type: 'FatalFailure', ...r, source: 'llm' },
  CancelNow: { type: 'CancelNow', ...r },
  CancellationObserved: { type: 'CancellationObserved', ...r },
  TurnLimitReached: { type: 'TurnLimitReached', ...r, turns: 2, maxTurns: 2 },
  BudgetExhausted: { type: 'BudgetExhausted', ...r },
  TimeBudgetExceeded: { type: 'TimeBudgetExceeded', ...r },
  ForceCancelNoRun: { type: 'ForceCancelNoRun' },
} as const

const ended: Row = {
  StartConversationRun: NO,
  StartImmediateAppend: NO,
  StartImmediateContext: NO,
  PrimitiveApplied: NO,
  LlmReturnedToolCalls: NO,
  LlmReturnedTerminal: NO,
  RegisterPendingOps: NO,
  OpsBarrierSatisfied: NO,
  ToolCallsResolved: NO,
  BoundaryContinue: NO,
  BoundaryComplete: NO,
  EnterExtraction: NO,
  ExtractionStart: NO,
  ExtractionValidationPassed: NO,
  ExtractionValidationFailed: NO,
  ExtractionFailed: NO,
  RecoverableFailure: NO,
  RetryRequested: NO,
  FatalFailure: NO,
  CancelNow: NO,
  CancellationObserved: NO,
  TurnLimitReached: NO,
  BudgetExhausted: NO,
  TimeBudgetExceeded: NO,
  ForceCancelNoRun: NO,
}
/** From its begin to its end it can fail, be cancelled, or come to a limit. */
const unfinished: Row = {
  ...ended,
  FatalFailure: 'failed',
  CancelNow: 'cancelling',
  TurnLimitReached: 'failed',
  BudgetExhausted: 'failed',
  TimeBudgetExceeded: 'failed',
}
const started = {
  StartConversationRun: 'applyingPrimitive',
  StartImmediateAppend: 'applyingPrimitive',
  StartImmediateContext: 'applyingPrimitive',
} as const
const waitingForOps: Row = {
  ...unfinished,
  RegisterPendingOps: 'stays',
  OpsBarrierSatisfied: 'stays',
  ToolCallsResolved: FALSE,
  RecoverableFailure: 'errorRecovery',
}
const drainingBoundary: Row = {
  ...unfinished,
  BoundaryContinue: 'callingLlm',
  BoundaryComplete: 'completed',
  EnterExtraction: 'extracting',
  ExtractionFailed: 'failed',
  RecoverableFailure: 'errorRecovery',
}
const extracting: Row = {
  ...unfinished,
  ExtractionStart: 'callingLlm',
  ExtractionValidationPassed: 'drainingBoundary',
  ExtractionValidationFailed: 'callingLlm',
  ExtractionFailed: 'failed',
  RecoverableFailure: 'errorRecovery',
}
const table: Table<TurnPhase, Type, TurnPhase> = {
  ready: { ...ended, ...started, ForceCancelNoRun: FALSE },
  applyingPrimitive: { ...unfinished, PrimitiveApplied: 'callingLlm' },
  callingLlm: {
    ...unfinished,
    LlmReturnedToolCalls: 'waitingForOps',
    LlmReturnedTerminal: 'drainingBoundary',
    RegisterPendingOps: 'waitingForOps',
    ExtractionFailed: 'failed',
    RecoverableFailure: 'errorRecovery',
  },
  waitingForOps,
  drainingBoundary,
  extracting,
  errorRecovery: { ...unfinished, RetryRequested: 'callingLlm' },
  cancelling: { ...unfinished, CancelNow: 'stays', CancellationObserved: 'cancelled' },
  completed: ended,
  failed: ended,
  cancelled: ended,
}

const phaseOf = ({ turn }: { readonly turn: { readonly phase: TurnPhase } }): TurnPhase => turn.phase
/** A run whose turn saw these. */
function turned(...types: readonly Type[]): Play {
  const play = attached()
  play.accept('i')
  play.prepare('r')
  play.do(...types.map((type): MeerkatInput => EXAMPLES[type]))
  return play
}
function and(play: Play, ...inputs: readonly MeerkatInput[]): Play {
  play.do(...inputs)
  return play
}
const ASKING = ['StartConversationRun', 'PrimitiveApplied'] as const
const DRAINING = [...ASKING, 'LlmReturnedTerminal'] as const

test('every input in every phase', () => {
  const sessions = {
    ready: turned(),
    applyingPrimitive: turned('StartConversationRun'),
    callingLlm: turned(...ASKING),
    waitingForOps: turned(...ASKING, 'RegisterPendingOps'),
    drainingBoundary: turned(...DRAINING),
    extracting: turned(...DRAINING, 'EnterExtraction'),
    errorRecovery: turned(...ASKING, 'RecoverableFailure'),
    cancelling: turned(...ASKING, 'CancelNow'),
    completed: turned(...DRAINING, 'BoundaryComplete'),
    failed: turned(...ASKING, 'FatalFailure'),
    cancelled: turned(...ASKING, 'CancelNow', 'CancellationObserved'),
  }
  expect(askSessions({ phaseOf }, sessions, EXAMPLES)).toEqual(table)
})

test('every input where a phase has more than one way on', () => {
  const toCancel: MeerkatInput = { type: 'CancelAfterBoundary' }
  const steered = turned(...DRAINING)
  steered.steer('s')
  const sessions = {
    'ready, without a run': attached(),
    'applyingPrimitive, an append': turned('StartImmediateAppend'),
    'applyingPrimitive, context': turned('StartImmediateContext'),
    'applyingPrimitive, an append to be cancelled': and(turned('StartImmediateAppend'), toCancel),
    'waitingForOps, for tools only': turned(...ASKING, 'LlmReturnedToolCalls'),
    'drainingBoundary, to be cancelled': and(turned(...DRAINING), toCancel),
    'drainingBoundary, with a steer': steered,
    'extracting, for the last time': turned(...DRAINING, 'EnterExtraction', 'ExtractionValidationFailed', ...LAST),
  }
  const immediate: Row = { ...unfinished, PrimitiveApplied: 'completed' }
  expect(askSessions({ phaseOf }, sessions, EXAMPLES)).toEqual({
    'ready, without a run': { ...ended, ForceCancelNoRun: 'stays' },
    'applyingPrimitive, an append': immediate,
    'applyingPrimitive, context': immediate,
    'applyingPrimitive, an append to be cancelled': { ...immediate, PrimitiveApplied: 'cancelled' },
    'waitingForOps, for tools only': {
      ...waitingForOps,
      OpsBarrierSatisfied: FALSE,
      ToolCallsResolved: 'drainingBoundary',
    },
    'drainingBoundary, to be cancelled': {
      ...drainingBoundary,
      BoundaryContinue: 'cancelled',
      BoundaryComplete: 'cancelled',
    },
    'drainingBoundary, with a steer': { ...drainingBoundary, BoundaryComplete: 'callingLlm' },
    'extracting, for the last time': { ...extracting, ExtractionValidationFailed: 'failed' },
  } satisfies Table<keyof typeof sessions, Type, TurnPhase>)
})
const LAST = ['LlmReturnedTerminal', 'EnterExtraction'] as const

test('nothing that speaks of another run reaches the turn', () => {
  const other = attached()
  other.accept('i')
  other.begin('other')
  const row = askSessions({ phaseOf }, { callingLlm: other }, EXAMPLES).callingLlm
  const taken = Object.values(row).filter(outcome => outcome !== NO && outcome !== FALSE)
  expect(taken).toEqual([])
})
