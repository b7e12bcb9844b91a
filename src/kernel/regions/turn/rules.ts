/** The guards and changes of the region `turn`. */
import type { CoreEffect, CoreFacts } from '../../core.ts'
import type { RunId } from '../../ids.ts'
import { RUNNING } from '../phases.ts'
import type { TerminalFailureSource, TurnBeginning } from './input.ts'
import { failureOf, isFatalSource, RECOVERABLE } from './outcome.ts'
import type { LlmRetry, Turn, TurnPhase, TurnPrimitiveKind } from './state.ts'

export const READY: Turn = { phase: 'ready' }

type Begun = Exclude<Turn, { readonly phase: 'ready' }>

const ready = ['ready'] as const
/** Phases from which the end of a run resets the turn: all. */
export const TO_READY: Readonly<Record<Exclude<TurnPhase, 'ready'>, readonly TurnPhase[]>> = {
  applyingPrimitive: ready,
  callingLlm: ready,
  waitingForOps: ready,
  drainingBoundary: ready,
  extracting: ready,
  errorRecovery: ready,
  cancelling: ready,
  completed: ready,
  failed: ready,
  cancelled: ready,
}

export const to =
  <Phase extends 'callingLlm' | 'drainingBoundary' | 'extracting' | 'cancelling' | 'completed' | 'cancelled'>(
    phase: Phase,
  ) =>
  ({ facts }: Begun): Turn => ({ phase, facts })

/** What rows have in common with which a turn fails. */
export const failing = <Input extends { readonly runId: RunId }>(
  sourceOf: (input: Input) => TerminalFailureSource,
) => ({
  during: RUNNING,
  to: ['failed'] as const,
  then: ({ facts }: Begun, input: Input): Turn => ({ phase: 'failed', facts, ...failureOf(sourceOf(input)) }),
  emit: [
    function turnFailed(_: CoreFacts, input: Input): CoreEffect {
      return { type: 'TurnRunFailed', runId: input.runId, cause: failureOf(sourceOf(input)).cause }
    },
  ],
})

export function begin(
  primitive: TurnPrimitiveKind,
): (slice: Turn, input: { readonly runId: RunId } & TurnBeginning) => Turn {
  return (_, { runId, maxExtractions = 0, content, vision, imageToolResults }) => ({
    phase: 'applyingPrimitive',
    facts: {
      runId,
      primitive,
      extractions: 0,
      maxExtractions,
      ...(content && { content }),
      ...(vision === true && { vision }),
      ...(imageToolResults === true && { imageToolResults }),
    },
  })
}

export function isConversation(state: CoreFacts): boolean {
  return state.turn.phase !== 'ready' && state.turn.facts.primitive === 'conversation-turn'
}
export function cancelAtBoundary(state: CoreFacts): boolean {
  return state.run.phase === 'bound' && state.run.cancel !== 'none'
}
/** Whether a pending cancel discards the answer; not if the run was only asked to end soon (`keepsAnswer`). */
export function cancelTakesAnswer({ run }: CoreFacts): boolean {
  if (run.phase !== 'bound') return false
  return run.cancel === 'now' || (run.cancel === 'boundary' && run.keepsAnswer !== true)
}
export function callsTools(_: CoreFacts, input: { readonly toolCount: number }): boolean {
  return input.toolCount > 0
}
export function barrierSatisfied(state: CoreFacts): boolean {
  return state.turn.phase !== 'waitingForOps' || state.turn.barrier.length === 0
}
export function matchesBarrier(state: CoreFacts, input: { readonly operationIds: readonly string[] }): boolean {
  if (state.turn.phase !== 'waitingForOps' || state.turn.barrier.length === 0) return false
  const { barrier } = state.turn
  const named = new Set(input.operationIds)
  return named.size === new Set(barrier).size && barrier.every(id => named.has(id))
}
export function extractionsLeft(state: CoreFacts): boolean {
  return state.turn.phase !== 'ready' && state.turn.facts.extractions < state.turn.facts.maxExtractions
}
export function isRecoverable(_: CoreFacts, { retry }: { readonly retry: LlmRetry }): boolean {
  return RECOVERABLE.includes(retry.kind) && retry.attempt > 0 && retry.attempt <= retry.maxRetries
}
export function isPlannedRetry(state: CoreFacts, input: { readonly attempt: number }): boolean {
  return state.turn.phase === 'errorRecovery' && state.turn.retry.attempt === input.attempt
}
export function isFatal(_: CoreFacts, input: { readonly source: TerminalFailureSource }): boolean {
  return isFatalSource(input.source)
}
export function limitReached(_: CoreFacts, input: { readonly turns: number; readonly maxTurns: number }): boolean {
  return input.turns >= input.maxTurns
}

export function noRunBound({ run }: CoreFacts): boolean {
  return run.phase === 'none'
}

export const effect =
  (type: 'TurnRunStarted' | 'TurnCheckCompaction' | 'TurnRunCompleted' | 'TurnRunCancelled') =>
  (_: CoreFacts, input: { readonly runId: RunId }): CoreEffect => ({ type, runId: input.runId })
