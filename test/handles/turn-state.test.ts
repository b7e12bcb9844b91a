import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { TurnStateHandle } from '../../src/handles/turn-state.ts'
import type { InputId, RunId } from '../../src/kernel/ids.ts'
import type { LlmRetry } from '../../src/kernel/regions/turn/state.ts'
import { guardRejected, noTransition, written } from './support.ts'

const R = 'r' as RunId
const OTHER = 'other' as RunId

/** A turn that asks its model. */
async function calling(maxExtractionRetries = 0): Promise<TurnStateHandle> {
  const turn = TurnStateHandle.standalone()
  await turn.startConversationRun(R, { maxExtractionRetries })
  await turn.primitiveApplied(R)
  return turn
}

const retry = (attempt: number, more: Partial<LlmRetry> = {}): LlmRetry => ({
  attempt,
  maxRetries: 2,
  delayMs: 50,
  kind: 'rate-limited',
  ...more,
})

describe('a turn', () => {
  test('goes from its start to its answer', async () => {
    const turn = TurnStateHandle.standalone()
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'ready', boundaryCount: 0 })
    await turn.startConversationRun(R)
    expect(turn.snapshot()).toMatchObject({
      activeRunId: R,
      turnPhase: 'applyingPrimitive',
      primitiveKind: 'conversation-turn',
    })
    await turn.primitiveApplied(R)
    await turn.llmReturnedToolCalls(R, 2)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'waitingForOps', toolCallsPending: 2 })
    await turn.toolCallsResolved(R)
    await turn.boundaryContinue(R)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'callingLlm', boundaryCount: 1, toolCallsPending: 0 })
    await turn.llmReturnedTerminal(R)
    await turn.boundaryComplete(R)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'completed', terminalOutcome: 'completed', boundaryCount: 2 })
  })

  test.each(['startImmediateAppend', 'startImmediateContext'] as const)(
    'that asks no model is done at once: %s',
    async start => {
      const turn = TurnStateHandle.standalone()
      await turn[start](R)
      await turn.primitiveApplied(R)
      expect(turn.snapshot()).toMatchObject({ turnPhase: 'completed', terminalOutcome: 'completed' })
    },
  )

  test('hears nothing from another run', async () => {
    const turn = await calling()
    for (const step of [
      turn.llmReturnedTerminal(OTHER),
      turn.cancelNow(OTHER),
      turn.fatalFailure(OTHER, 'llm'),
      turn.requestCancelAfterBoundary(OTHER),
    ]) {
      await expect(step).rejects.toMatchObject(guardRejected)
    }
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'callingLlm', cancelAfterBoundary: false })
  })

  test('is started over a run that a runtime bound, and binds none itself', async () => {
    const { authority } = await written({ type: 'AcceptInput', inputId: 'i' as InputId, at: 0 })
    const turn = new TurnStateHandle(authority)
    await expect(turn.startConversationRun(R)).rejects.toMatchObject(noTransition)
    await authority.applyInput({ type: 'Prepare', runId: R, at: 0 })
    await turn.startConversationRun(R)
    expect(turn.snapshot()).toMatchObject({ activeRunId: R, turnPhase: 'applyingPrimitive' })
  })

  // Oracle 11 of the handles.
  test('passes its barrier by exactly the operations it waits for', async () => {
    const turn = await calling()
    await turn.llmReturnedToolCalls(R, 1)
    await turn.registerPendingOps(R, ['a', 'b'])
    expect(turn.snapshot()).toMatchObject({
      hasBarrierOps: true,
      barrierSatisfied: false,
      barrierOperationIds: ['a', 'b'],
    })
    for (const wrong of [['a'], ['a', 'b', 'c'], ['a', 'c'], []]) {
      await expect(turn.opsBarrierSatisfied(R, wrong)).rejects.toMatchObject(guardRejected)
    }
    await turn.opsBarrierSatisfied(R, ['b', 'a'])
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'waitingForOps', hasBarrierOps: false, barrierSatisfied: true })
    await turn.toolCallsResolved(R)
    expect(turn.snapshot().turnPhase).toBe('drainingBoundary')
  })

  // Oracle 13 of the handles.
  test('goes on after a failure only with the attempt that was planned', async () => {
    const turn = await calling()
    await turn.recoverableFailure(R, retry(1))
    expect(turn.snapshot()).toMatchObject({
      turnPhase: 'errorRecovery',
      llmRetryAttempt: 1,
      llmRetryMaxRetries: 2,
      llmRetrySelectedDelayMs: 50,
    })
    for (const attempt of [0, 2]) await expect(turn.retryRequested(R, attempt)).rejects.toMatchObject(guardRejected)
    await turn.retryRequested(R, 1)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'callingLlm' })
    expect(turn.snapshot()).not.toHaveProperty('llmRetryAttempt')
    for (const attempt of [0, 3]) {
      await expect(turn.recoverableFailure(R, retry(attempt))).rejects.toMatchObject(guardRejected)
    }
  })

  test('validates a structured answer as often as it may', async () => {
    const turn = await calling(1)
    await turn.llmReturnedTerminal(R)
    await turn.enterExtraction(R)
    await turn.extractionValidationFailed(R, 'not a number')
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'callingLlm', extractionAttempts: 1, maxExtractionRetries: 1 })
    await turn.extractionFailed(R, 'still none')
    expect(turn.snapshot()).toMatchObject({
      turnPhase: 'failed',
      terminalOutcome: 'structured-output-validation-failed',
      terminalCauseKind: 'structured-output-invalid',
    })
  })

  test.each([
    ['fatalFailure', (turn: TurnStateHandle) => turn.fatalFailure(R, 'hook-denied'), 'failed', 'hook-denied'],
    ['turnLimitReached', (turn: TurnStateHandle) => turn.turnLimitReached(R, 5, 5), 'failed', 'turn-limit-reached'],
    ['budgetExhausted', (turn: TurnStateHandle) => turn.budgetExhausted(R), 'budget-exhausted', 'budget-exhausted'],
    [
      'timeBudgetExceeded',
      (turn: TurnStateHandle) => turn.timeBudgetExceeded(R),
      'time-budget-exceeded',
      'time-budget-exceeded',
    ],
  ] as const)('fails once, by its cause: %s', async (_, fail, terminalOutcome, terminalCauseKind) => {
    const turn = await calling()
    await fail(turn)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'failed', terminalOutcome, terminalCauseKind })
    await expect(turn.fatalFailure(R, 'llm')).rejects.toMatchObject(noTransition)
    expect(turn.snapshot()).toMatchObject({ terminalOutcome, terminalCauseKind })
  })

  test('does not fail for a limit that was not reached, or for no known reason', async () => {
    const turn = await calling()
    await expect(turn.turnLimitReached(R, 4, 5)).rejects.toMatchObject(guardRejected)
    for (const source of ['unknown', 'max-turns-reached'] as const) {
      await expect(turn.fatalFailure(R, source)).rejects.toMatchObject(guardRejected)
    }
  })
})

describe('a cancel', () => {
  test('now is observed before the turn is cancelled', async () => {
    const turn = await calling()
    await turn.cancelNow(R)
    expect(turn.snapshot().turnPhase).toBe('cancelling')
    await turn.cancellationObserved(R)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'cancelled', terminalOutcome: 'cancelled' })
  })

  test('at the boundary takes effect there', async () => {
    const turn = await calling()
    await turn.requestCancelAfterBoundary()
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'callingLlm', cancelAfterBoundary: true })
    await turn.llmReturnedTerminal(R)
    await turn.boundaryComplete(R)
    expect(turn.snapshot()).toMatchObject({ turnPhase: 'cancelled', terminalOutcome: 'cancelled' })
  })

  test('of nothing is possible only where nothing runs', async () => {
    const turn = TurnStateHandle.standalone()
    await turn.forceCancelNoRun()
    await turn.startConversationRun(R)
    await expect(turn.forceCancelNoRun()).rejects.toMatchObject(noTransition)
  })
})

// Oracle 14 of the handles.
describe('an end that is acknowledged', () => {
  const ends = {
    completed: async (turn: TurnStateHandle) => {
      await turn.llmReturnedTerminal(R)
      await turn.boundaryComplete(R)
    },
    cancelled: async (turn: TurnStateHandle) => {
      await turn.cancelNow(R)
      await turn.cancellationObserved(R)
    },
    'budget-exhausted': (turn: TurnStateHandle) => turn.budgetExhausted(R),
    failed: (turn: TurnStateHandle) => turn.fatalFailure(R, 'tool-error'),
  } as const

  test.each(Object.keys(ends) as (keyof typeof ends)[])(
    'is answered, and its cause and counters are gone: %s',
    async outcome => {
      const turn = await calling()
      await ends[outcome](turn)
      await expect(turn.acknowledgeTerminal(OTHER)).rejects.toMatchObject(guardRejected)
      expect(await turn.acknowledgeTerminal(R)).toBe(outcome)
      expect(turn.snapshot()).toEqual({
        loopState: 'completed',
        turnPhase: 'ready',
        visionEnabled: false,
        imageToolResultsEnabled: false,
        toolCallsPending: 0,
        pendingOpRefs: [],
        barrierOperationIds: [],
        hasBarrierOps: false,
        barrierSatisfied: true,
        boundaryCount: 0,
        cancelAfterBoundary: false,
        extractionAttempts: 0,
        maxExtractionRetries: 0,
      })
      await turn.startConversationRun(OTHER)
      expect(turn.snapshot()).toMatchObject({ activeRunId: OTHER, turnPhase: 'applyingPrimitive' })
    },
  )

  test('has to be one', async () => {
    const turn = await calling()
    await expect(turn.acknowledgeTerminal(R)).rejects.toMatchObject(noTransition)
    const closed = new TurnStateHandle(HandleDslAuthority.ephemeral())
    await expect(closed.acknowledgeTerminal(R)).rejects.toMatchObject(noTransition)
  })
})
