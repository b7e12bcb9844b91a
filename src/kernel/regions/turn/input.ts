/** The inputs that the region `turn` decides on. */
import type { RunId } from '../../ids.ts'
import type { LlmRetry } from './state.ts'

/** The source of a fatal failure. */
export type TerminalFailureSource =
  | 'token-budget-exceeded'
  | 'tool-call-budget-exceeded'
  | 'time-budget-exceeded'
  | 'structured-output-validation-failed'
  | 'invalid-output-schema'
  | 'hook-denied'
  | 'hook-failure'
  | 'llm'
  | 'llm-retry-exhausted'
  | 'tool-error'
  | 'runtime-apply'
  | 'internal'
  /** Reported by `TurnLimitReached`, which has the counts. */
  | 'max-turns-reached'
  | 'unknown'

/** Optional facts at the beginning of a conversation's turn. */
export interface TurnBeginning {
  readonly maxExtractions?: number
  readonly content?: 'conversation' | 'empty'
  readonly vision?: boolean
  readonly imageToolResults?: boolean
}

type ForRun<Type extends string, More = unknown> = { readonly type: Type; readonly runId: RunId } & More

export type TurnInput =
  | ForRun<'StartConversationRun', TurnBeginning>
  | ForRun<'StartImmediateAppend'>
  /** Adds to the model's context without a model call. */
  | ForRun<'StartImmediateContext'>
  | ForRun<'PrimitiveApplied'>
  | ForRun<'LlmReturnedToolCalls', { readonly toolCount: number }>
  | ForRun<'LlmReturnedTerminal'>
  /** Background operations the turn waits for before its boundary. */
  | ForRun<'RegisterPendingOps', { readonly barrier: readonly string[]; readonly refs?: readonly string[] }>
  | ForRun<'OpsBarrierSatisfied', { readonly operationIds: readonly string[] }>
  | ForRun<'ToolCallsResolved'>
  /** The turn goes on after this boundary. */
  | ForRun<'BoundaryContinue'>
  /** The model has finished: the turn ends at this boundary, unless steers join. */
  | ForRun<'BoundaryComplete'>
  | ForRun<'EnterExtraction'>
  | ForRun<'ExtractionStart'>
  | ForRun<'ExtractionValidationPassed'>
  | ForRun<'ExtractionValidationFailed', { readonly error: string }>
  /** The answer does not match its schema after all retries. */
  | ForRun<'ExtractionFailed', { readonly error: string }>
  | ForRun<'RecoverableFailure', { readonly retry: LlmRetry }>
  | ForRun<'RetryRequested', { readonly attempt: number }>
  | ForRun<'FatalFailure', { readonly source: TerminalFailureSource }>
  | ForRun<'CancelNow'>
  | ForRun<'CancellationObserved'>
  | ForRun<'TurnLimitReached', { readonly turns: number; readonly maxTurns: number }>
  | ForRun<'BudgetExhausted'>
  | ForRun<'TimeBudgetExceeded'>
  | { readonly type: 'ForceCancelNoRun' }
