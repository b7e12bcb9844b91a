/** What is said to peers and supervisors of a session, and what is refused them, where little tells it apart. */
import type { MeerkatInput, PeerId, PeerIngressPhase } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { CommsInput } from '../../src/kernel/regions/comms/input.ts'
import { attached, type Play, registered, SESSION } from './support/play.ts'
import { bind, edge, identity, inPhase, ROTATED, S, sender, served, submit } from './support/supervision.ts'
import { tornDown } from './support/truth-table.ts'

type Receive = Extract<CommsInput, { readonly type: 'ResolvePeerIngressReceive' }>
type Dequeue = Extract<CommsInput, { readonly type: 'ResolvePeerIngressDequeue' }>
const receive = (more: Partial<Receive> = {}): Receive => ({
  type: 'ResolvePeerIngressReceive',
  kind: 'External',
  auth: 'Required',
  trusted: true,
  queuedWork: false,
  queue: 'open',
  ...more,
})
const dequeue = (more: Partial<Dequeue> = {}): Dequeue => ({
  type: 'ResolvePeerIngressDequeue',
  kind: 'External',
  auth: 'Required',
  queuedWork: false,
  ...more,
})
const event = { kind: 'PlainEvent' } as const
const exempt = { auth: 'SupervisorBridgeExempt' } as const
const behind = { queuedWork: true } as const
const destroyed = (): Play => {
  const play = attached()
  play.do({ type: 'Destroy' })
  return play
}

describe('an inbox without a session', () => {
  test.each([
    ['takes in no event', receive(event)],
    ['gives out no event', dequeue(event)],
    ['gives out nothing of a supervisor', dequeue(exempt)],
    ['gives out nothing behind which more waits', dequeue(behind)],
  ])('%s', (_, input) => {
    expect(tornDown().refused(input).kind).toBe('guard-rejected')
  })
})

describe('an inbox', () => {
  test('has received what waits behind what is delivered', () => {
    const play = attached()
    const phases = (...facts: readonly Partial<Dequeue>[]): readonly PeerIngressPhase[] =>
      facts.map(one => {
        play.do(dequeue(one))
        return play.state.comms.newest
      })
    play.do(receive())
    expect(phases({}, behind, {}, { ...exempt, ...behind })).toEqual([
      'Delivered',
      'Received',
      'Delivered',
      'Delivered',
    ])
  })

  test.each([
    ['an event', event],
    ['what others wait behind', behind],
  ] as const)('of a destroyed session does not give out %s', (_, facts) => {
    expect(destroyed().refused(dequeue(facts)).kind).toBe('guard-rejected')
  })

  test('does not judge a silent request that nobody would hear', () => {
    const play = registered()
    play.do({ type: 'SetSilentIntents', sessionId: SESSION, intents: ['hush'] })
    const asked: MeerkatInput = {
      type: 'ClassifyExternalEnvelope',
      itemId: 'item' as never,
      fromPeer: 'p',
      fromPeerId: 'p' as PeerId,
      envelope: { kind: 'Request', intent: 'hush', intentClass: 'Other' },
    }
    expect(play.refused(asked).kind).toBe('guard-rejected')
    play.do({ type: 'EnsureSessionWithExecutor', sessionId: SESSION })
    expect(play.do(asked)).toMatchObject([{ class: 'SilentRequest' }])
  })
})

describe('the comms runtime is asked to trust', () => {
  const newer = identity('s', 2)

  test.each([
    ['a newer epoch as a change of address', { type: 'RefreshSupervisorBindingRoute', ...sender('s') }, newer],
    ['a supervisor that is not bound', { type: 'RequestSupervisorTrustPublish' }, identity('z', 1)],
  ] as const)('never %s', (_, input, supervisor) => {
    expect(inPhase.bound().refused({ ...input, supervisor }).kind).toBe('guard-rejected')
  })
})

describe('a word about another trust changes nothing', () => {
  const failed = { type: 'SupervisorTrustEdgePublishFailed', reason: 'no route' } as const
  const unrevoked = { type: 'SupervisorTrustEdgeRevokeFailed', reason: 'no route' } as const
  test.each([
    ['a grant that failed', inPhase.bound, failed],
    ['the same again', inPhase.revoking, { type: 'RevokeSupervisor' }],
    ['a revocation that is done', inPhase.revoking, { type: 'SupervisorTrustEdgeRevoked' }],
    ['a revocation that failed', inPhase.revoking, unrevoked],
  ] as const)('%s', (_, session, word) => {
    for (const wrong of [identity('s', 2), identity('z', 1)]) {
      expect(session().refused({ ...word, ...edge(wrong) }).kind).toBe('guard-rejected')
    }
    session().do({ ...word, ...edge(S) })
  })

  test('nor one about a grant that was answered', () => {
    const play = served(bind, { type: 'SupervisorTrustEdgePublished', ...edge(S) })
    expect(play.refused({ ...failed, ...edge(S) }).kind).toBe('guard-rejected')
  })
})

describe('who is no supervisor', () => {
  test.each([['complete', ROTATED, 'OperationConflict']] as const)(
    'learns nothing of a rotation that is %s',
    (_, before, rejection) => {
      const said = served(...before).do(submit(sender('z')))
      expect(said).toMatchObject([{ type: 'SupervisorRotationResolved', status: 'Rejected', rejection, again: false }])
    },
  )
})
