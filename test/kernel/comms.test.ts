import {
  isPeerProjectionFresh,
  type LifecyclePhase,
  type MeerkatEffect,
  type MeerkatInput,
  meerkat,
  type PeerCorrelationId,
  type PeerEnvelope,
  type PeerId,
  step,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { CommsInput } from '../../src/kernel/regions/comms/input.ts'
import { attached, type Play, SESSION } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

type Classified = Extract<MeerkatEffect, { readonly type: 'PeerIngressClassified' }>
const ITEM = 'item' as PeerCorrelationId
const ASKED = 'asked' as PeerCorrelationId

const classify = (envelope: PeerEnvelope) =>
  ({ type: 'ClassifyExternalEnvelope', itemId: ITEM, fromPeer: 'p', fromPeerId: 'p' as PeerId, envelope }) as const
const receive = (more: Partial<Extract<CommsInput, { type: 'ResolvePeerIngressReceive' }>> = {}) =>
  ({
    type: 'ResolvePeerIngressReceive',
    kind: 'External',
    auth: 'Required',
    trusted: true,
    queuedWork: false,
    queue: 'open',
    ...more,
  }) as const
const dequeue = (more: Partial<Extract<CommsInput, { type: 'ResolvePeerIngressDequeue' }>> = {}) =>
  ({ type: 'ResolvePeerIngressDequeue', kind: 'External', auth: 'Required', queuedWork: false, ...more }) as const
const silent: MeerkatInput = { type: 'SetSilentIntents', sessionId: SESSION, intents: ['hush'] }
const peerAdded: MeerkatInput = {
  type: 'AddDirectPeerEndpoint',
  endpoint: { name: 'p', peerId: 'p' as PeerId, address: 'a', signingKey: 'k' },
}

/** What is said of a question that changes nothing. */
function verdict(play: Play, input: MeerkatInput): MeerkatEffect | string {
  const result = step(play.state, input)
  if (!result.ok) return result.kind
  expect(result.effects).toHaveLength(1)
  return result.effects[0] as MeerkatEffect
}

const RUNS: readonly LifecyclePhase[] = ['attached', 'running']
const OPEN: readonly LifecyclePhase[] = ['idle', ...RUNS]
const SERVED: readonly LifecyclePhase[] = [...OPEN, 'retired', 'stopped']
const ALL: readonly LifecyclePhase[] = ['initializing', ...SERVED, 'destroyed']

type Facts = Omit<Classified, 'type' | 'fromPeerId'>
const request = (intent: string, intentClass: 'SupervisorBridge' | 'Other'): PeerEnvelope => ({
  kind: 'Request',
  intent,
  intentClass,
})
const mob = (change: 'Added' | 'Retired' | 'Unwired') =>
  ({ kind: 'Request', intent: 'of a mob', intentClass: `MobPeer${change}`, subject: 'z' }) as const
const notice = (change: 'Added' | 'Retired' | 'Unwired') =>
  ({ kind: 'Lifecycle', lifecycle: `Peer${change}`, subject: 'z' }) as const
const response = (status: 'Accepted' | 'Completed' | 'Failed') =>
  ({ kind: 'Response', status, inReplyTo: ASKED }) as const
const lifecycle = (change: 'Added' | 'Retired' | 'Unwired', more: Partial<Facts> = {}): Facts => ({
  class: `PeerLifecycle${change}`,
  actionable: false,
  kind: 'Request',
  auth: 'Required',
  lifecyclePeer: 'z',
  ...more,
})
const asks = (how: 'SilentRequest' | 'ActionableRequest', auth: Facts['auth'] = 'Required'): Facts => ({
  class: how,
  actionable: how === 'ActionableRequest',
  kind: 'Request',
  auth,
  requestId: ITEM,
})
const answers = (
  how: 'ResponseProgress' | 'ResponseTerminal',
  terminality: NonNullable<Facts['terminality']>,
): Facts => ({
  class: how,
  actionable: true,
  kind: 'Response',
  auth: 'Required',
  requestId: ASKED,
  terminality,
})
const ENVELOPES: readonly (readonly [string, PeerEnvelope, readonly LifecyclePhase[], Facts])[] = [
  [
    'message',
    { kind: 'Message' },
    RUNS,
    { class: 'ActionableMessage', actionable: true, kind: 'Message', auth: 'Required' },
  ],
  ['mob added', mob('Added'), OPEN, lifecycle('Added', { requestId: ITEM })],
  ['mob retired', mob('Retired'), SERVED, lifecycle('Retired', { requestId: ITEM })],
  ['mob unwired', mob('Unwired'), SERVED, lifecycle('Unwired', { requestId: ITEM })],
  ['added', notice('Added'), OPEN, lifecycle('Added')],
  ['retired', notice('Retired'), SERVED, lifecycle('Retired')],
  ['unwired', notice('Unwired'), SERVED, lifecycle('Unwired')],
  [
    'bridge',
    request('b', 'SupervisorBridge'),
    [...SERVED, 'destroyed'],
    asks('ActionableRequest', 'SupervisorBridgeExempt'),
  ],
  ['request', request('i', 'Other'), RUNS, asks('ActionableRequest')],
  ['progress', response('Accepted'), RUNS, answers('ResponseProgress', 'Progress')],
  ['completed', response('Completed'), RUNS, answers('ResponseTerminal', 'TerminalCompleted')],
  ['failed', response('Failed'), RUNS, answers('ResponseTerminal', 'TerminalFailed')],
  [
    'ack',
    { kind: 'Ack', inReplyTo: ASKED },
    RUNS,
    { class: 'Ack', actionable: false, kind: 'Ack', auth: 'Required', requestId: ASKED },
  ],
]

describe('an envelope', () => {
  test.each(ENVELOPES)(
    'that is %s has one class where it counts, and is refused elsewhere',
    (_, envelope, phases, facts) => {
      const lives = livesAfter(silent)
      for (const phase of ALL) {
        const said = verdict(lives[phase], classify(envelope))
        if (phases.includes(phase)) expect(said).toEqual({ type: 'PeerIngressClassified', fromPeerId: 'p', ...facts })
        else expect(said).toBe(phase === 'initializing' ? 'no-matching-transition' : 'guard-rejected')
      }
    },
  )

  test('with a silent intent starts nothing', () => {
    const play = attached()
    play.do(silent)
    const { type: _, ...bridge } = verdict(play, classify(request('hush', 'SupervisorBridge'))) as Classified
    expect(bridge).toEqual({ ...asks('SilentRequest', 'SupervisorBridgeExempt'), fromPeerId: 'p' })
    const { type: __, ...other } = verdict(play, classify(request('hush', 'Other'))) as Classified
    expect(other).toEqual({ ...asks('SilentRequest'), fromPeerId: 'p' })
  })

  test('of a mob has to name the peer it is about', () => {
    const play = attached()
    for (const change of ['Added', 'Retired', 'Unwired'] as const) {
      const { subject: _, ...nobody } = mob(change)
      for (const nameless of [nobody, { ...nobody, subject: '' }, { ...notice(change), subject: '' }]) {
        expect(play.refused(classify(nameless)).kind).toBe('guard-rejected')
      }
    }
  })

  test('that asks for something else names no peer of a mob', () => {
    const said = verdict(attached(), classify({ ...request('i', 'Other'), subject: 'z' } as PeerEnvelope))
    expect(said).not.toHaveProperty('lifecyclePeer')
  })

  test('means nothing to a session without a registration', () => {
    for (const [, envelope] of ENVELOPES) expect(tornDown().refused(classify(envelope)).kind).toBe('guard-rejected')
  })
})

describe('questions about what comes in', () => {
  const EXAMPLES = {
    ClassifyExternalEnvelope: classify({ kind: 'Message' }),
    ClassifyPlainEvent: { type: 'ClassifyPlainEvent', sourceName: 'timer' },
    ClassifyPeerResponseReply: { type: 'ClassifyPeerResponseReply', status: 'Failed' },
    ResolvePeerIngressReceive: receive(),
    ResolvePeerIngressDequeue: dequeue(),
    PeerProjectionReconciled: { type: 'PeerProjectionReconciled', epoch: 1 },
  } as const

  test('are answered as the table says', () => {
    const served = {
      ClassifyExternalEnvelope: 'stays',
      ClassifyPlainEvent: 'stays',
      ClassifyPeerResponseReply: 'stays',
      ResolvePeerIngressReceive: 'stays',
      ResolvePeerIngressDequeue: 'stays',
      PeerProjectionReconciled: 'stays',
    } as const
    const unserved = {
      ...served,
      ClassifyExternalEnvelope: 'guard-rejected',
      ClassifyPlainEvent: 'no-matching-transition',
    } as const
    const never = {
      ClassifyExternalEnvelope: 'no-matching-transition',
      ClassifyPlainEvent: 'no-matching-transition',
      ClassifyPeerResponseReply: 'no-matching-transition',
      ResolvePeerIngressReceive: 'no-matching-transition',
      ResolvePeerIngressDequeue: 'no-matching-transition',
      PeerProjectionReconciled: 'no-matching-transition',
    } as const
    const expected: TruthTable<string, CommsInput['type']> = {
      initializing: never,
      idle: unserved,
      attached: served,
      running: served,
      retired: unserved,
      stopped: unserved,
      destroyed: {
        ...never,
        ClassifyExternalEnvelope: 'guard-rejected',
        ResolvePeerIngressReceive: 'stays',
        ResolvePeerIngressDequeue: 'guard-rejected',
      },
    }
    expect(truths(lifecycleOf, livesAfter(peerAdded), EXAMPLES)).toEqual(expected)
  })

  test('a plain event is actionable and from nobody', () => {
    expect(verdict(attached(), EXAMPLES.ClassifyPlainEvent)).toEqual({
      type: 'PeerIngressClassified',
      class: 'PlainEvent',
      actionable: true,
      kind: 'PlainEvent',
      auth: 'Required',
    })
  })

  test.each([
    ['Accepted', 'Progress'],
    ['Completed', 'TerminalCompleted'],
    ['Failed', 'TerminalFailed'],
  ] as const)('a reply that is %s is %s', (status, terminality) => {
    expect(verdict(attached(), { type: 'ClassifyPeerResponseReply', status })).toEqual({
      type: 'PeerResponseReplyClassified',
      terminality,
    })
  })
})

describe('what is received', () => {
  const exempt = { auth: 'SupervisorBridgeExempt' } as const
  const untrusted = { trusted: false } as const
  const event = { kind: 'PlainEvent' } as const
  const cases = [
    ['a closed inbox', { queue: 'closed' }, 'DroppedSessionClosed', undefined, 'Absent'],
    ['a full one', { queue: 'full' }, 'DroppedInboxFull', undefined, 'Absent'],
    ['a plain event', { ...event, ...untrusted }, 'Admitted', undefined, 'Absent'],
    ['a trusted sender', {}, 'Admitted', 'TrustedAtAdmission', 'Received'],
    // Oracle 20 of the handles.
    ['a stranger', untrusted, 'DroppedUntrustedSender', 'UntrustedAtAdmission', 'Dropped'],
    [
      'a stranger behind work',
      { ...untrusted, queuedWork: true },
      'DroppedUntrustedSender',
      'UntrustedAtAdmission',
      'Received',
    ],
    ['a supervisor that is not known yet', { ...untrusted, ...exempt }, 'Admitted', 'UntrustedAtAdmission', 'Received'],
    ['a supervisor that is', exempt, 'Admitted', 'TrustedAtAdmission', 'Received'],
  ] as const

  test.each(cases)('by %s: %j is %s', (_, facts, outcome, diagnostic, phase) => {
    const play = attached()
    const [said] = play.do(receive(facts))
    expect(said).toEqual({ type: 'PeerIngressReceiveResolved', outcome, ...(diagnostic && { diagnostic }), phase })
    expect(play.state.comms.newest).toBe(phase)
  })

  test.each([
    ['ordinary', {}, 'DroppedSessionClosed', undefined],
    ['an event', event, 'DroppedSessionClosed', undefined],
    ['an event that claims to be exempt', { ...event, ...exempt }, 'DroppedSessionClosed', undefined],
    ['its supervisor’s', exempt, 'Admitted', 'TrustedAtAdmission'],
    ['an unknown supervisor’s', { ...exempt, ...untrusted }, 'Admitted', 'UntrustedAtAdmission'],
    ['a full inbox', { ...exempt, queue: 'full' }, 'DroppedInboxFull', undefined],
  ] as const)('by a destroyed session, %s: %j is %s', (_, facts, outcome, diagnostic) => {
    const play = attached()
    play.do({ type: 'Destroy' })
    const [said] = play.do(receive(facts))
    expect(said).toMatchObject({ outcome })
    expect((said as { readonly diagnostic?: string }).diagnostic).toBe(diagnostic)
  })

  test('is taken out: the newest is delivered when nothing waits behind it; events and the exempt do not count', () => {
    const play = attached()
    play.do(receive())
    const phases = [event, exempt, { queuedWork: true }, {}].map(facts => {
      play.do(dequeue(facts))
      return play.state.comms.newest
    })
    expect(phases).toEqual(['Received', 'Received', 'Received', 'Delivered'])
    expect(play.said('PeerIngressDequeueResolved').map(({ phase }) => phase)).toEqual(phases)
  })

  test('keeps a session from being put away until it is delivered', () => {
    const play = attached()
    play.do(receive())
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(dequeue())
    expect(meerkat.atRest(play.state)).toBe(true)
  })
})

describe('the peers this process has applied', () => {
  const reconciled = (epoch: number): MeerkatInput => ({ type: 'PeerProjectionReconciled', epoch })

  test('are fresh once they are those the session knows; an older word is no news, a newer one is not possible', () => {
    const play = attached()
    expect(isPeerProjectionFresh(play.state)).toBe(true)
    play.do(peerAdded, { type: 'ApplyMobPeerOverlay', overlayEpoch: 1, endpoints: [] })
    expect(isPeerProjectionFresh(play.state)).toBe(false)
    expect(play.do(reconciled(1))).toEqual([{ type: 'PeerProjectionFreshnessChanged', epoch: 1, fresh: false }])
    expect(play.do(reconciled(2))).toEqual([{ type: 'PeerProjectionFreshnessChanged', epoch: 2, fresh: true }])
    for (const epoch of [1, 2, 3]) expect(play.refused(reconciled(epoch)).kind).toBe('guard-rejected')
  })

  test('are applied anew by the next process', () => {
    const play = attached()
    play.do(peerAdded, reconciled(1), { type: 'Recover' })
    expect(isPeerProjectionFresh(play.state)).toBe(false)
    play.do(reconciled(1))
    expect(isPeerProjectionFresh(play.state)).toBe(true)
  })
})
