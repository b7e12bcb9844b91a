/** What a session says of its peers, and of the servers that offer it tools, where little tells it apart. */
import type { MeerkatInput, PeerCorrelationId, PeerEndpoint, PeerId, SurfaceId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { mapGet } from '../../src/kernel/persistent-map.ts'
import { attached, kinds, type Play } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const surfaceId = 'files' as SurfaceId
const add: MeerkatInput = { type: 'SurfaceStageAdd', surfaceId }
const reload: MeerkatInput = { type: 'SurfaceStageReload', surfaceId }
const remove: MeerkatInput = { type: 'SurfaceStageRemove', surfaceId }
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

  test.each([
    ['added', [add, apply(1), add], apply(2)],
    ['reloaded', [...ADDED, reload, apply(2), reload], apply(3)],
  ] as const)('is not %s twice at a time', (_, before, again) => {
    const play = after(...before)
    const { state } = play
    expect(play.refused(again)).toMatchObject({ kind: 'guard-rejected' })
    expect(play.state).toBe(state)
  })

  test('is connected anew when it is reloaded', () => {
    const numbers = { surfaceId, pendingTaskSequence: 2, stagedIntentSequence: 2 }
    expect(after(...ADDED, reload).do(apply(2))).toEqual([
      { type: 'ScheduleSurfaceCompletion', operation: 'Reload', appliedAtTurn: 7, ...numbers },
      { type: 'EmitExternalToolDelta', surfaceId, operation: 'Reload', phase: 'Pending' },
    ])
  })

  test('that is being removed takes no call, also on a connection that has some', () => {
    expect(after(...REPLACED).do(call(1))).toEqual([{ type: 'SurfaceCallAdmitted', surfaceId, generation: 1 }])
    expect(after(...REPLACED, remove, apply(3)).do(call(1))).toEqual([
      { type: 'RejectSurfaceCall', surfaceId, cause: 'surface_draining' },
    ])
  })

  test('has no call to end on a connection that never was', () => {
    const play = after(...REPLACED, call(2))
    expect(play.refused(finish(9)).kind).toBe('guard-rejected')
    expect(play.do(finish(1))).toEqual([{ type: 'CloseSurfaceConnection', surfaceId, generation: 1 }])
    play.do(finish(2))
    expect(play.refused(finish(2)).kind).toBe('guard-rejected')
  })

  test('is gone from the list of tools when it is removed', () => {
    const play = after(...ADDED, remove, apply(2))
    expect(play.do({ type: 'SurfaceFinalizeRemovalClean', surfaceId })).toEqual([
      { type: 'CloseSurfaceConnection', surfaceId, generation: 1 },
      { type: 'RefreshVisibleSurfaceSet', snapshotEpoch: 4 },
      { type: 'EmitExternalToolDelta', surfaceId, operation: 'Remove', phase: 'Applied' },
    ])
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
    ['in an earlier epoch', { supervisorEpoch: 2 }],
    ['to another peer', { recipientPeerId: 'p' as PeerId }],
    ['of a peer that it leaves out', { command: { kind: 'Wire', endpoint: peer('q') } }],
    ['of a peer that it leaves in', { command: { kind: 'Unwire', endpoint: peer('p') } }],
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

describe('a request', () => {
  const correlationId = 'x' as PeerCorrelationId

  test('of ours is said to be sent, and to be taken up', () => {
    const play = attached()
    for (const [type, state] of [
      ['PeerRequestSent', 'Sent'],
      ['PeerResponseProgressArrived', 'AcceptedProgress'],
    ] as const) {
      expect(play.do({ type, correlationId })).toEqual([{ type: 'PeerInteractionStateChanged', correlationId, state }])
    }
  })

  test('that was forgotten with its session is not answered once the session is destroyed', () => {
    const answer: MeerkatInput = { type: 'PeerResponseReplied', correlationId }
    const play = tornDown({ type: 'PeerRequestReceived', correlationId, lane: 'queue' })
    expect(play.do(answer)).toEqual([])
    play.do({ type: 'Destroy' })
    expect(play.refused(answer).kind).toBe('guard-rejected')
  })
})
