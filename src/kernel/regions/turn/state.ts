/** What a turn is at, and what can happen to it. */
import type { RunId } from '../../ids.ts'

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
/** Model failures that a retry may mend. */
export type LlmRetryFailureKind = 'rate-limited' | 'network-timeout' | 'call-timeout' | 'retryable-provider-error'
