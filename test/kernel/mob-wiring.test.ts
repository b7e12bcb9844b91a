import { describe, expect, test } from 'vitest'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { neighboursOf, overlayOf, owedTrust } from '../../src/kernel/mob/wiring/table.ts'
import {
  aRetired,
  endpoint,
  identity,
  type MobPlay,
  retireA,
  runtimeId,
  spawn,
  withMember,
} from './support/mob-play.ts'

const a = identity('a')
const b = identity('b')
const c = identity('c')

describe('wiring', () => {
  const trio = (): MobPlay => {
    const play = withMember()
    play.do(...spawn('b'), ...spawn('c'))
    return play
  }

  test('is unordered, numbered, and repaired when asked for again', () => {
    const play = trio()
    expect(play.do({ type: 'WireMembers', a, b, withTrust: true })).toEqual([
      { type: 'WiringGraphChanged', epoch: 1 },
      { type: 'MemberTrustWiringRequested', a, b, epoch: 1 },
    ])
    expect(play.do({ type: 'WireMembers', a: b, b: a })).toEqual([
      { type: 'WiringTrustRepairRequested', a: b, b: a, epoch: 1 },
    ])
    expect(neighboursOf(play.state.wiring, a)).toEqual(['b'])
    expect(play.do({ type: 'UnwireMembers', a: b, b: a })).toMatchObject([
      { type: 'WiringGraphChanged', epoch: 2 },
      { type: 'MemberTrustUnwiringRequested' },
    ])
    expect(play.do({ type: 'UnwireMembers', a, b })).toEqual([])
  })

  test('asks for trust until it hears that it is there, also after a rest', () => {
    const play = trio()
    const trusted: MobInput = { type: 'ObserveMemberTrustWired', a: b, b: a, fenceA: 1, fenceB: 1 }
    play.do({ type: 'WireMembers', a, b, withTrust: true }, { type: 'WireMembers', a, b: c })
    expect(owedTrust(play.state)).toEqual([{ a, b }])
    expect(play.refused({ ...trusted, fenceA: 2 }).kind).toBe('guard-rejected')
    expect(play.do({ type: 'Resume' })).toEqual([{ type: 'WiringTrustRepairRequested', a, b, epoch: 2 }])
    play.do({ type: 'Stop' }, trusted)
    expect(owedTrust(play.state)).toEqual([])
    expect(play.do({ type: 'Resume' })).toEqual([{ type: 'LifecycleNotice', notice: 'resumed' }])
    play.do({ type: 'WireMembers', a, b })
    expect(owedTrust(play.state)).toEqual([{ a, b }])
    play.do(retireA, aRetired)
    expect(owedTrust(play.state)).toEqual([])
  })

  test('joins two different members who stay', () => {
    const play = trio()
    expect(play.refused({ type: 'WireMembers', a, b: a }).kind).toBe('guard-rejected')
    expect(play.refused({ type: 'WireMembers', a, b: identity('nobody') }).kind).toBe('guard-rejected')
    play.do(retireA)
    expect(play.refused({ type: 'WireMembers', a, b }).kind).toBe('guard-rejected')
  })

  test('of a member ends with it, and nobody elses does', () => {
    const play = trio()
    play.do({ type: 'WireMembers', a, b }, { type: 'WireMembers', a: c, b: a }, { type: 'WireMembers', a: b, b: c })
    const said = play.do(retireA, aRetired)
    expect(said.filter(one => one.type === 'WiringGraphChanged')).toEqual([{ type: 'WiringGraphChanged', epoch: 4 }])
    expect(said.filter(one => one.type === 'MemberTrustUnwiringRequested')).toHaveLength(2)
    expect(neighboursOf(play.state.wiring, a)).toEqual([])
    expect(neighboursOf(play.state.wiring, b)).toEqual(['c'])
  })
})

describe('a member spawned in the place of its last incarnation', () => {
  const served = (name: string, generation: number) => ({
    identity: identity(name),
    runtimeId: runtimeId(`${name}${generation}`),
    fence: generation,
  })
  const left = (name: string, generation = 1): MobInput => {
    const { identity: _, ...of } = served(name, generation)
    return { type: 'ObserveRuntimeRetired', ...of }
  }
  const again = (name: string, generation = 2): readonly [MobInput, MobInput] => {
    const { fence, ...of } = served(name, generation)
    return [
      { type: 'Respawn', ...of, mode: 'turnDriven' },
      { type: 'CommitSpawnMembership', ...of, fence, generation },
    ]
  }
  const wired = (): MobPlay => {
    const play = withMember()
    play.do(...spawn('b'), ...spawn('c'), { type: 'WireMembers', a: b, b: c }, { type: 'WireMembers', a, b })
    return play
  }
  const around = (play: MobPlay, name: string): readonly string[] =>
    neighboursOf(play.state.wiring, identity(name)).toSorted()

  test('is wired to whom that was, whose trust in it is looked at', () => {
    const play = wired()
    play.do(left('b'))
    expect([around(play, 'a'), around(play, 'c')]).toEqual([[], []])
    const [respawn, commit] = again('b')
    play.do(respawn)
    const said = play.do(commit)
    expect(said.filter(one => one.type === 'WiringGraphChanged')).toEqual([{ type: 'WiringGraphChanged', epoch: 4 }])
    expect(said.filter(one => one.type === 'WiringTrustRepairRequested')).toHaveLength(2)
    expect(around(play, 'b')).toEqual(['a', 'c'])
    expect(owedTrust(play.state)).toHaveLength(2)
    play.do(left('b', 2), ...again('b', 3))
    expect(around(play, 'b')).toEqual(['a', 'c'])
  })

  test('has the edge to one who is away when that one is back', () => {
    const play = wired()
    play.do(left('b'), left('c'), ...again('b'))
    expect(around(play, 'b')).toEqual(['a'])
    play.do(...again('c'))
    expect(around(play, 'b')).toEqual(['a', 'c'])
  })

  test('has the edge to one who was about to leave when that one is back', () => {
    const play = wired()
    play.do({ type: 'Retire', identity: c, runtimeId: runtimeId('c1'), generation: 1 }, left('b'), ...again('b'))
    expect(around(play, 'b')).toEqual(['a'])
    play.do(left('c'), ...again('c'))
    expect(around(play, 'c')).toEqual(['b'])
  })

  test('keeps no edge that was taken from it, nor one of a mob before a reset', () => {
    const play = wired()
    play.do({ type: 'UnwireMembers', a, b }, left('b'), ...again('b'))
    expect(around(play, 'b')).toEqual(['c'])
    play.do({ type: 'Reset' }, ...spawn('b').slice(0, 1), ...again('b', 3))
    expect(around(play, 'b')).toEqual([])
  })

  test('keeps no edge that was taken from it while it was away', () => {
    const play = wired()
    play.do(left('b'), { type: 'UnwireMembers', a: c, b })
    expect(play.do({ type: 'UnwireMembers', a: c, b })).toEqual([])
    play.do(...again('b'))
    expect(around(play, 'b')).toEqual(['a'])
    play.do(left('b', 2), left('c'), { type: 'UnwireMembers', a, b }, ...again('c'), ...again('b', 3))
    expect(around(play, 'b')).toEqual([])
  })

  test('has no edge to one who left meanwhile and was spawned afresh', () => {
    const play = wired()
    const { identity: _, ...fresh } = served('c', 2)
    const begun = { ...fresh, identity: c, generation: 2, digest: 'd', addressable: false } as const
    play.do(
      left('b'),
      left('c'),
      { type: 'BeginSpawnExec', ...begun, mode: 'turnDriven' },
      { type: 'CommitSpawnMembership', identity: c, ...fresh, generation: 2 },
      ...again('b'),
    )
    expect(around(play, 'b')).toEqual(['a'])
  })

  test('is another thing than one that is spawned afresh, which has no edges', () => {
    const play = wired()
    const { identity: _, ...fresh } = served('b', 2)
    const begun = { ...fresh, identity: b, generation: 2, digest: 'd', addressable: false } as const
    play.do(
      left('b'),
      { type: 'BeginSpawnExec', ...begun, mode: 'turnDriven' },
      { type: 'CommitSpawnMembership', identity: b, ...fresh, generation: 2 },
    )
    expect(around(play, 'b')).toEqual([])
    play.do(left('b', 2), ...again('b', 3))
    expect(around(play, 'b')).toEqual([])
  })
})

describe('a peer outside the mob', () => {
  const x = identity('x')
  const wire: MobInput = { type: 'WireExternalPeer', identity: a, external: x, endpoint: endpoint('x') }

  test('is trusted by those who are wired to it, in the epochs of the one graph', () => {
    const play = withMember()
    play.do(...spawn('b'), { type: 'WireMembers', a, b })
    const trust = {
      type: 'ExternalPeerTrustRequested',
      identity: 'a',
      external: 'x',
      endpoint: endpoint('x'),
      epoch: 2,
    }
    expect(play.do(wire)).toEqual([{ type: 'WiringGraphChanged', epoch: 2 }, trust])
    expect(play.do(wire)).toEqual([trust])
    play.do({ ...wire, identity: b })
    expect(play.do({ type: 'UnwireExternalPeer', identity: a, external: x })).toEqual([
      { type: 'WiringGraphChanged', epoch: 4 },
      { type: 'ExternalPeerUntrustRequested', identity: 'a', external: 'x', endpoint: endpoint('x'), epoch: 4 },
    ])
    expect(play.do({ type: 'UnwireExternalPeer', identity: a, external: x })).toEqual([])
  })

  test('has one endpoint, until nobody is wired to it', () => {
    const play = withMember()
    const moved = { ...wire, endpoint: endpoint('x', 'inproc://y') } as MobInput
    play.do(...spawn('b'), wire)
    expect(play.refused(moved).reason).toContain('isAtItsEndpoint')
    play.do({ type: 'UnwireExternalPeer', identity: a, external: x }, moved)
  })

  test('is given up with its member', () => {
    const play = withMember()
    play.do(wire, retireA)
    expect(play.do(aRetired)).toContainEqual({
      type: 'ExternalPeerUntrustRequested',
      identity: 'a',
      external: 'x',
      endpoint: endpoint('x'),
      epoch: 2,
    })
    play.do(...spawn('x'))
  })
})

describe('what a member is to trust', () => {
  const at = (name: string, address?: string): MobInput => ({
    type: 'PublishMemberEndpoint',
    identity: identity(name),
    runtimeId: runtimeId(`${name}1`),
    fence: 1,
    endpoint: endpoint(name, address),
  })

  test('is those it is wired to, where they were last, in an epoch that rises with every change', () => {
    const play = withMember()
    play.do(...spawn('b'), ...spawn('c'), at('b'), { type: 'WireMembers', a, b }, { type: 'WireMembers', a, b: c })
    play.do({ type: 'WireExternalPeer', identity: a, external: identity('x'), endpoint: endpoint('x') })
    expect(overlayOf(play.state, a)).toEqual({ overlayEpoch: 3, endpoints: [endpoint('b'), endpoint('x')] })
    expect(overlayOf(play.state, b)).toEqual({ overlayEpoch: 3, endpoints: [] })
    expect(play.do(at('b', 'inproc://moved'))).toEqual([{ type: 'WiringGraphChanged', epoch: 4 }])
    expect(play.do(at('b', 'inproc://moved'))).toEqual([])
    expect(overlayOf(play.state, c).endpoints).toEqual([])
    expect(overlayOf(play.state, a).endpoints[0]).toEqual(endpoint('b', 'inproc://moved'))
    const rekeyed = { ...endpoint('b', 'inproc://moved'), signingKey: 'another' }
    expect(play.do({ ...at('b'), endpoint: rekeyed } as MobInput)).toHaveLength(1)
  })

  test('does not change with one who is wired to nobody, nor by the word of an older incarnation', () => {
    const play = withMember()
    expect(play.do(at('a'))).toEqual([])
    expect(play.member('a')?.endpoint).toEqual(endpoint('a'))
    expect(play.refused({ ...at('a'), fence: 2 } as MobInput).kind).toBe('guard-rejected')
  })
})
