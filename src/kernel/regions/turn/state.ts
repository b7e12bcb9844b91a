/** The slice of the region `turn`. */
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

/** Facts that hold through the whole turn. */
export interface TurnFacts {
  readonly runId: RunId
  readonly primitive: TurnPrimitiveKind
  /** Validation attempts so far. */
  readonly extractions: number
  readonly maxExtractions: number
  /** The shape of the content that it was started with; absent: by its primitive. */
  readonly content?: TurnContentShape
  /** Whether the turn's model takes images. */
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
        /** All operations under way, if more than those that the turn waits for. */
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

/** A planned retry that waits for its time. */
export interface LlmRetry {
  readonly attempt: number
  readonly maxRetries: number
  readonly delayMs: number
  readonly kind: LlmRetryFailureKind
}

export type TurnPhase = Turn['phase']
/** Model failures that may pass with a retry. */
export type LlmRetryFailureKind = 'rate-limited' | 'network-timeout' | 'call-timeout' | 'retryable-provider-error'
