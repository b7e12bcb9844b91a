import {
  type Live,
  type LiveChannelId,
  type LiveCommandRejection,
  type LiveErrorClass,
  type LiveInput,
  type LiveRequestRejection,
  type LiveToken,
  type MeerkatEffect,
  type MeerkatInput,
  meerkat,
  type SessionId,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { all, outcomes } from './support/model-sessions.ts'
import { outcomesAfter } from './support/phase-table.ts'
import { attached, kinds, type Play, registered, SESSION } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

const llmIdentity = { provider: 'p', model: 'talker' }
const here = { sessionId: SESSION, channelId: 'c' as LiveChannelId }
const elsewhere = { sessionId: SESSION, channelId: 'd' as LiveChannelId }
const foreign = { sessionId: 'other' as SessionId, channelId: 'c' as LiveChannelId }
type Pair = typeof here

const open = (pair: Pair = here): MeerkatInput => ({ type: 'ResolveLiveOpenAdmission', ...pair, llmIdentity })
const abandon = (pair: Pair = here): MeerkatInput => ({ type: 'AbandonLiveOpenAdmission', ...pair })
const close = (closeObservationSequence: number, pair: Pair = here): MeerkatInput => ({
  type: 'RecordLiveCloseClosed',
  ...pair,
  closeObservationSequence,
})
const refresh = (queueAcceptanceSequence: number): MeerkatInput => ({
  type: 'RecordLiveRefreshQueued',
  channelId: here.channelId,
  queueAcceptanceSequence,
})
const command = (commandAcceptanceSequence: number): MeerkatInput => ({
  type: 'RecordLiveCommandAccepted',
  channelId: here.channelId,
  command: 'Interrupt',
  commandAcceptanceSequence,
})
const status = (statusObservationSequence: number): MeerkatInput => ({
  type: 'RecordLiveChannelStatus',
  channelId: here.channelId,
  status: 'Ready',
  statusObservationSequence,
})
const answer = (answerObservationSequence: number, pair: Pair = here): MeerkatInput => ({
  type: 'RecordLiveWebrtcAnswerAccepted',
  ...pair,
  answerObservationSequence,
})
type Transport = 'Webrtc' | 'Websocket'
const issue = (transport: Transport, token: string, issuedAtMs = 1000, pair: Pair = here): MeerkatInput => ({
  type: `RecordLive${transport}TokenIssued`,
  ...pair,
  token: token as LiveToken,
  issuedAtMs,
  ttlMs: 60_000,
})
const present = (transport: Transport, token: string, observedAtMs = 2000, pair: Pair = here): MeerkatInput => ({
  type: transport === 'Webrtc' ? 'ResolveLiveWebrtcAnswerAdmission' : 'ResolveLiveWebsocketTokenAdmission',
  ...pair,
  token: token as LiveToken,
  observedAtMs,
})

function played(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
const openings = (play: Play) =>
  play.said('LiveOpenAdmissionResolved').map(one => (one.admitted ? 'admitted' : one.rejection))
/** What is said to whoever presents a token. */
function answered(play: Play, input: MeerkatInput): string {
  const [said] = play.do(input)
  if (said?.type !== 'LiveWebrtcAnswerAdmissionResolved' && said?.type !== 'LiveWebsocketTokenAdmissionResolved') {
    throw new Error(`${input.type} was not answered`)
  }
  return said.accepted ? 'accepted' : `${said.rejection} ${said.errorClass}`
}
const held = ({ state: { live } }: Play): number => (live.phase === 'bound' ? live.channel.tokens.size : 0)

describe('a live channel', () => {
  test('is opened with the model that answers in it, one a session', () => {
    const play = played(open())
    expect(play.said('LiveOpenAdmissionResolved')).toEqual([
      { type: 'LiveOpenAdmissionResolved', ...here, sequence: 1, admitted: true, boundLlmIdentity: llmIdentity },
    ])
    play.do(open(), open(elsewhere))
    expect(openings(play)).toEqual(['admitted', 'AlreadyBound', 'AlreadyBound'])
    expect(play.said('LiveOpenAdmissionResolved').map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(meerkat.atRest(play.state)).toBe(false)
  })

  test('needs a name, and its own session', () => {
    expect(attached().refused(open({ ...here, channelId: '' as LiveChannelId })).reason).toContain('isNamedChannel')
    expect(attached().refused(open(foreign)).reason).toContain('isThisSession')
  })

  test('that could not be built is given up, and another may be opened', () => {
    const play = played(open())
    for (const wrong of [abandon(elsewhere), abandon(foreign)])
      expect(play.refused(wrong).reason).toContain('isBoundPair')
    expect(play.do(abandon())).toEqual([{ type: 'LiveOpenAdmissionAbandoned', ...here, sequence: 2 }])
    expect(meerkat.atRest(play.state)).toBe(true)
    play.do(open(elsewhere))
    expect(openings(play)).toEqual(['admitted', 'admitted'])
  })

  test('closes once for each time that it is seen to, also when it is gone', () => {
    const play = played(open(), close(1))
    expect(play.refused(close(1)).reason).toContain('isNewClose')
    play.do(close(2))
    expect(play.said('LiveCloseResultResolved').map(({ sequence }) => sequence)).toEqual([1, 2])
    play.do(open(elsewhere))
    expect(play.refused(close(3)).reason).toContain('isBoundPair')
  })

  const closing: Record<string, readonly MeerkatInput[]> = {
    'that is being let go': [{ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }],
    'whose stop is deferred': [{ type: 'StopRuntimeExecutor', reason: 'asked' }],
    'that stopped': [{ type: 'StopRuntimeExecutor', reason: 'asked' }, { type: 'RuntimeExecutorExited' }],
    'that is retired': [{ type: 'Retire' }],
  }
  test.each(Object.entries(closing))('is not opened on a session %s; one that is open goes on', (_, inputs) => {
    const play = played(...inputs, open())
    expect(openings(play)).toEqual(['LifecycleClosed'])
    const talking = played(open(), ...inputs, command(1), close(1))
    expect(talking.said('LiveCloseResultResolved')).toHaveLength(1)
  })

  test('is not opened on a session that nobody registered', () => {
    const play = registered()
    play.do({ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} })
    play.do({ type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false })
    play.do({ type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false })
    play.do({ type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION })
    play.do({ type: 'UnregisterSession', sessionId: SESSION, binding: {} }, open())
    expect(openings(play)).toEqual(['LifecycleClosed'])
  })

  test.each<readonly [string, MeerkatInput]>([
    ['the next process', { type: 'Recover' }],
    ['another identity', { type: 'RegisterSession', sessionId: 'other' as never }],
    ['the end of its session', { type: 'Destroy' }],
  ])('goes with its tokens with %s', (_, input) => {
    const play = played(open(), issue('Webrtc', 't'), input)
    expect(play.state.live).toEqual(meerkat.initial.live)
  })
})

test('what is said of channels after a teardown is not counted in the next registration', () => {
  const play = tornDown()
  play.do(open(), close(1))
  expect(play.state.live).toMatchObject({ verdicts: { openAdmission: 1, closeResult: 1 }, closed: { id: 'c' } })
  play.do({ type: 'RegisterSession', sessionId: SESSION })
  expect(play.state.live).toEqual(meerkat.initial.live)
})

describe('what is observed of a channel', () => {
  test.each([
    ['LiveRefreshResultResolved', refresh],
    ['LiveCommandResultResolved', command],
    ['LiveChannelStatusResolved', status],
    ['LiveWebrtcAnswerResultResolved', answer],
  ] as const)('counts once and in its order: %s', (said, observed) => {
    const play = played(open())
    play.refused(observed(0))
    expect(kinds(play.do(observed(3)))).toEqual([said])
    for (const late of [3, 2]) expect(play.refused(observed(late)).kind).toBe('guard-rejected')
    play.do(observed(4))
    expect(play.said(said).map(({ sequence }) => sequence)).toEqual([1, 2])
  })

  test('is numbered each by itself', () => {
    const play = played(open())
    expect(kinds(play.do(refresh(1), command(1), status(1), answer(1), close(1)))).toHaveLength(5)
  })

  test('is known of a channel that closed until another one closes, and of no other', () => {
    const play = played(open())
    play.refused({ ...status(1), channelId: elsewhere.channelId } as MeerkatInput)
    play.do(status(1), close(1), status(2), open(elsewhere), command(1))
    expect(play.state.live.closed).toMatchObject({ id: 'c', observed: { status: 2, command: 1 } })
    play.do(close(1, elsewhere))
    play.refused(status(3))
    expect(play.refused(close(2)).reason).toContain('isNewestOrFirst')
    expect(play.state.live.closed?.id).toBe('d')
  })

  test('goes on counting where a channel of the same name is opened again', () => {
    const play = played(open(), command(5), close(1), open())
    play.refused(command(5))
    play.refused(close(1))
    play.do(command(6), close(2))
  })

  test('is kept as its status, with the reason of a degraded one', () => {
    const degraded = { status: 'Degraded', degradationReason: 'RateLimited', degradationDetail: 'slow down' } as const
    const play = played(open(), {
      type: 'RecordLiveChannelStatus',
      channelId: here.channelId,
      statusObservationSequence: 1,
      ...degraded,
    })
    expect(play.state.live).toMatchObject({ channel: { status: degraded } })
    expect(play.said('LiveChannelStatusResolved')).toMatchObject([degraded])
    play.do(close(1))
    expect(play.state.live.closed?.status).toEqual({ status: 'Closed' })
  })
})

describe('a refusal', () => {
  const commands: Record<LiveCommandRejection, LiveErrorClass> = {
    ChannelNotFound: 'InvalidParams',
    NoAdapter: 'InvalidParams',
    ChannelNotReady: 'InternalError',
    UnsupportedCommand: 'InternalError',
    AdapterError: 'InternalError',
    InternalHostError: 'InternalError',
  }
  const requests: Record<LiveRequestRejection, LiveErrorClass> = {
    ChannelNotFound: 'InvalidParams',
    NoAdapter: 'InvalidParams',
    InvalidToken: 'InvalidParams',
    InvalidPayload: 'InvalidParams',
    WebrtcAnswerError: 'InvalidParams',
    InternalHostError: 'InternalError',
  }
  const { channelId } = here

  test('of a command says whose fault it was, whether or not there is a channel', () => {
    const play = attached()
    for (const rejection of Object.keys(commands) as LiveCommandRejection[]) {
      play.do({ type: 'RecordLiveCommandRejected', channelId, command: 'SendInput', rejection })
    }
    const said = play.said('LiveCommandRejectionResolved')
    expect(said.map(one => [one.rejection, one.errorClass])).toEqual(Object.entries(commands))
    expect(said.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('of a request does, too', () => {
    const play = attached()
    for (const rejection of Object.keys(requests) as LiveRequestRejection[]) {
      play.do({ type: 'RecordLiveChannelRequestRejected', channelId, request: 'WebrtcAnswer', rejection })
    }
    const said = play.said('LiveChannelRequestRejectionResolved')
    expect(said.map(one => [one.rejection, one.errorClass])).toEqual(Object.entries(requests))
  })
})

describe.each<readonly [Transport, string]>([
  ['Webrtc', 'InvalidParams'],
  ['Websocket', 'InvalidToken'],
])('a %s token', (transport, errorClass) => {
  const ready = () => played(open(), issue(transport, 't'))

  test('opens its channel once', () => {
    const play = ready()
    expect(answered(play, present(transport, 't'))).toBe('accepted')
    expect(answered(play, present(transport, 't'))).toBe(`TokenAlreadyConsumed ${errorClass}`)
  })

  test('is good to its last moment, and not after it', () => {
    expect(answered(ready(), present(transport, 't', 61_000))).toBe('accepted')
    expect(answered(ready(), present(transport, 't', 61_001))).toBe(`TokenExpired ${errorClass}`)
  })

  test('is not spent by whoever presents it in the wrong place, too late, or without a right', () => {
    const play = ready()
    const other = transport === 'Webrtc' ? 'Websocket' : 'Webrtc'
    expect(answered(play, present(transport, 't', 2000, elsewhere))).toBe(`TokenChannelMismatch ${errorClass}`)
    expect(answered(play, present(transport, 't', 2000, foreign))).toBe(`ChannelNotBound ${errorClass}`)
    expect(answered(play, present(transport, 't', 99_000))).toBe(`TokenExpired ${errorClass}`)
    expect(answered(play, present(transport, 'x'))).toBe(`TokenNotFound ${errorClass}`)
    expect(answered(play, present(other, 't'))).toMatch(/^TokenNotFound/u)
    expect(answered(play, present(transport, 't'))).toBe('accepted')
  })

  test('is issued for the channel there is, under a name of its own', () => {
    const play = ready()
    expect(play.refused(issue(transport, 't')).reason).toContain('isNewToken')
    expect(play.refused(issue(transport, '')).reason).toContain('isNewToken')
    expect(play.refused(issue(transport, 'u', 1000, elsewhere)).reason).toContain('isBoundPair')
    expect(play.refused(issue(transport, 'u', 0)).reason).toContain('isForAWhile')
    play.do(present(transport, 't'))
    expect(play.refused(issue(transport, 't')).reason).toContain('isNewToken')
  })

  test('goes with its channel', () => {
    const play = ready()
    play.do(close(1))
    expect(answered(play, present(transport, 't'))).toBe(`ChannelNotBound ${errorClass}`)
    play.do(open())
    expect(answered(play, present(transport, 't'))).toBe(`TokenNotFound ${errorClass}`)
  })

  test('is forgotten when it can no longer be presented, so that a long call holds few', () => {
    const play = played(open())
    for (let minute = 1; minute <= 100; minute++) {
      play.do(issue(transport, `t${minute}`, minute * 60_001), present(transport, `t${minute}`, minute * 60_001))
    }
    expect(held(play)).toBe(1)
  })

  test('is in no effect: it is for its client alone', () => {
    const play = played(open(), issue(transport, 'hush-hush'), present(transport, 'hush-hush'))
    const said = (play.effects as readonly MeerkatEffect[]).map(effect => JSON.stringify(effect)).join()
    expect(said).not.toContain('hush-hush')
    expect(said).toContain('61000')
  })
})

const INPUTS: { readonly [Type in LiveInput['type']]: MeerkatInput } = {
  ResolveLiveOpenAdmission: open(),
  AbandonLiveOpenAdmission: abandon(),
  RecordLiveRefreshQueued: refresh(1),
  RecordLiveCloseClosed: close(1),
  RecordLiveCommandAccepted: command(1),
  RecordLiveCommandRejected: {
    type: 'RecordLiveCommandRejected',
    channelId: here.channelId,
    command: 'SendInput',
    rejection: 'NoAdapter',
  },
  RecordLiveChannelRequestRejected: {
    type: 'RecordLiveChannelRequestRejected',
    channelId: here.channelId,
    request: 'Status',
    rejection: 'NoAdapter',
  },
  RecordLiveChannelStatus: status(1),
  RecordLiveWebrtcTokenIssued: issue('Webrtc', 't'),
  RecordLiveWebsocketTokenIssued: issue('Websocket', 't'),
  ResolveLiveWebrtcAnswerAdmission: present('Webrtc', 't'),
  ResolveLiveWebsocketTokenAdmission: present('Websocket', 't'),
  RecordLiveWebrtcAnswerAccepted: answer(1),
}

test('every input with a channel and without one', () => {
  const ways: Record<Live['phase'], readonly MeerkatInput[]> = { unbound: [], bound: [open()] }
  expect(outcomesAfter(ways, INPUTS)).toEqual({
    unbound: {
      ResolveLiveOpenAdmission: 'taken',
      AbandonLiveOpenAdmission: 'no-matching-transition',
      RecordLiveRefreshQueued: 'guard-rejected',
      RecordLiveCloseClosed: 'taken',
      RecordLiveCommandAccepted: 'guard-rejected',
      RecordLiveCommandRejected: 'taken',
      RecordLiveChannelRequestRejected: 'taken',
      RecordLiveChannelStatus: 'guard-rejected',
      RecordLiveWebrtcTokenIssued: 'no-matching-transition',
      RecordLiveWebsocketTokenIssued: 'no-matching-transition',
      ResolveLiveWebrtcAnswerAdmission: 'taken',
      ResolveLiveWebsocketTokenAdmission: 'taken',
      RecordLiveWebrtcAnswerAccepted: 'no-matching-transition',
    },
    bound: all(INPUTS, 'taken'),
  } satisfies ReturnType<typeof outcomesAfter<Live['phase'], LiveInput['type']>>)
})

test('every input in every phase of a session with a channel', () => {
  const never = all(INPUTS, 'no-matching-transition')
  const taken = all(INPUTS, 'taken')
  expect(outcomes(INPUTS, [open()])).toEqual({
    initializing: never,
    idle: taken,
    attached: taken,
    running: taken,
    retired: taken,
    stopped: taken,
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<LiveInput['type']>>)
})
