/** What is said of a realtime conversation and of the channel that a client holds of it, where little tells it apart. */
import type {
  LiveChannelId,
  LiveToken,
  MeerkatEffect,
  MeerkatInput,
  ProductTurnPhase,
  ProjectionFreshness,
  SessionId,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, type Play, SESSION } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

describe('a product turn', () => {
  const input: MeerkatInput = { type: 'ProductTurnInFlight' }
  const committed: MeerkatInput = { type: 'ProductTurnCommitted' }
  const output: MeerkatInput = { type: 'ProductOutputStarted' }
  const interrupted: MeerkatInput = { type: 'ProductTurnInterrupted' }

  test.each<readonly [string, readonly MeerkatInput[], MeerkatInput, ProductTurnPhase]>([
    ['output, then a commit', [input, output], committed, 'preemptible'],
    ['output', [input], output, 'outputStarted'],
    ['an interruption', [input, committed, output], interrupted, 'committed'],
    ['an interruption before the commit', [input, output], interrupted, 'awaitingProgress'],
  ])('says where it is after %s', (_, before, next, phase) => {
    expect(after(...before).do(next)).toEqual([{ type: 'RealtimeProductTurnPhaseChanged', phase }])
  })

  const advanced = (advancedAtMs: number): MeerkatInput => ({ type: 'RealtimeProjectionAdvanceObserved', advancedAtMs })
  test.each<readonly [string, readonly MeerkatInput[], MeerkatInput, ProjectionFreshness, number]>([
    ['news while it is in flight', [input], advanced(5), 'StaleDeferred', 5],
    ['news between turns', [], advanced(5), 'StaleImmediate', 5],
    ['a refresh', [advanced(5)], { type: 'RealtimeProjectionRefreshed', observedMs: 6 }, 'Clean', 6],
    ['a new transport', [advanced(5)], { type: 'RealtimeProjectionReset', baselineMs: 7 }, 'Clean', 7],
  ])('says how fresh the transport is after %s', (_, before, next, freshness, frontierMs) => {
    const said = { type: 'RealtimeProjectionFreshnessChanged', freshness, frontierMs }
    expect(after(...before).do(next)).toEqual([said])
  })

  test.each([4, 5])('in flight hears no old news: %i', at => {
    expect(after(input, advanced(5)).refused(advanced(at)).kind).toBe('guard-rejected')
  })
})

describe('a realtime attachment', () => {
  const intent: MeerkatInput = { type: 'ProjectRealtimeIntent', present: true }
  const clear: MeerkatInput = { type: 'ClearRealtimeReconnectProgress' }

  test.each([intent, { type: 'DetachRealtimeBinding' } as const, clear])('needs a session: $type', input => {
    expect(tornDown().refused(input).kind).toBe('guard-rejected')
  })

  const trying: readonly MeerkatInput[] = [
    { type: 'RequireRealtimeReattach' },
    { type: 'BeginRealtimeReconnectCycle', nextRetryAtMs: 10 },
  ]
  const noAttempt: MeerkatEffect = { type: 'RealtimeReconnectProgressProjected', attemptCount: 0 }
  test.each<readonly [string, readonly MeerkatInput[], MeerkatInput, MeerkatEffect]>([
    ['it is wished for', [], intent, { type: 'RealtimeIntentProjected', present: true }],
    ['it is tried no longer', trying, { type: 'ExhaustRealtimeReconnectCycle' }, noAttempt],
    ['attempts at it are forgotten', trying, clear, noAttempt],
    [
      'a change of model under it failed',
      [
        { type: 'BeginRealtimeBinding' },
        { type: 'BeginLiveTopologyReconfigure', authorityEpoch: 1 },
        { type: 'MarkLiveTopologyDetached' },
      ],
      { type: 'FailLiveTopologyAfterDetach' },
      { type: 'LiveTopologyPhaseChanged', phase: 'idle' },
    ],
  ])('says that %s', (_, before, input, said) => {
    expect(after(...before).do(input)).toEqual([said])
  })
})

const here = { sessionId: SESSION, channelId: 'c' as LiveChannelId }
const elsewhere = { ...here, channelId: 'd' as LiveChannelId }
const foreign = { ...here, sessionId: 'other' as SessionId }
const open = { type: 'ResolveLiveOpenAdmission', ...here, llmIdentity: { provider: 'p', model: 'm' } } as const

/** The numbers of what is said if this is done twice. */
function numbers(play: Play, input: MeerkatInput): readonly unknown[] {
  return play.do(input, input).map(said => 'sequence' in said && said.sequence)
}

describe('a live channel', () => {
  test('of another session is neither opened nor answered', () => {
    expect(after(open).refused({ ...open, ...foreign }).kind).toBe('guard-rejected')
    const answer = { type: 'RecordLiveWebrtcAnswerAccepted', ...here, answerObservationSequence: 1 } as const
    for (const wrong of [foreign, elsewhere]) {
      expect(after(open).refused({ ...answer, ...wrong }).kind).toBe('guard-rejected')
    }
  })

  test('that is refused twice is refused under two numbers', () => {
    expect(numbers(after({ type: 'Retire' }), open)).toEqual([1, 2])
    const refused: MeerkatInput = {
      type: 'RecordLiveChannelRequestRejected',
      channelId: here.channelId,
      request: 'Status',
      rejection: 'NoAdapter',
    }
    expect(numbers(attached(), refused)).toEqual([1, 2])
  })
})

describe.each([
  ['RecordLiveWebrtcTokenIssued', 'ResolveLiveWebrtcAnswerAdmission'],
  ['RecordLiveWebsocketTokenIssued', 'ResolveLiveWebsocketTokenAdmission'],
] as const)('a token: %s', (issuedAs, presentedAs) => {
  const token = 't' as LiveToken
  const issued: MeerkatInput = { type: issuedAs, ...here, token, issuedAtMs: 1000, ttlMs: 1000 }
  const present = { type: presentedAs, ...here, token, observedAtMs: 1500 } as const

  test.each([
    ['spent', [present], present, 'TokenAlreadyConsumed', [2, 3]],
    ['spent, and of another channel', [present], { ...present, ...elsewhere }, 'TokenAlreadyConsumed', [2, 3]],
    ['of another channel', [], { ...present, ...elsewhere }, 'TokenChannelMismatch', [1, 2]],
    ['too late', [], { ...present, observedAtMs: 2001 }, 'TokenExpired', [1, 2]],
    ['of another session', [], { ...present, ...foreign }, 'ChannelNotBound', [1, 2]],
    ['unknown', [], { ...present, token: 'x' as LiveToken }, 'TokenNotFound', [1, 2]],
  ] as const)('that is %s is refused under a number of its own', (_, before, wrong, rejection, expected) => {
    const play = after(open, issued, ...before)
    expect(play.do(wrong)).toMatchObject([{ accepted: false, rejection }])
    expect(numbers(after(open, issued, ...before), wrong)).toEqual(expected)
  })
})
