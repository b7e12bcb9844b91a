import type {
  MeerkatEffect,
  MeerkatInput,
  PeerEndpoint,
  PeerId,
  SessionId,
  SupervisorIdentity,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { TrustInput } from '../../src/kernel/regions/trust/input.ts'
import { attached, kinds, type Play } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

const peer = (name: string, address = 'a'): PeerEndpoint => ({
  name,
  peerId: name as PeerId,
  address,
  signingKey: `key of ${name}`,
})
const add = (endpoint: PeerEndpoint) => ({ type: 'AddDirectPeerEndpoint', endpoint }) as const
const remove = (endpoint: PeerEndpoint) => ({ type: 'RemoveDirectPeerEndpoint', endpoint }) as const
const publish = (endpoint: PeerEndpoint) => ({ type: 'PublishLocalEndpoint', endpoint }) as const
const overlay = (overlayEpoch: number, ...endpoints: readonly PeerEndpoint[]) =>
  ({ type: 'ApplyMobPeerOverlay', overlayEpoch, endpoints }) as const
const boss: SupervisorIdentity = { ...peer('boss'), epoch: 3 }
const bind = { type: 'BindSupervisor', supervisor: boss } as const

type Supervised = Extract<TrustInput, { readonly type: 'AuthorizeSupervisorMobPeerOverlay' }>
const supervised = (more: Partial<Supervised> = {}): Supervised => ({
  type: 'AuthorizeSupervisorMobPeerOverlay',
  supervisorPeerId: boss.peerId,
  supervisorEpoch: 3,
  recipientPeerId: 'me' as PeerId,
  overlayEpoch: 1,
  endpoints: [peer('p')],
  command: { kind: 'Wire', endpoint: peer('p') },
  ...more,
})

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const CHANGED = ['PeerProjectionChanged', 'CommsTrustReconcileRequested']
const REPAIRED = ['CommsTrustReconcileRequested']

const EXAMPLES = {
  PublishLocalEndpoint: publish(peer('me')),
  ClearLocalEndpoint: { type: 'ClearLocalEndpoint' },
  AddDirectPeerEndpoint: add(peer('p')),
  RemoveDirectPeerEndpoint: remove(peer('p')),
  ApplyMobPeerOverlay: overlay(1, peer('p')),
  AuthorizeSupervisorMobPeerOverlay: supervised(),
} as const
type Type = TrustInput['type']

describe('the peers a session knows', () => {
  const refused = {
    PublishLocalEndpoint: 'no-matching-transition',
    ClearLocalEndpoint: 'no-matching-transition',
    AddDirectPeerEndpoint: 'no-matching-transition',
    RemoveDirectPeerEndpoint: 'no-matching-transition',
    ApplyMobPeerOverlay: 'no-matching-transition',
    AuthorizeSupervisorMobPeerOverlay: 'no-matching-transition',
  } as const
  const lives = {
    PublishLocalEndpoint: 'stays',
    ClearLocalEndpoint: 'stays',
    AddDirectPeerEndpoint: 'stays',
    RemoveDirectPeerEndpoint: 'stays',
    ApplyMobPeerOverlay: 'stays',
    AuthorizeSupervisorMobPeerOverlay: 'stays',
  } as const
  const around = { initializing: refused, retired: refused, stopped: refused, destroyed: refused }

  test('change while it is open, as the table says', () => {
    const open = {
      ...lives,
      ClearLocalEndpoint: 'guard-rejected',
      AuthorizeSupervisorMobPeerOverlay: 'guard-rejected',
    } as const
    const fresh: TruthTable<string, Type> = { ...around, idle: open, attached: open, running: open }
    expect(truths(lifecycleOf, livesAfter(), EXAMPLES)).toEqual(fresh)
    const known: TruthTable<string, Type> = { ...around, idle: lives, attached: lives, running: lives }
    expect(truths(lifecycleOf, livesAfter(publish(peer('me')), bind), EXAMPLES)).toEqual(known)
  })

  // Oracle 140.
  test('a new peer raises the epoch and asks for reconciliation, a known one only asks again', () => {
    const play = served(publish(peer('me')))
    expect(play.state.trust.epoch).toBe(0)
    const reconcile = (epoch: number, ...direct: readonly PeerEndpoint[]): MeerkatEffect => ({
      type: 'CommsTrustReconcileRequested',
      epoch,
      local: peer('me'),
      direct,
      overlay: [],
    })
    expect(play.do(add(peer('p')))).toEqual([{ type: 'PeerProjectionChanged', epoch: 1 }, reconcile(1, peer('p'))])
    const before = play.state
    expect(play.do(add(peer('p')))).toEqual([reconcile(1, peer('p'))])
    expect(play.state).toBe(before)
    expect(kinds(play.do(remove(peer('p'))))).toEqual(CHANGED)
    expect(play.do(remove(peer('p')))).toEqual([reconcile(2)])
  })

  test('are the same only if everything about them is', () => {
    const play = served(add(peer('p')))
    expect(kinds(play.do(add(peer('p', 'elsewhere'))))).toEqual(CHANGED)
    expect(kinds(play.do(remove({ ...peer('p'), signingKey: 'another' })))).toEqual(REPAIRED)
    expect(play.state.trust.direct.size).toBe(2)
  })

  test('are told of in one order, however they came', () => {
    const one = served(add(peer('p')), add(peer('q')), overlay(1))
    const other = served(add(peer('q')), add(peer('p')), overlay(1))
    expect(one.said('CommsTrustReconcileRequested').at(-1)).toEqual(other.said('CommsTrustReconcileRequested').at(-1))
  })

  test('a mob lays its own over them in rising epochs; an empty overlay leaves the direct ones', () => {
    const play = served(add(peer('p')), overlay(2, peer('q')))
    expect(kinds(play.do(overlay(2, peer('q'))))).toEqual(REPAIRED)
    expect(play.refused(overlay(2, peer('r'))).kind).toBe('guard-rejected')
    expect(play.refused(overlay(1, peer('q'))).kind).toBe('guard-rejected')
    const [, said] = play.do(overlay(3))
    expect(said).toEqual({ type: 'CommsTrustReconcileRequested', epoch: 3, direct: [peer('p')], overlay: [] })
  })

  test('the session’s own endpoint is told of, and is none of them', () => {
    const play = served()
    expect(play.do(publish(peer('me')))).toEqual([{ type: 'LocalEndpointChanged', endpoint: peer('me') }])
    expect(play.do({ type: 'ClearLocalEndpoint' })).toEqual([{ type: 'LocalEndpointChanged' }])
    expect(play.refused({ type: 'ClearLocalEndpoint' }).reason).toContain('hasLocalEndpoint')
    expect(play.state.trust.epoch).toBe(0)
  })

  test('survive a restart, and end with the session’s identity, but the epoch never goes back', () => {
    const play = served(publish(peer('me')), add(peer('p')), overlay(4, peer('q')))
    play.do({ type: 'Recover' })
    expect(play.state.trust).toMatchObject({ epoch: 2, overlayEpoch: 4 })
    play.do({ type: 'RegisterSession', sessionId: 'other' as SessionId })
    expect(play.state.trust).toMatchObject({ epoch: 3, overlayEpoch: 0, direct: { size: 0 }, overlay: { size: 0 } })
    expect(play.state.trust.local).toBeUndefined()
    expect(tornDown(add(peer('p'))).state.trust).toMatchObject({ epoch: 2, direct: { size: 0 } })
  })
})

describe('a supervisor’s word on a mob’s wiring', () => {
  const play = served(publish(peer('me')), bind)
  const wrong: Readonly<Record<string, Supervised>> = {
    'another supervisor': supervised({ supervisorPeerId: 'p' as PeerId }),
    'an earlier epoch': supervised({ supervisorEpoch: 2 }),
    'a later epoch': supervised({ supervisorEpoch: 4 }),
    'another recipient': supervised({ recipientPeerId: 'p' as PeerId }),
    'one peer twice': supervised({ endpoints: [peer('p'), peer('p', 'elsewhere')] }),
    'wired, and not there': supervised({ endpoints: [] }),
    'wired, and elsewhere': supervised({ endpoints: [peer('p', 'elsewhere')] }),
    'unwired, and still there': supervised({ command: { kind: 'Unwire', endpoint: peer('p', 'elsewhere') } }),
    'no newer overlay': supervised({ overlayEpoch: 0 }),
  }

  test.each(Object.keys(wrong))('does not count: %s', name => {
    expect(play.refused(wrong[name] as Supervised).kind).toBe('guard-rejected')
  })

  test('counts once it is true, and may be repeated', () => {
    const wired = served(publish(peer('me')), bind)
    expect(kinds(wired.do(supervised()))).toEqual(CHANGED)
    expect(kinds(wired.do(supervised()))).toEqual(REPAIRED)
    const unwire = supervised({ overlayEpoch: 2, endpoints: [], command: { kind: 'Unwire', endpoint: peer('p') } })
    expect(kinds(wired.do(unwire))).toEqual(CHANGED)
    expect(wired.state.trust.overlay.size).toBe(0)
  })

  test('counts for nothing without a supervisor, or an endpoint of one’s own', () => {
    expect(served(publish(peer('me'))).refused(supervised()).reason).toContain('isOfCurrentSupervisor')
    expect(served(bind).refused(supervised()).reason).toContain('isForThisPeer')
  })
})
