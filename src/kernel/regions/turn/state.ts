/** What a turn is at, and what can happen to it. */
import type { RunId } from '../../ids.ts'
import type { TerminalFailureSource } from './input.ts'

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

export type TurnContentShape = 'conversation' | 'empty' | 'immediate-append' | 'immediate-context'
export type TurnPrimitiveKind = 'conversation-turn' | 'immediate-append' | 'immediate-context'

/** What holds through the whole turn. */
export interface TurnFacts {
  readonly runId: RunId
  readonly primitive: TurnPrimitiveKind
  /** Validation attempts made, of how many. */
  readonly extractions: number
  readonly maxExtractions: number
  /** What the content that it was started with is like; absent: what its primitive says. */
  readonly content?: TurnContentShape
  /** What the model of the turn can be shown. */
  readonly vision?: true
  readonly imageToolResults?: true
}

type In<Phase extends string, More = unknown> = { readonly phase: Phase; readonly facts: TurnFacts } & More

export type Turn =
  | { readonly phase: 'ready' }
  | In<'applyingPrimitive'>
  | In<'callingLlm'>
  | In<
      'waitingForOps',
      {
        readonly toolCalls: number
        readonly barrier: readonly string[]
        /** Everything that is under way, where that is more than the turn waits for. */
        readonly refs?: readonly string[]
      }
    >
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

/** What a conversation's turn may be begun with. */
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
  /** Adds to what the model knows, without asking it anything. */
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
  /** The model is done: the turn ends here, unless steers wait to be taken in. */
  | ForRun<'BoundaryComplete'>
  | ForRun<'EnterExtraction'>
  | ForRun<'ExtractionStart'>
  | ForRun<'ExtractionValidationPassed'>
  | ForRun<'ExtractionValidationFailed', { readonly error: string }>
  /** The answer will not take the shape it has to have. */
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

/** Model failures that a retry may mend. */
export type LlmRetryFailureKind = 'rate-limited' | 'network-timeout' | 'call-timeout' | 'retryable-provider-error'
