import type { MeerkatInput, PeerCorrelationId, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { InteractionsInput } from '../../src/kernel/regions/interactions/input.ts'
import { inboundRequest, outboundRequest } from './support/peers.ts'
import { attached, kinds, type Play } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

type Type = InteractionsInput['type']
const of = <T extends string>(type: T, id = 'x') => ({ type, correlationId: id as PeerCorrelationId })
const terminal = { ...of('PeerResponseTerminalArrived'), disposition: 'Completed' } as const
const received = { ...of('PeerRequestReceived'), lane: 'steer' } as const

const EXAMPLES = {
  PeerRequestSent: of('PeerRequestSent'),
  PeerResponseProgressArrived: of('PeerResponseProgressArrived'),
  PeerResponseTerminalArrived: terminal,
  PeerResponseRejected: of('PeerResponseRejected'),
  PeerRequestTimedOut: of('PeerRequestTimedOut'),
  PeerRequestSendFailed: of('PeerRequestSendFailed'),
  PeerRequestReceived: received,
  PeerResponseReplied: of('PeerResponseReplied'),
} as const

const NEVER = {
  PeerRequestSent: 'no-matching-transition',
  PeerResponseProgressArrived: 'no-matching-transition',
  PeerResponseTerminalArrived: 'no-matching-transition',
  PeerResponseRejected: 'no-matching-transition',
  PeerRequestTimedOut: 'no-matching-transition',
  PeerRequestSendFailed: 'no-matching-transition',
  PeerRequestReceived: 'no-matching-transition',
  PeerResponseReplied: 'no-matching-transition',
} as const

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

// Oracle 139.
describe('requests between peers', () => {
  test('may begin while a session lives, and nothing else may happen to those that never did', () => {
    const lives = {
      PeerRequestSent: 'stays',
      PeerResponseProgressArrived: 'guard-rejected',
      PeerResponseTerminalArrived: 'guard-rejected',
      PeerResponseRejected: 'guard-rejected',
      PeerRequestTimedOut: 'guard-rejected',
      PeerRequestSendFailed: 'guard-rejected',
      PeerRequestReceived: 'stays',
      PeerResponseReplied: 'guard-rejected',
    } as const
    const expected: TruthTable<string, Type> = {
      initializing: NEVER,
      idle: lives,
      attached: lives,
      running: lives,
      retired: lives,
      stopped: lives,
      destroyed: { ...NEVER, PeerResponseReplied: 'guard-rejected' },
    }
    expect(truths(lifecycleOf, livesAfter(), EXAMPLES)).toEqual(expected)
  })

  test('go on and end once they did, and can’t begin twice; a destroyed session still owes its answers', () => {
    const lives = {
      PeerRequestSent: 'guard-rejected',
      PeerResponseProgressArrived: 'stays',
      PeerResponseTerminalArrived: 'stays',
      PeerResponseRejected: 'stays',
      PeerRequestTimedOut: 'stays',
      PeerRequestSendFailed: 'stays',
      PeerRequestReceived: 'guard-rejected',
      PeerResponseReplied: 'stays',
    } as const
    const expected: TruthTable<string, Type> = {
      initializing: NEVER,
      idle: lives,
      attached: lives,
      running: lives,
      retired: lives,
      stopped: lives,
      destroyed: { ...NEVER, PeerResponseReplied: 'stays' },
    }
    expect(truths(lifecycleOf, livesAfter(of('PeerRequestSent'), received), EXAMPLES)).toEqual(expected)
  })

  test.each([
    [terminal, 'Completed'],
    [{ ...terminal, disposition: 'Failed' }, 'Failed'],
    [of('PeerResponseRejected'), 'Failed'],
    [of('PeerRequestSendFailed'), 'Failed'],
    [of('PeerRequestTimedOut'), 'TimedOut'],
  ] as const)('ours end once, and cleanup is asked for once: $0.type, $1', (end, state) => {
    const play = served(of('PeerRequestSent'))
    expect(outboundRequest(play, 'x')).toBe('Sent')
    play.do(of('PeerResponseProgressArrived'), of('PeerResponseProgressArrived'))
    expect(outboundRequest(play, 'x')).toBe('AcceptedProgress')
    expect(play.do(end)).toEqual([
      { type: 'PeerInteractionStateChanged', correlationId: 'x', state },
      { type: 'PeerInteractionCleanup', correlationId: 'x' },
    ])
    expect(outboundRequest(play, 'x')).toBeUndefined()
    for (const late of [end, of('PeerResponseProgressArrived'), of('PeerRequestTimedOut')]) {
      expect(play.refused(late).kind).toBe('guard-rejected')
    }
    expect(play.said('PeerInteractionCleanup')).toHaveLength(1)
  })

  test('a peer’s is answered once, and keeps the lane in which it came until then', () => {
    const play = served()
    expect(play.do(received)).toEqual([
      { type: 'InboundPeerInteractionStateChanged', correlationId: 'x', state: 'Received' },
    ])
    expect(inboundRequest(play, 'x')).toBe('steer')
    expect(play.do(of('PeerResponseReplied'))).toEqual([
      { type: 'InboundPeerInteractionStateChanged', correlationId: 'x', state: 'Replied' },
    ])
    expect(inboundRequest(play, 'x')).toBeUndefined()
    expect(play.refused(of('PeerResponseReplied')).reason).toContain('owesAnswer')
  })

  test('in both directions do not see each other', () => {
    const play = served(of('PeerRequestSent'), received, terminal)
    expect(inboundRequest(play, 'x')).toBe('steer')
    play.do(of('PeerRequestSent'), of('PeerResponseReplied'))
    expect(outboundRequest(play, 'x')).toBe('Sent')
    play.do(of('PeerRequestSent', 'y'), of('PeerRequestTimedOut', 'y'))
    expect(outboundRequest(play, 'x')).toBe('Sent')
  })

  test('survive a restart, and end with the session’s identity', () => {
    const play = served(of('PeerRequestSent'), received)
    play.do({ type: 'Recover' })
    expect([outboundRequest(play, 'x'), inboundRequest(play, 'x')]).toEqual(['Sent', 'steer'])
    play.do({ type: 'RegisterSession', sessionId: 'other' as SessionId })
    expect([outboundRequest(play, 'x'), inboundRequest(play, 'x')]).toEqual([undefined, undefined])
  })

  test('late words about a session that was torn down are taken, whatever became of it, and nothing follows', () => {
    const play = tornDown(of('PeerRequestSent'), received)
    const late = Object.values(EXAMPLES)
    expect(kinds(play.do(...late))).toEqual([])
    play.do({ type: 'Retire' })
    expect(kinds(play.do(...late))).toEqual([])
    expect([outboundRequest(play, 'x'), inboundRequest(play, 'x')]).toEqual([undefined, undefined])
  })

  test('of a session that is destroyed: nobody waits any more, peers still do', () => {
    const play = served(of('PeerRequestSent'), received, { type: 'Destroy' })
    expect([outboundRequest(play, 'x'), inboundRequest(play, 'x')]).toEqual([undefined, 'steer'])
    expect(kinds(play.do(of('PeerResponseReplied')))).toEqual(['InboundPeerInteractionStateChanged'])
  })
})
