import type { MeerkatInput } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { Play } from './support/play.ts'
import { attached, inputId, operationId, registered, runId, SESSION, scheduleId, waitId } from './support/play.ts'

const RUN = runId('r')

const obligations: readonly MeerkatInput[] = [
  { type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false },
  { type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false },
  { type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION },
  { type: 'UnregisterSession', sessionId: SESSION, binding: {} },
]
function draining(play: Play): Play {
  play.do({ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} })
  return play
}
/** Drained to its end, so that nobody is registered any more. */
function gone(play: Play): Play {
  draining(play).do(...obligations)
  return play
}

describe('calls are told of', () => {
  const states = (play: Play): readonly string[] => play.said('CallChanged').map(({ state }) => state)

  const failed: readonly MeerkatInput[] = [
    { type: 'FatalFailure', runId: RUN, source: 'tool-error' },
    { type: 'Fail', runId: RUN },
  ]
  test.each([
    ['its run fails', failed],
    ['the session is destroyed', [{ type: 'Destroy' }]],
    ['the session is let go', [{ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }, ...obligations]],
  ] as const)('that are in flight when %s', (_, inputs) => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.call('r', 'c', 'retry')
    play.do(...inputs)
    expect(states(play)).toEqual(['dispatched', 'unknown'])
    expect(play.state.calls.open.size).toBe(0)
  })
})

describe('the transcript', () => {
  test('keeps what a run says that fails or is cancelled', () => {
    const failing = attached()
    failing.accept('a')
    failing.begin('r')
    failing.do({ type: 'BudgetExhausted', runId: RUN })
    failing.do({ type: 'Fail', runId: RUN, messages: 2 })
    expect(failing.state.transcript.length).toBe(2)
    const cancelled = attached()
    cancelled.accept('a')
    cancelled.begin('r')
    cancelled.do({ type: 'CancelNow', runId: RUN }, { type: 'CancellationObserved', runId: RUN })
    cancelled.do({ type: 'CancelRun', runId: RUN, messages: 1 })
    expect(cancelled.state.transcript.length).toBe(1)
  })
})

describe('the end of a schedule is told', () => {
  test('that its session takes along', () => {
    const play = registered()
    play.do({ type: 'CreateSchedule', scheduleId: scheduleId('x'), dueAt: 5, recurring: false })
    gone(play)
    expect(play.said('ScheduleEnded')).toMatchObject([{ scheduleId: 'x', reason: 'unregistered' }])
    const closing = draining(attached())
    const create: MeerkatInput = { type: 'CreateSchedule', scheduleId: scheduleId('y'), dueAt: 5, recurring: false }
    expect(closing.refused(create).kind).toBe('guard-rejected')
  })

  test('a session about to stop lets no time pass', () => {
    const play = attached()
    const x = scheduleId('x')
    play.do({ type: 'CreateSchedule', scheduleId: x, dueAt: 5, recurring: true, overlap: 'skip', misfire: 'skip' })
    play.do({ type: 'FireSchedule', scheduleId: x, at: 5, inputId: inputId('a'), nextDueAt: 10 })
    play.accept('a')
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    const late = play.refused({ type: 'FireSchedule', scheduleId: x, at: 15, inputId: inputId('b'), missed: 1 })
    expect(late.reason).toBe('unmet: admitsWork')
  })
})

const O = operationId('o')
const endings: readonly (readonly [string, readonly MeerkatInput[]])[] = [
  ['CompleteOperation', [{ type: 'CompleteOperation', operationId: O }]],
  ['FailOperation', [{ type: 'FailOperation', operationId: O }]],
  ['CancelOperation', [{ type: 'CancelOperation', operationId: O }]],
  [
    'RetireOperation',
    [
      { type: 'RequestOperationRetire', operationId: O },
      { type: 'RetireOperation', operationId: O },
    ],
  ],
  ['TerminateOwnerOperations', [{ type: 'TerminateOwnerOperations', reason: 'over' }]],
]
const P = operationId('p')
const provision: MeerkatInput = { type: 'RegisterOperation', operationId: P, at: 1, kind: 'background-tool-op' }
const abort: MeerkatInput = { type: 'AbortOperation', operationId: P }

describe('waits and completions', () => {
  function waiting(): Play {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.launch('o')
    play.do({ type: 'WaitAllOperations', runId: RUN, waitId: waitId('w'), operationIds: [operationId('o')] })
    return play
  }

  test.each(endings)('a wait that %s satisfies', (_, inputs) => {
    const play = waiting()
    play.do(...inputs)
    expect(play.said('WaitAllSatisfied')).toMatchObject([{ waitId: 'w', operationIds: ['o'] }])
  })

  test('a wait that the abort of what never began satisfies', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.do(provision, { type: 'WaitAllOperations', runId: RUN, waitId: waitId('w'), operationIds: [P] }, abort)
    expect(play.said('WaitAllSatisfied')).toMatchObject([{ waitId: 'w', operationIds: ['p'] }])
  })
})
