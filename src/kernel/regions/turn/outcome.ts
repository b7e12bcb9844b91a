/** Classifies a turn's failure: the outcome and cause of each source, and which sources may be retried. */

import type { TerminalFailureSource } from './input.ts'
import type { LlmRetryFailureKind, TurnTerminalCause, TurnTerminalOutcome } from './state.ts'

export const RECOVERABLE: readonly LlmRetryFailureKind[] = [
  'rate-limited',
  'network-timeout',
  'call-timeout',
  'retryable-provider-error',
]

interface Failure {
  readonly outcome: TurnTerminalOutcome
  readonly cause: TurnTerminalCause
}

export const FAILURES: Readonly<Record<TerminalFailureSource, Failure>> = {
  'token-budget-exceeded': { outcome: 'budget-exhausted', cause: 'budget-exhausted' },
  'tool-call-budget-exceeded': { outcome: 'budget-exhausted', cause: 'budget-exhausted' },
  'time-budget-exceeded': { outcome: 'time-budget-exceeded', cause: 'time-budget-exceeded' },
  'structured-output-validation-failed': {
    outcome: 'structured-output-validation-failed',
    cause: 'structured-output-invalid',
  },
  'invalid-output-schema': { outcome: 'structured-output-validation-failed', cause: 'structured-output-invalid' },
  'hook-denied': { outcome: 'failed', cause: 'hook-denied' },
  'hook-failure': { outcome: 'failed', cause: 'hook-failure' },
  llm: { outcome: 'failed', cause: 'llm-failure' },
  'llm-retry-exhausted': { outcome: 'failed', cause: 'retry-exhausted' },
  'tool-error': { outcome: 'failed', cause: 'tool-failure' },
  'runtime-apply': { outcome: 'failed', cause: 'runtime-apply-failure' },
  internal: { outcome: 'failed', cause: 'fatal-failure' },
  'max-turns-reached': { outcome: 'failed', cause: 'turn-limit-reached' },
  unknown: { outcome: 'failed', cause: 'fatal-failure' },
}

/** The outcome and cause of a fatal failure. */
export function failureOf(source: TerminalFailureSource): Failure {
  return FAILURES[source]
}

/** Whether `FatalFailure` may name this source. */
export function isFatalSource(source: TerminalFailureSource): boolean {
  return source !== 'unknown' && source !== 'max-turns-reached'
}
