import {
  type LiveTopologyPhase,
  type MeerkatInput,
  meerkat,
  type RealtimeInput,
  realtimeAttachmentStatus,
  realtimeChannelState,
  type TurnPhase,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { all, busy, outcomes } from './support/model-sessions.ts'
import { outcomesAfter } from './support/phase-table.ts'
import { attached, kinds, type Play, runId } from './support/play.ts'

const BEGIN: MeerkatInput = { type: 'BeginRealtimeBinding' }
const REPLACE: MeerkatInput = { type: 'ReplaceRealtimeBinding' }
const DETACH: MeerkatInput = { type: 'DetachRealtimeBinding' }
const REQUIRE: MeerkatInput = { type: 'RequireRealtimeReattach' }
const CYCLE: MeerkatInput = { type: 'BeginRealtimeReconnectCycle', nextRetryAtMs: 10, deadlineAtMs: 99 }
const EXHAUST: MeerkatInput = { type: 'ExhaustRealtimeReconnectCycle' }
const CLEAR: MeerkatInput = { type: 'ClearRealtimeReconnectProgress' }
const DETACHED: MeerkatInput = { type: 'MarkLiveTopologyDetached' }
const IDENTITY: MeerkatInput = { type: 'ApplyLiveTopologyIdentity' }
const VISIBILITY: MeerkatInput = { type: 'ApplyLiveTopologyVisibility' }
const COMPLETE: MeerkatInput = { type: 'CompleteLiveTopology' }
const ABORT: MeerkatInput = { type: 'AbortLiveTopologyBeforeDetach' }
const FAIL: MeerkatInput = { type: 'FailLiveTopologyAfterDetach' }
const intent = (present: boolean): MeerkatInput => ({ type: 'ProjectRealtimeIntent', present })
const signal = (authorityEpoch: number, ready = true): MeerkatInput => ({
  type: 'PublishRealtimeSignal',
  authorityEpoch,
  nextBindingState: ready ? 'BindingReady' : 'ReplacementPending',
})
const requireFor = (authorityEpoch: number): MeerkatInput => ({
  type: 'RequireRealtimeReattachForAuthority',
  authorityEpoch,
})
const reconfigure = (authorityEpoch: number): MeerkatInput => ({ type: 'BeginLiveTopologyReconfigure', authorityEpoch })

function played(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
const status = ({ state }: Play) => realtimeAttachmentStatus(state.realtime)
const channel = ({ state }: Play) => realtimeChannelState(state.realtime)
const epochs = (play: Play) => play.said('RealtimeBindingRotated').map(({ authorityEpoch }) => authorityEpoch)

describe('a binding', () => {
  test('begins, becomes ready and is detached; the wish for it stays', () => {
    const play = played(intent(true))
    expect([status(play), channel(play).state]).toEqual(['IntentPresentUnbound', 'Opening'])
    play.do(BEGIN)
    expect([status(play), channel(play).state]).toEqual(['BindingNotReady', 'Opening'])
    play.do(signal(1))
    expect([status(play), channel(play).state]).toEqual(['BindingReady', 'Ready'])
    play.do(DETACH)
    expect(status(play)).toBe('IntentPresentUnbound')
    play.do(intent(false))
    expect([status(play), channel(play).state]).toEqual(['Unattached', 'Closed'])
  })

  test('has an authority epoch of its own, in whose name alone is spoken', () => {
    const play = played(BEGIN, REPLACE)
    expect(epochs(play)).toEqual([1, 2])
    for (const late of [signal(1), requireFor(1), reconfigure(1)]) {
      expect(play.refused(late)).toMatchObject({ kind: 'guard-rejected', reason: 'unmet: isCurrentAuthority' })
    }
    play.do(signal(2), DETACH)
    for (const late of [signal(2), requireFor(2), reconfigure(2)]) play.refused(late)
    play.do(BEGIN)
    expect(epochs(play)).toEqual([1, 2, 4])
  })

  test('keeps its session in memory, and so does the wish for one', () => {
    const play = played(intent(true))
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(intent(false))
    expect(meerkat.atRest(play.state)).toBe(true)
    play.do(BEGIN)
    expect(meerkat.atRest(play.state)).toBe(false)
  })

  test.each<readonly [string, MeerkatInput]>([
    ['the next process', { type: 'Recover' }],
    ['another identity', { type: 'RegisterSession', sessionId: 'other' as never }],
    ['the end of its session', { type: 'Destroy' }],
  ])('ends with %s', (_, input) => {
    const play = played(intent(true), BEGIN, signal(1), reconfigure(1), input)
    expect(play.state.realtime).toEqual(meerkat.initial.realtime)
  })
})

describe('reconnecting', () => {
  test('is counted while another attachment is due', () => {
    const play = played(BEGIN)
    expect(play.refused(CYCLE).reason).toContain('needsReattach')
    play.do(requireFor(1))
    expect(status(play)).toBe('ReattachRequired')
    expect(channel(play)).toEqual({ state: 'Reconnecting', attemptCount: 0 })
    play.do(CYCLE, { type: 'ScheduleRealtimeReconnectRetry', nextRetryAtMs: 20 })
    expect(channel(play)).toEqual({ state: 'Reconnecting', attemptCount: 2, nextRetryAtMs: 20, deadlineAtMs: 99 })
    expect(play.refused(CYCLE).reason).toContain('isNotReconnecting')
    play.do({ type: 'ScheduleRealtimeReconnectRetry' })
    expect(channel(play)).toEqual({ state: 'Reconnecting', attemptCount: 3, deadlineAtMs: 99 })
    expect(play.said('RealtimeReconnectProgressProjected').map(one => one.attemptCount)).toEqual([1, 2, 3])
  })

  test('that was given up is an error of the channel until it is cleared or a binding begins', () => {
    const play = played(REQUIRE, CYCLE, EXHAUST)
    expect(channel(play)).toEqual({ state: 'Error', reason: 'ReconnectAttemptsExhausted' })
    play.refused(EXHAUST)
    play.refused(CYCLE)
    play.do(CLEAR, CYCLE)
    expect(channel(play)).toMatchObject({ state: 'Reconnecting', attemptCount: 1 })
    play.do(EXHAUST, BEGIN)
    expect(channel(play)).toEqual({ state: 'Opening' })
    expect(epochs(play)).toEqual([2])
  })
})

describe('a change of model under a binding', () => {
  test('goes its way step by step, and ends without a binding', () => {
    const play = played(BEGIN, signal(1))
    play.do(reconfigure(1), DETACHED, IDENTITY, VISIBILITY, COMPLETE)
    expect(play.said('LiveTopologyPhaseChanged').map(({ phase }) => phase)).toEqual([
      'reconfiguring',
      'detached',
      'hostIdentityApplied',
      'hostVisibilityApplied',
      'idle',
    ])
    expect(status(play)).toBe('Unattached')
    play.refused(signal(1))
    play.do(BEGIN)
    expect(epochs(play)).toEqual([1, 3])
  })

  test('that is given up before its detach leaves the binding as it was', () => {
    const play = played(BEGIN, signal(1), reconfigure(1))
    expect(play.refused(REPLACE).kind).toBe('no-matching-transition')
    play.do(ABORT)
    expect(status(play)).toBe('BindingReady')
    play.do(signal(1, false))
    expect(channel(play)).toEqual({ state: 'Reconnecting', attemptCount: 0 })
  })

  test.each([
    ['detached', [DETACHED]],
    ['with its model', [DETACHED, IDENTITY]],
    ['with its tools', [DETACHED, IDENTITY, VISIBILITY]],
  ])('that fails %s makes another attachment due', (_, steps) => {
    const play = played(BEGIN, reconfigure(1), ...steps)
    play.refused(ABORT)
    play.do(FAIL)
    expect(status(play)).toBe('ReattachRequired')
    expect(kinds(play.do(CYCLE))).toEqual(['RealtimeReconnectProgressProjected'])
  })

  const ways: Record<TurnPhase, readonly MeerkatInput[]> = {
    ready: [],
    applyingPrimitive: [{ type: 'StartConversationRun', runId: runId('r') }],
    callingLlm: [{ type: 'PrimitiveApplied', runId: runId('r') }],
    waitingForOps: [{ type: 'LlmReturnedToolCalls', runId: runId('r'), toolCount: 1 }],
    drainingBoundary: [{ type: 'LlmReturnedTerminal', runId: runId('r') }],
    extracting: [
      { type: 'LlmReturnedTerminal', runId: runId('r') },
      { type: 'EnterExtraction', runId: runId('r') },
    ],
    errorRecovery: [
      {
        type: 'RecoverableFailure',
        runId: runId('r'),
        retry: { attempt: 1, maxRetries: 2, delayMs: 1, kind: 'rate-limited' },
      },
    ],
    cancelling: [{ type: 'CancelNow', runId: runId('r') }],
    completed: [
      { type: 'LlmReturnedTerminal', runId: runId('r') },
      { type: 'BoundaryComplete', runId: runId('r') },
    ],
    failed: [{ type: 'FatalFailure', runId: runId('r'), source: 'llm' }],
    cancelled: [
      { type: 'CancelNow', runId: runId('r') },
      { type: 'CancellationObserved', runId: runId('r') },
    ],
  }
  const letsGo: Record<TurnPhase, boolean> = {
    ready: true,
    applyingPrimitive: false,
    callingLlm: false,
    waitingForOps: false,
    drainingBoundary: true,
    extracting: false,
    errorRecovery: false,
    cancelling: false,
    completed: true,
    failed: true,
    cancelled: true,
  }
  test.each(Object.keys(ways) as TurnPhase[])('lets go of the binding or not while the turn is at %s', phase => {
    const play = inTurn(phase, ways[phase])
    expect(play.state.turn.phase).toBe(phase)
    play.do(BEGIN, reconfigure(1))
    if (letsGo[phase]) play.do(DETACHED)
    else expect(play.refused(DETACHED)).toMatchObject({ kind: 'guard-rejected', reason: 'unmet: isTurnAtRest' })
  })
})

function inTurn(phase: TurnPhase, way: readonly MeerkatInput[]): Play {
  if (phase !== 'ready' && phase !== 'applyingPrimitive') {
    const play = busy()
    if (phase !== 'callingLlm') play.do(...way)
    return play
  }
  const play = attached()
  play.accept('a')
  play.prepare('r')
  play.do(...way)
  return play
}

const INPUTS: { readonly [Type in RealtimeInput['type']]: MeerkatInput } = {
  ProjectRealtimeIntent: intent(true),
  BeginRealtimeBinding: BEGIN,
  ReplaceRealtimeBinding: REPLACE,
  DetachRealtimeBinding: DETACH,
  RequireRealtimeReattach: REQUIRE,
  RequireRealtimeReattachForAuthority: requireFor(1),
  PublishRealtimeSignal: signal(1),
  BeginRealtimeReconnectCycle: CYCLE,
  ScheduleRealtimeReconnectRetry: { type: 'ScheduleRealtimeReconnectRetry' },
  ExhaustRealtimeReconnectCycle: EXHAUST,
  ClearRealtimeReconnectProgress: CLEAR,
  BeginLiveTopologyReconfigure: reconfigure(1),
  MarkLiveTopologyDetached: DETACHED,
  ApplyLiveTopologyIdentity: IDENTITY,
  ApplyLiveTopologyVisibility: VISIBILITY,
  CompleteLiveTopology: COMPLETE,
  AbortLiveTopologyBeforeDetach: ABORT,
  FailLiveTopologyAfterDetach: FAIL,
}

test('every input in every phase of the session', () => {
  const never = all(INPUTS, 'no-matching-transition')
  const bound = {
    ...never,
    ProjectRealtimeIntent: 'taken',
    BeginRealtimeBinding: 'taken',
    ReplaceRealtimeBinding: 'taken',
    DetachRealtimeBinding: 'taken',
    RequireRealtimeReattach: 'taken',
    RequireRealtimeReattachForAuthority: 'taken',
    PublishRealtimeSignal: 'taken',
    BeginRealtimeReconnectCycle: 'guard-rejected',
    ScheduleRealtimeReconnectRetry: 'guard-rejected',
    ExhaustRealtimeReconnectCycle: 'guard-rejected',
    ClearRealtimeReconnectProgress: 'taken',
    BeginLiveTopologyReconfigure: 'taken',
  } as const
  expect(outcomes(INPUTS, [BEGIN])).toEqual({
    initializing: never,
    idle: bound,
    attached: bound,
    running: bound,
    retired: bound,
    stopped: bound,
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<RealtimeInput['type']>>)
})

test('every input in every phase of a topology change', () => {
  const always = {
    ...all(INPUTS, 'no-matching-transition'),
    ProjectRealtimeIntent: 'taken',
    DetachRealtimeBinding: 'taken',
    RequireRealtimeReattach: 'taken',
    BeginRealtimeReconnectCycle: 'guard-rejected',
    ScheduleRealtimeReconnectRetry: 'guard-rejected',
    ExhaustRealtimeReconnectCycle: 'guard-rejected',
    ClearRealtimeReconnectProgress: 'taken',
  } as const
  const begun = [BEGIN, reconfigure(1)] as const
  const ways: Record<LiveTopologyPhase, readonly MeerkatInput[]> = {
    idle: [],
    reconfiguring: begun,
    detached: [...begun, DETACHED],
    hostIdentityApplied: [...begun, DETACHED, IDENTITY],
    hostVisibilityApplied: [...begun, DETACHED, IDENTITY, VISIBILITY],
  }
  expect(outcomesAfter(ways, INPUTS)).toEqual({
    idle: {
      ...always,
      BeginRealtimeBinding: 'taken',
      ReplaceRealtimeBinding: 'taken',
      RequireRealtimeReattachForAuthority: 'guard-rejected',
      PublishRealtimeSignal: 'guard-rejected',
      BeginLiveTopologyReconfigure: 'guard-rejected',
    },
    reconfiguring: {
      ...always,
      RequireRealtimeReattachForAuthority: 'taken',
      MarkLiveTopologyDetached: 'guard-rejected',
      AbortLiveTopologyBeforeDetach: 'taken',
    },
    detached: { ...always, ApplyLiveTopologyIdentity: 'taken', FailLiveTopologyAfterDetach: 'taken' },
    hostIdentityApplied: { ...always, ApplyLiveTopologyVisibility: 'taken', FailLiveTopologyAfterDetach: 'taken' },
    hostVisibilityApplied: { ...always, CompleteLiveTopology: 'taken', FailLiveTopologyAfterDetach: 'taken' },
  } satisfies ReturnType<typeof outcomesAfter<LiveTopologyPhase, RealtimeInput['type']>>)
})
