/** What a session says of its peers, and of the servers that offer it tools, where little tells it apart. */
import type { MeerkatInput, PeerEndpoint, PeerId, SurfaceId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { mapGet } from '../../src/kernel/persistent-map.ts'
import { attached, kinds, type Play } from './support/play.ts'

function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const surfaceId = 'files' as SurfaceId
const add: MeerkatInput = { type: 'SurfaceStageAdd', surfaceId }
const reload: MeerkatInput = { type: 'SurfaceStageReload', surfaceId }
const apply = (stagedIntentSequence: number): MeerkatInput => ({
  type: 'SurfaceApplyBoundary',
  surfaceId,
  stagedIntentSequence,
  nowMs: 0,
  appliedAtTurn: 7,
})
const connected = (sequence: number): MeerkatInput => ({
  type: 'SurfaceMarkPendingSucceeded',
  surfaceId,
  pendingTaskSequence: sequence,
  stagedIntentSequence: sequence,
  nowMs: 0,
  tools: ['read'],
})
const call = (generation: number): MeerkatInput => ({ type: 'SurfaceCallStarted', surfaceId, generation })
const finish = (generation: number): MeerkatInput => ({ type: 'SurfaceCallFinished', surfaceId, generation })
const ADDED = [add, apply(1), connected(1)] as const
/** The first connection has a call to end, the second one serves. */
const REPLACED = [...ADDED, call(1), reload, apply(2), connected(2)] as const

describe('a server that offers tools', () => {
  test('is known once it is registered', () => {
    const play = after({ type: 'SurfaceRegister', surfaceId })
    expect(mapGet(play.state.toolSurfaces.surfaces, surfaceId)?.base).toEqual({ state: 'Absent' })
  })

  test('is not reloaded twice at a time', () => {
    const play = after(...ADDED, reload, apply(2), reload)
    const { state } = play
    expect(play.refused(apply(3))).toMatchObject({ kind: 'guard-rejected' })
    expect(play.state).toBe(state)
  })

  test('has no call to end on a connection that never was', () => {
    const play = after(...REPLACED, call(2))
    expect(play.refused(finish(9)).kind).toBe('guard-rejected')
    expect(play.do(finish(1))).toEqual([{ type: 'CloseSurfaceConnection', surfaceId, generation: 1 }])
    play.do(finish(2))
    expect(play.refused(finish(2)).kind).toBe('guard-rejected')
  })
})

describe('a supervisor’s word on a mob’s wiring, said again', () => {
  const peer = (name: string): PeerEndpoint => ({
    name,
    peerId: name as PeerId,
    address: 'a',
    signingKey: `key of ${name}`,
  })
  const wired = {
    type: 'AuthorizeSupervisorMobPeerOverlay',
    supervisorPeerId: 'boss' as PeerId,
    supervisorEpoch: 3,
    recipientPeerId: 'me' as PeerId,
    overlayEpoch: 1,
    endpoints: [peer('p')],
    command: { kind: 'Wire', endpoint: peer('p') },
  } as const
  const known: readonly MeerkatInput[] = [
    { type: 'PublishLocalEndpoint', endpoint: peer('me') },
    { type: 'BindSupervisor', supervisor: { ...peer('boss'), epoch: 3 } },
    wired,
  ]

  test.each([
    ['by another supervisor', { supervisorPeerId: 'p' as PeerId }],
    ['to another peer', { recipientPeerId: 'p' as PeerId }],
    ['of a peer that it leaves out', { command: { kind: 'Wire', endpoint: peer('q') } }],
  ] as const)('does not count: %s', (_, more) => {
    const play = after(...known)
    expect(play.refused({ ...wired, ...more }).kind).toBe('guard-rejected')
    expect(kinds(play.do(wired))).toEqual(['CommsTrustReconcileRequested'])
  })

  test('is of no use to a session that was destroyed: it trusts nobody', () => {
    const { trust } = after(...known, { type: 'Destroy' }).state
    expect(trust).toMatchObject({ epoch: 2, overlayEpoch: 0, direct: { size: 0 }, overlay: { size: 0 } })
    expect(trust.local).toBeUndefined()
  })
})
