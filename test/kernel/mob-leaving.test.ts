import { describe, expect, test } from 'vitest'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { kickoffOf } from '../../src/kernel/mob/kickoffs/table.ts'
import type { Of } from '../../src/kernel/region.ts'
import {
  aRetired,
  identity,
  type MobPlay,
  retireA,
  runtimeId,
  sessionId,
  spawn,
  withMember,
} from './support/mob-play.ts'

const a = identity('a')
const b = identity('b')
const ofA = { identity: a, runtimeId: runtimeId('a1'), fence: 1 }
const retireRefused: Of<MobInput, 'ResolveRuntimeRetireRefusal'> = {
  type: 'ResolveRuntimeRetireRefusal',
  identity: a,
  runtimeId: runtimeId('a1'),
  sessionId: sessionId('s'),
  code: 'no',
  reason: 'because',
}

describe('a member whose session is given back', () => {
  const release: MobInput = { ...retireA, releasing: true }
  const detach = { type: 'RequestSessionIngressDetachForMobDestroy', sessionId: 's', runtimeId: 'a1' }
  const detached: MobInput = {
    type: 'ObserveSessionIngressDetached',
    sessionId: sessionId('s'),
    runtimeId: runtimeId('a1'),
  }
  const unbound = { type: 'MemberSessionBindingChanged', identity: 'a', sessionId: undefined }

  test('is retired, and its session is to take the mob’s ingress off', () => {
    const play = withMember()
    expect(play.do(release)).toEqual([
      { type: 'MemberRetiring', ...ofA },
      { type: 'RequestRuntimeRetire', ...ofA, sessionId: 's' },
      unbound,
      detach,
    ])
    expect(play.do(aRetired)).toEqual([{ type: 'MemberRetired', ...ofA }])
    expect(play.said('MemberSessionBindingChanged')).toHaveLength(2)
  })

  test('may be asked to leave first and to give it back later, and be asked for both again', () => {
    const play = withMember()
    play.do(retireA)
    const again = [
      { type: 'RequestRuntimeBinding', ...ofA, generation: 1, sessionId: 's' },
      { type: 'RequestRuntimeRetire', ...ofA, sessionId: 's' },
    ]
    expect(play.do(release)).toEqual([...again, unbound, detach])
    expect(play.do(release)).toEqual([...again, detach])
    play.do(detached)
    expect(play.do(retireA)).toEqual(again)
    expect(play.said('MemberSessionBindingChanged').filter(one => one.sessionId === undefined)).toHaveLength(1)
  })

  test('has given it back also where its retirement was refused', () => {
    const play = withMember()
    play.do(release, retireRefused)
    expect(play.member('a')?.standing).toMatchObject({ marker: 'broken', request: 'retire', released: true })
    play.do(retireA)
    expect(play.member('a')?.standing).toEqual({ marker: 'retiring', released: true })
  })

  test('and that has none is only retired', () => {
    const play = withMember()
    play.do(...spawn('b'))
    const said = play.do({
      type: 'Retire',
      identity: b,
      runtimeId: runtimeId('b1'),
      generation: 1,
      releasing: true,
    })
    expect(said).toMatchObject([{ type: 'MemberRetiring' }, { type: 'RequestPeerRuntimeRetire' }])
    expect(said).toHaveLength(2)
  })

  test('keeps the mob from being destroyed until the ingress is off, and the session outlives it', () => {
    const play = withMember()
    play.do(release)
    expect(play.refused({ type: 'Destroy' })).toMatchObject({
      kind: 'guard-rejected',
      reason: 'unmet: noIngressToDetach',
    })
    play.do(detached, { type: 'Destroy' })
    expect(play.said('RequestRuntimeDestroy')).toEqual([])
    expect(play.said('RequestPeerRuntimeRetire')).toEqual([])
    expect(play.said('RequestRuntimeRetire')).toHaveLength(2)
  })

  test('has its ingress asked off again after a rest, also where it has left', () => {
    const play = withMember()
    play.do(release, aRetired, { type: 'Stop' })
    expect(play.do({ type: 'Resume' })).toContainEqual(detach)
    play.do(detached, { type: 'Stop' })
    expect(play.do({ type: 'Resume' })).not.toContainEqual(detach)
  })

  test('takes the mob’s ingress off also where it leaves at once', () => {
    const play = withMember()
    play.do({ ...retireRefused, type: 'ResolveRuntimeBindingRefusal' })
    expect(play.do(release)).toEqual([{ type: 'MemberRetired', ...ofA }, unbound, detach])
    expect(play.refused({ type: 'Destroy' }).reason).toBe('unmet: noIngressToDetach')
    play.do(detached, { type: 'Destroy' })
  })

  test('is nothing but gone where its owner destroys the session: the mob goes on', () => {
    const play = withMember()
    const aDestroyed: MobInput = { type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('a1'), fence: 1 }
    play.do(...spawn('b'), { type: 'WireMembers', a, b }, release)
    const said = play.do(aDestroyed)
    expect(said).toContainEqual({ type: 'MemberRetired', ...ofA })
    expect(said).not.toContainEqual(expect.objectContaining({ type: 'LifecycleNotice' }))
    expect([play.phase, play.member('a'), play.member('b')?.standing.marker]).toEqual(['running', undefined, 'active'])
    expect(play.refused(aDestroyed).kind).toBe('guard-rejected')
    play.do(detached, { type: 'Destroy' })
  })

  test('leaves nobody else on its session before the ingress is off', () => {
    const play = withMember()
    play.do(release, aRetired, spawn('b')[0] as MobInput)
    const begun = spawn('b', { session: 's' })[1] as MobInput
    expect(play.refused(begun).reason).toContain('placementIsFree')
    play.do(detached, begun)
  })

  test.each<MobInput>([{ type: 'Reset' }, { type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('b1'), fence: 1 }])(
    'is not forgotten, nor is its session, by $type',
    input => {
      const play = withMember()
      play.do(...spawn('b', { session: 't' }), release)
      expect(play.do(input)).toContainEqual(detach)
      play.do(detached)
      expect(play.refused(detached).kind).toBe('guard-rejected')
    },
  )
})

describe('the first turn of a member', () => {
  const pending: MobInput = { type: 'MarkKickoffPending', ...ofA }
  const starting: MobInput = { type: 'MarkKickoffStarting', ...ofA }
  const started: MobInput = { type: 'MarkKickoffStarted', ...ofA }
  const failed: MobInput = { type: 'MarkKickoffFailed', ...ofA, error: 'no model' }
  const told = (play: MobPlay): readonly string[] => play.said('KickoffChanged').map(one => one.phase)

  test('is told of at every step, and how it went is known until the member leaves', () => {
    const play = withMember()
    play.do(pending, starting, { type: 'MarkKickoffCallbackPending', ...ofA }, started)
    expect(told(play)).toEqual(['pending', 'starting', 'callbackPending', 'started'])
    play.do({ type: 'CancelKickoff', ...ofA }, { type: 'Stop' })
    expect(kickoffOf(play.state, ofA)).toEqual({ phase: 'started' })
    play.do(aRetired)
    expect(kickoffOf(play.state, ofA)).toBeUndefined()
    expect(told(play)).toHaveLength(4)
  })

  test('fails once, with the reason', () => {
    const play = withMember()
    play.do(pending, failed)
    expect(play.said('KickoffChanged').at(-1)).toEqual({
      type: 'KickoffChanged',
      ...ofA,
      phase: 'failed',
      error: 'no model',
    })
    expect(play.refused(failed).kind).toBe('guard-rejected')
  })

  test('is only for those that live on their own', () => {
    const play = withMember()
    play.do(aRetired, { type: 'Respawn', identity: a, runtimeId: runtimeId('a2'), mode: 'turnDriven' })
    play.do({ type: 'CommitSpawnMembership', identity: a, runtimeId: runtimeId('a2'), fence: 2, generation: 2 })
    const again = { ...pending, runtimeId: runtimeId('a2'), fence: 2 } as MobInput
    expect(play.refused(again).reason).toContain('isAutonomous')
  })

  test('is quieted where its member is to leave, and called off where it has left', () => {
    const play = withMember()
    play.do(pending, starting)
    const quiesce = { type: 'RequestKickoffQuiesce', ...ofA }
    expect(play.do(retireA)).toContainEqual(quiesce)
    expect(play.do(retireA)).toContainEqual(quiesce)
    play.do({ type: 'CancelKickoff', ...ofA })
    expect(play.do(retireA)).not.toContainEqual(quiesce)
    play.do(aRetired)
    expect(told(play)).toEqual(['pending', 'starting', 'cancelled'])
  })

  test.each<MobInput>([
    aRetired,
    { type: 'Reset' },
    { type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('a1'), fence: 1 },
  ])('does not leave anybody waiting: $type', input => {
    const play = withMember()
    play.do(...spawn('b'), pending, input)
    expect(told(play)).toEqual(['pending', 'cancelled'])
  })

  test('keeps the mob from being destroyed until it has ended', () => {
    const play = withMember()
    play.do(pending)
    expect(play.refused({ type: 'Destroy' }).reason).toContain('noOpenKickoff')
    play.do(failed, { type: 'Destroy' })
  })
})
