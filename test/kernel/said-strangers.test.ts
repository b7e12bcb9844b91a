import type { AgentRuntimeId, MeerkatInput, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, callId, type Play, registered, runId, SESSION } from './support/play.ts'

const RUN = runId('r')
const STRANGER = runId('stranger')
const OTHER = 'other' as SessionId
const asked: MeerkatInput = { type: 'CancelAfterBoundary', runId: RUN }
const begun: readonly MeerkatInput[] = [
  { type: 'StartConversationRun', runId: RUN },
  { type: 'PrimitiveApplied', runId: RUN },
]
const draining: readonly MeerkatInput[] = [...begun, { type: 'LlmReturnedTerminal', runId: RUN }]

const calls = [{ callId: callId('d'), tool: 'tool', policy: 'ask' }] as const

function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.accept('a')
  play.prepare('r')
  play.do(...inputs)
  return play
}

describe('a word about another run changes nothing', () => {
  function calling(): Play {
    const play = after(...begun)
    play.call('r', 'c', 'retry')
    return play
  }
  function owing(): Play {
    const play = calling()
    play.rollBack('r', 'interrupted')
    play.begin('r')
    return play
  }
  function steered(): Play {
    const play = after(...draining)
    play.steer('s')
    return play
  }
  test.each([
    [
      'a cancel before the boundary',
      () => after({ type: 'StartImmediateAppend', runId: RUN }, asked),
      { type: 'PrimitiveApplied', runId: STRANGER },
    ],
    ['a boundary', () => after(...draining, asked), { type: 'BoundaryContinue', runId: STRANGER }],
    ['an end at the boundary', () => after(...draining, asked), { type: 'BoundaryComplete', runId: STRANGER }],
    ['an end that steers put off', steered, { type: 'BoundaryComplete', runId: STRANGER }],
    [
      'tools that are done',
      () => after(...begun, { type: 'LlmReturnedToolCalls', runId: RUN, toolCount: 1 }),
      { type: 'ToolCallsResolved', runId: STRANGER },
    ],
    [
      'tools of which one waits for a person',
      () =>
        after(
          ...begun,
          { type: 'LlmReturnedToolCalls', runId: RUN, toolCount: 1 },
          {
            type: 'RecordCallIntents',
            runId: RUN,
            calls: calls.map(call => ({ ...call, needsApproval: true })),
            at: 9,
          },
        ),
      { type: 'ToolCallsResolved', runId: STRANGER },
    ],
    ['a failure', () => after(...begun, { type: 'BudgetExhausted', runId: RUN }), { type: 'Fail', runId: STRANGER }],
    [
      'a cancel',
      () => after(...begun, { type: 'CancelNow', runId: RUN }, { type: 'CancellationObserved', runId: RUN }),
      { type: 'CancelRun', runId: STRANGER },
    ],
    ['an intent', calling, { type: 'RecordCallIntents', runId: STRANGER, calls, at: 9 }],
    ['a dispatch', owing, { type: 'DispatchCalls', runId: STRANGER, callIds: [callId('c')], at: 9 }],
    [
      'an outcome',
      calling,
      { type: 'RecordCallOutcomes', runId: STRANGER, outcomes: [{ callId: callId('c'), ok: true }], at: 9 },
    ],
  ] as const)('%s', (_, play, input) => {
    const before = play()
    expect(before.refused(input).kind).toBe('guard-rejected')
    before.do({ ...input, runId: RUN })
  })
})

describe('a teardown is of the session that is named, where it is', () => {
  const BEGIN: MeerkatInput = { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }
  const answers = [
    { type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false },
    { type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false },
    { type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION },
  ] as const

  test.each(answers)('$type', answer => {
    const play = attached()
    play.do(BEGIN)
    expect(play.refused({ ...answer, sessionId: OTHER }).kind).toBe('guard-rejected')
  })

  test('its end, and a placement meanwhile', () => {
    const runtimeId = 'host' as AgentRuntimeId
    const place: MeerkatInput = { type: 'PrepareBindings', sessionId: SESSION, runtimeId, fence: 1, generation: 1 }
    const binding = { runtimeId, fence: 1, generation: 1 }
    const play = registered()
    play.do(place, { ...BEGIN, binding }, ...answers)
    expect(play.refused(place).kind).toBe('guard-rejected')
    expect(play.refused({ type: 'UnregisterSession', sessionId: SESSION, binding: {} }).kind).toBe('guard-rejected')
    play.do({ type: 'UnregisterSession', sessionId: SESSION, binding })
    expect(play.state.registration.sessionId).toBeUndefined()
  })
})
