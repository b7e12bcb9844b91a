import type { MeerkatInput } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { RETAINED_COMPLETIONS } from '../../src/kernel/regions/operations/state.ts'
import {
  attached,
  callId,
  inputId,
  kinds,
  operationId,
  Play,
  registered,
  runId,
  SESSION,
  scheduleId,
  waitId,
} from './support/play.ts'

const RUN = runId('r')
const EXITED: MeerkatInput = { type: 'RuntimeExecutorExited' }

/** A session with a run whose turn has not begun. */
function running(): Play {
  const play = attached()
  play.accept('a')
  play.prepare('r')
  return play
}
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

describe('a run is told of', () => {
  test('from its start to its end', () => {
    const play = running()
    const contributors = ['a']
    expect(play.said('SubmitRunPrimitive')).toMatchObject([{ runId: RUN, contributors }])
    expect(play.said('InputStaged')).toMatchObject([{ inputId: 'a', runId: RUN, attempt: 1 }])
    play.do({ type: 'StartConversationRun', runId: RUN }, { type: 'PrimitiveApplied', runId: RUN })
    play.answer('r')
    expect(play.said('BoundaryApplied')).toMatchObject([{ runId: RUN, boundary: 1, contributors, steered: [] }])
    play.commit('r')
    expect(play.said('RunCompleted')).toMatchObject([{ runId: RUN }])
  })

  test('in a retired session', () => {
    const play = running()
    play.do({ type: 'Retire' })
    play.rollBack('r', 'interrupted')
    expect(play.said('RunRolledBack')).toMatchObject([{ runId: RUN, cause: 'interrupted' }])
    play.prepare('s')
    expect(play.said('SubmitRunPrimitive').map(one => one.runId)).toEqual(['r', 's'])
    expect(play.said('InputStaged').map(one => one.runId)).toEqual(['r', 's'])
  })

  test('when the session takes it along', () => {
    expect(running().do({ type: 'Destroy' })).toContainEqual({ type: 'RunCancelled', runId: RUN })
    const cut = [{ type: 'RunCancelled', runId: RUN }]
    const play = running()
    const effects = kinds(gone(play).effects)
    expect(play.said('RunCancelled')).toEqual(cut)
    expect(effects.filter(kind => kind === 'InputTerminated')).toHaveLength(1)
  })
})

describe('inputs that wait', () => {
  test.each(['ChangeLane', 'PrioritizeInput', 'DeferInputBehindBacklog', 'WithdrawInput'] as const)(
    '%s is for them alone',
    type => {
      const id = inputId('a')
      const moved: MeerkatInput = type === 'ChangeLane' ? { type, inputId: id, lane: 'steer' } : { type, inputId: id }
      expect(running().refused(moved).kind).toBe('guard-rejected')
      expect(attached().refused(moved).kind).toBe('guard-rejected')
    },
  )

  test('are not dropped from what is gone', () => {
    const play = attached()
    play.do({ type: 'Destroy' })
    expect(play.refused({ type: 'DropQueued', reason: 'cancelled' }).kind).toBe('no-matching-transition')
  })
})

describe('calls are told of', () => {
  const states = (play: Play): readonly string[] => play.said('CallChanged').map(({ state }) => state)

  test('from intent to outcome, over an approval and a loss', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.call('r', 'c', 'ask', true)
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 5 })
    play.do({ type: 'DispatchCalls', runId: RUN, callIds: [callId('c')], at: 6 })
    play.rollBack('r', 'interrupted')
    play.do({ type: 'ResolveCall', callId: callId('c'), resolution: 'retry', at: 7 })
    play.begin('s')
    play.do({ type: 'DispatchCalls', runId: runId('s'), callIds: [callId('c')], at: 8 })
    play.outcome('s', 'c')
    const expected = ['awaitingApproval', 'owed', 'dispatched', 'unknown', 'owed', 'dispatched', 'succeeded']
    expect(states(play)).toEqual(expected)
  })

  test('that were in flight when the executor exited', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.call('r', 'c', 'retry')
    play.do(EXITED)
    expect(states(play)).toEqual(['dispatched', 'unknown'])
  })

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

  test('only once the turn is at work', () => {
    const play = running()
    const calls = [{ callId: callId('c'), tool: 'tool', policy: 'ask' }] as const
    expect(play.refused({ type: 'RecordCallIntents', runId: RUN, calls, at: 3 }).reason).toBe('unmet: turnIsWorking')
    play.do({ type: 'StartConversationRun', runId: RUN }, { type: 'PrimitiveApplied', runId: RUN })
    play.call('r', 'c', 'retry')
    play.rollBack('r', 'interrupted')
    play.prepare('s')
    const dispatch: MeerkatInput = { type: 'DispatchCalls', runId: runId('s'), callIds: [callId('c')], at: 8 }
    expect(play.refused(dispatch).reason).toBe('unmet: turnIsWorking')
  })
})

describe('the transcript', () => {
  test('grows by hand and by a summary', () => {
    const play = registered()
    play.do({ type: 'ExtendTranscript', messages: 2 }, { type: 'ExtendTranscript', messages: 0 })
    play.do({ type: 'CompactTranscript', covers: 2 })
    expect(play.state.transcript).toEqual({ length: 3, contextFrom: 2 })
  })

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
  test('that is made, changed and called off', () => {
    const play = registered()
    const x = scheduleId('x')
    play.do({ type: 'CreateSchedule', scheduleId: x, dueAt: 5, recurring: true, misfire: 'skip' })
    play.do({ type: 'UpdateSchedule', scheduleId: x, dueAt: 6 })
    play.do({ type: 'CancelSchedule', scheduleId: x })
    expect(kinds(play.effects).filter(kind => kind.startsWith('Schedule'))).toEqual(['ScheduleEnded'])
    expect(play.refused({ type: 'UpdateSchedule', scheduleId: x, dueAt: 6 }).kind).toBe('guard-rejected')
    expect(play.refused({ type: 'CancelSchedule', scheduleId: x }).kind).toBe('guard-rejected')
  })

  test('that its session takes along', () => {
    const play = registered()
    play.do({ type: 'CreateSchedule', scheduleId: scheduleId('x'), dueAt: 5, recurring: false })
    gone(play)
    expect(play.said('ScheduleEnded')).toMatchObject([{ scheduleId: 'x', reason: 'unregistered' }])
    const closing = draining(attached())
    const create: MeerkatInput = { type: 'CreateSchedule', scheduleId: scheduleId('y'), dueAt: 5, recurring: false }
    expect(closing.refused(create).kind).toBe('guard-rejected')
  })

  const skipped = (misfire: 'skip' | 'once'): Play => {
    const play = attached()
    const x = scheduleId('x')
    play.do({ type: 'CreateSchedule', scheduleId: x, dueAt: 5, recurring: true, overlap: 'skip', misfire })
    play.do({ type: 'FireSchedule', scheduleId: x, at: 5, inputId: inputId('a'), nextDueAt: 10 })
    play.accept('a')
    return play
  }
  const late: MeerkatInput = {
    type: 'FireSchedule',
    scheduleId: scheduleId('x'),
    at: 15,
    inputId: inputId('b'),
    missed: 1,
  }

  test.each([
    ['skip', 'misfire'],
    ['once', 'overlap'],
  ] as const)('the last time of a schedule that is skipped (%s): %s', (misfire, reason) => {
    expect(skipped(misfire).do(late)).toMatchObject([
      { type: 'ScheduleSkipped', reason },
      { type: 'ScheduleEnded', reason: 'done' },
    ])
  })

  test.each(['skip', 'once'] as const)('a session about to stop lets no time pass (%s)', misfire => {
    const play = skipped(misfire)
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    expect(play.refused(late).reason).toBe('unmet: admitsWork')
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
const owners: typeof endings = [
  ['AbortOperation', [provision, abort]],
  ['Destroy', [{ type: 'Destroy' }]],
  ['UnregisterSession', [{ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }, ...obligations]],
  ['Recover', [{ type: 'Recover' }]],
]
/** As many completions as are kept. */
function full(): Play {
  const play = attached()
  for (let at = 0; at < RETAINED_COMPLETIONS; at++) {
    play.launch(`o${at}`)
    play.finish(`o${at}`)
  }
  return play
}

describe('waits and completions', () => {
  function waiting(): Play {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.launch('o')
    play.do({ type: 'WaitAllOperations', runId: RUN, waitId: waitId('w'), operationIds: [operationId('o')] })
    return play
  }
  test.each([
    ['is called off', [{ type: 'CancelWaitAll', runId: RUN, waitId: waitId('w') }]],
    [
      'is committed',
      [
        { type: 'LlmReturnedTerminal', runId: RUN },
        { type: 'BoundaryComplete', runId: RUN },
        { type: 'Commit', runId: RUN },
      ],
    ],
    [
      'fails',
      [
        { type: 'BudgetExhausted', runId: RUN },
        { type: 'Fail', runId: RUN },
      ],
    ],
    [
      'is cancelled',
      [
        { type: 'CancelNow', runId: RUN },
        { type: 'CancellationObserved', runId: RUN },
        { type: 'CancelRun', runId: RUN },
      ],
    ],
    ['exits', [EXITED]],
    ['is recovered', [{ type: 'Recover' }]],
    ['is destroyed', [{ type: 'Destroy' }]],
  ] as const)('a wait ends when its run %s', (_, inputs) => {
    const play = waiting()
    play.do(...inputs)
    expect(play.state.operations.wait).toBeUndefined()
  })

  const kept = full().state

  test.each([...endings, ...owners])('a completion that makes room for the one of %s', (_, inputs) => {
    const play = new Play(kept)
    play.launch('o')
    expect(play.state.operations.droppedThrough).toBe(kept.operations.droppedThrough)
    play.do(...inputs)
    expect(play.state.operations.droppedThrough).toBeGreaterThan(kept.operations.droppedThrough)
  })

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
