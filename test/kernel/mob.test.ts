import { describe, expect, test } from 'vitest'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../src/kernel/mob/lifecycle/state.ts'
import { openWork } from '../../src/kernel/mob/work/table.ts'
import {
  aRetired,
  flowRunId,
  identity,
  MobPlay,
  retireA,
  runtimeId,
  sessionId,
  spawn,
  step,
  withMember,
  workId,
} from './support/mob-play.ts'

const a = identity('a')
const b = identity('b')
const ofA = { identity: a, runtimeId: runtimeId('a1'), fence: 1 }
const refusal = { identity: a, runtimeId: runtimeId('a1'), sessionId: sessionId('s'), code: 'no', reason: 'because' }
const bindingRefused: MobInput = { type: 'ResolveRuntimeBindingRefusal', ...refusal }
const retireRefused: MobInput = { type: 'ResolveRuntimeRetireRefusal', ...refusal }

/** A mob with a member in each phase. */
const inPhase: Record<MobPhase, () => MobPlay> = {
  running: withMember,
  stopped: () => {
    const play = withMember()
    play.do({ type: 'Stop' })
    return play
  },
  completed: () => {
    const play = withMember()
    play.do({ type: 'Complete' })
    return play
  },
  destroyed: () => {
    const play = withMember()
    play.do({ type: 'Destroy' })
    return play
  },
}

type SpineInput = 'Stop' | 'Resume' | 'Complete' | 'Reset' | 'Destroy'
type Expected = MobPhase | 'refused'

const spine: Record<MobPhase, Record<SpineInput, Expected>> = {
  running: { Stop: 'stopped', Resume: 'running', Complete: 'completed', Reset: 'running', Destroy: 'destroyed' },
  stopped: { Stop: 'stopped', Resume: 'running', Complete: 'refused', Reset: 'running', Destroy: 'destroyed' },
  completed: { Stop: 'refused', Resume: 'refused', Complete: 'completed', Reset: 'running', Destroy: 'destroyed' },
  destroyed: { Stop: 'refused', Resume: 'refused', Complete: 'refused', Reset: 'refused', Destroy: 'destroyed' },
}
const cases = Object.entries(spine).flatMap(([phase, row]) =>
  Object.entries(row).map(([type, to]) => [phase as MobPhase, type as SpineInput, to] as const),
)

describe('a mob as a whole', () => {
  test.each(cases)('%s, %s: %s', (phase, type, to) => {
    const play = inPhase[phase]()
    if (to === 'refused') return expect(play.refused({ type }).kind).toBe('no-matching-transition')
    play.do({ type })
    expect(play.phase).toBe(to)
  })

  test.each(['Stop', 'Complete', 'Destroy'] as const)('asked twice to %s does it once', type => {
    const play = withMember()
    play.do({ type })
    const once = play.state
    play.do({ type })
    expect(play.state).toEqual(once)
    expect(play.said('LifecycleNotice')).toHaveLength(1)
  })

  test('is not stopped under a flow that runs, but completing it cancels that', () => {
    const play = withMember()
    play.do({ type: 'RunFlow', runId: flowRunId('f'), steps: [step('1')] })
    expect(play.refused({ type: 'Stop' })).toMatchObject({ kind: 'guard-rejected', reason: 'unmet: noUnfinishedRun' })
    play.do({ type: 'Complete' })
    expect(play.said('FlowTerminalized')).toEqual([{ type: 'FlowTerminalized', runId: 'f', status: 'canceled' }])
  })

  test('is not destroyed while a spawn is open; a spawn can be given up in every phase', () => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's' }).slice(0, 2), { type: 'Complete' })
    expect(play.refused({ type: 'Destroy' }).kind).toBe('guard-rejected')
    play.do({ type: 'AbortSpawnExec', identity: a }, { type: 'Destroy' })
    expect(play.phase).toBe('destroyed')
  })

  test('destroyed, it asks for the destruction of every session and lets every peer go', () => {
    const play = withMember()
    play.do(...spawn('b'), { type: 'Destroy' })
    expect(play.said('RequestRuntimeDestroy')).toEqual([{ type: 'RequestRuntimeDestroy', ...ofA, sessionId: 's' }])
    expect(play.said('RequestPeerRuntimeRetire')).toMatchObject([{ identity: 'b' }])
  })

  test('ends with the session of a member, and takes the other sessions along', () => {
    const play = withMember()
    play.do(...spawn('b', { session: 't' }), { type: 'ObserveRuntimeDestroyed', ...ofA })
    expect(play.phase).toBe('destroyed')
    expect(play.said('RequestRuntimeDestroy')).toMatchObject([{ identity: 'b', sessionId: 't' }])
    play.do({ type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('b1'), fence: 1 })
  })

  test('reset, it gives up the spawns that have no member yet', () => {
    const play = withMember()
    play.do(...spawn('b').slice(0, 2), ...spawn('c').slice(0, 3), { type: 'Reset' })
    expect(play.said('SpawnAborted')).toEqual([{ type: 'SpawnAborted', identity: 'b', cause: 'canceled' }])
    play.do({ type: 'Destroy' })
  })

  test('reset, it lets its members go and still knows their fences', () => {
    const play = withMember()
    play.do({ type: 'Reset' })
    expect(play.said('RequestRuntimeRetire')).toHaveLength(1)
    expect(play.member('a')).toBeUndefined()
    expect(play.refused(aRetired).kind).toBe('guard-rejected')
    play.do(spawn('a')[0] as MobInput)
    const begun = spawn('a', { session: 's' })[1] as MobInput
    expect(play.refused(begun)).toMatchObject({ kind: 'guard-rejected', reason: 'unmet: placementIsFree' })
  })
})

describe('a member', () => {
  test('is asked to be placed, is placed, and ready when both it and its spawn are', () => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's' }).slice(0, 3))
    expect(play.said('RequestRuntimeBinding')).toEqual([
      { type: 'RequestRuntimeBinding', ...ofA, generation: 1, sessionId: 's' },
    ])
    expect(play.said('MemberSpawned')).toMatchObject([{ identity: 'a', profile: 'worker' }])
    expect(play.member('a')?.standing).toEqual({ marker: 'active', startup: 'bindingRequested' })
    play.do({ type: 'ObserveRuntimeReady', ...ofA })
    expect(play.member('a')?.standing).toEqual({ marker: 'active', startup: 'runtimeReady' })
    play.do({ type: 'CommitSpawnActivation', identity: a })
    expect(play.member('a')?.standing).toEqual({ marker: 'active', startup: 'ready' })
    play.do({ type: 'CommitSpawnActivation', identity: a }, { type: 'ObserveRuntimeReady', ...ofA })
    expect(play.said('MemberReady')).toHaveLength(1)
  })

  test('without a session is placed by nobody', () => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('b'))
    expect(play.member('b')?.standing).toEqual({ marker: 'active', startup: 'ready' })
    expect(play.said('RequestRuntimeBinding')).toEqual([])
  })

  test('is what was authorised, and no other comes in its place', () => {
    const play = new MobPlay()
    const [authorize, begin, commit] = spawn('a', { session: 's' }) as [MobInput, MobInput, MobInput, MobInput]
    const reasonOf = (input: object): string => play.refused(input as MobInput).reason
    expect(reasonOf(begin)).toBe('unmet: coordinatorBound')
    play.do({ type: 'BindCoordinator' })
    expect(reasonOf(begin)).toBe('unmet: isAsAuthorized')
    play.do(authorize)
    expect(reasonOf({ ...begin, digest: 'other' })).toBe('unmet: isAsAuthorized')
    expect(reasonOf({ ...begin, addressable: true })).toBe('unmet: isAsAuthorized')
    expect(reasonOf({ ...begin, generation: 2 })).toBe('unmet: isNextIncarnation')
    play.do(begin)
    expect(reasonOf(begin)).toBe('unmet: noSpawnInProgress')
    expect(reasonOf({ ...commit, fence: 2 })).toBe('unmet: isAsOpened')
    play.do(commit, ...spawn('b').slice(0, 1))
    expect(reasonOf({ ...begin, identity: 'b' })).toBe('unmet: placementIsFree')
    expect(reasonOf({ ...begin, identity: 'b', runtimeId: 'b1' })).toBe('unmet: placementIsFree')
  })

  test('leaves when its runtime has retired, and comes back as the next incarnation', () => {
    const play = withMember()
    expect(play.do(retireA)).toMatchObject([{ type: 'MemberRetiring' }, { type: 'RequestRuntimeRetire' }])
    expect(play.member('a')?.standing).toEqual({ marker: 'retiring' })
    const again: MobInput = {
      type: 'Respawn',
      identity: a,
      runtimeId: runtimeId('a2'),
      mode: 'turnDriven',
      sessionId: sessionId('s'),
    }
    expect(play.refused(again).kind).toBe('guard-rejected')
    play.do(aRetired)
    expect(play.member('a')).toBeUndefined()
    expect(play.refused({ ...again, runtimeId: runtimeId('a1') }).reason).toBe('unmet: placementIsFree')
    const second = { identity: a, runtimeId: runtimeId('a2'), fence: 2, generation: 2 }
    expect(play.do(again)).toEqual([{ type: 'SpawnOpened', ...second }])
    play.do({ type: 'CommitSpawnMembership', ...second, sessionId: sessionId('s') })
    expect(play.member('a')).toMatchObject(second)
  })

  const late: readonly MobInput[] = [
    { type: 'ObserveRuntimeReady', ...ofA },
    { type: 'ObserveRuntimeReady', runtimeId: runtimeId('a2'), fence: 1 },
    aRetired,
    { type: 'ObserveRuntimeDestroyed', ...ofA },
    { type: 'ObserveWorkSettled', ...ofA, workId: workId('w') },
    { type: 'SubmitWork', ...ofA, workId: workId('w'), origin: 'internal' },
    { type: 'CancelAllWork', ...ofA },
    { type: 'RestoreBinding', ...ofA },
    retireA,
    bindingRefused,
    retireRefused,
  ]
  test.each(late)('hears nothing said to its former incarnation: $type of $runtimeId/$fence', input => {
    const play = withMember()
    play.do(retireA, aRetired)
    const second = { identity: a, runtimeId: runtimeId('a2'), sessionId: sessionId('s') }
    play.do({ type: 'Respawn', ...second, mode: 'turnDriven' })
    play.do({ type: 'CommitSpawnMembership', ...second, fence: 2, generation: 2 })
    expect(play.refused(input).kind).toBe('guard-rejected')
  })

  test('whose placement was refused is broken, and may be placed again, or leave at once', () => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's' }), bindingRefused)
    expect(play.member('a')?.standing).toEqual({
      marker: 'broken',
      request: 'binding',
      code: 'no',
      reason: 'because',
    })
    expect(play.do({ type: 'RestoreBinding', ...ofA })).toMatchObject([{ type: 'RequestRuntimeBinding' }])
    play.do(bindingRefused)
    expect(play.do(retireA)).toMatchObject([{ type: 'MemberRetired' }, { type: 'MemberSessionBindingChanged' }])
    expect(play.member('a')).toBeUndefined()
  })

  test('whose retirement was refused is placed and retired once more when asked again', () => {
    const play = withMember()
    play.do(retireA, retireRefused)
    expect(play.member('a')?.standing).toMatchObject({ marker: 'broken', request: 'retire', code: 'no' })
    expect(play.do(retireA).map(one => one.type)).toEqual(['RequestRuntimeBinding', 'RequestRuntimeRetire'])
  })

  test('whose session is not there any more has nothing to wait for', () => {
    const play = withMember()
    play.do(retireA, { ...retireRefused, code: 'routed_session_not_registered' })
    expect(play.member('a')).toBeUndefined()
  })

  test('that is placed after it was asked to leave is asked again', () => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's' }), retireA)
    expect(play.do({ type: 'ObserveRuntimeReady', ...ofA })).toMatchObject([{ type: 'RequestRuntimeRetire' }])
  })

  test.each(['Stop', 'Complete'] as const)('hears from its session also after %s', type => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's' }), { type })
    play.do({ type: 'ObserveRuntimeReady', ...ofA }, retireA, aRetired)
    expect(play.member('a')).toBeUndefined()
  })
})

describe('work', () => {
  const w: MobInput = { type: 'SubmitWork', ...ofA, workId: workId('w'), origin: 'external' }

  test('reaches the session of its member once, or the peer', () => {
    const play = withMember()
    play.do(...spawn('b'))
    expect(play.do(w)).toEqual([
      { type: 'RequestRuntimeIngress', ...ofA, generation: 1, sessionId: 's', workId: 'w', origin: 'external' },
    ])
    expect(play.do(w)).toEqual([])
    const toPeer = { ...w, identity: b, runtimeId: runtimeId('b1') } as const
    expect(play.refused(toPeer).reason).toContain('mayComeFrom')
    expect(play.do({ ...toPeer, origin: 'internal' })).toMatchObject([{ type: 'RequestPeerRuntimeIngress' }])
  })

  test('is not given to one who is leaving or broken', () => {
    const play = withMember()
    play.do(retireA)
    expect(play.refused(w).kind).toBe('guard-rejected')
    play.do(retireRefused)
    expect(play.refused(w).kind).toBe('guard-rejected')
  })

  test('ends once: done, refused, cancelled or lost', () => {
    const refused: MobInput = {
      type: 'ResolveRuntimeIngressRefusal',
      runtimeId: runtimeId('a1'),
      fence: 1,
      sessionId: sessionId('s'),
      workId: workId('w'),
      origin: 'external',
      code: 'full',
      reason: 'no room',
    }
    const ends: readonly (readonly [readonly MobInput[], object])[] = [
      [[{ type: 'ObserveWorkSettled', ...ofA, workId: workId('w') }], { type: 'WorkSettled', outcome: 'done' }],
      [[refused], { type: 'WorkRefused', code: 'full', reason: 'no room' }],
      [[{ type: 'CancelAllWork', ...ofA }], { type: 'WorkSettled', outcome: 'canceled' }],
      [[retireA, aRetired], { type: 'WorkSettled', outcome: 'lost' }],
      [[{ type: 'Destroy' }], { type: 'WorkSettled', outcome: 'lost' }],
    ]
    for (const [inputs, end] of ends) {
      const play = withMember()
      play.do(w, ...inputs)
      expect([...play.said('WorkSettled'), ...play.said('WorkRefused')]).toMatchObject([{ workId: 'w', ...end }])
      expect(openWork(play.state, a)).toEqual([])
      play.refused(refused)
    }
  })

  test('of a member can be taken from it at once, with the flows that wait for it and no others', () => {
    const play = withMember()
    play.do(...spawn('b'))
    for (const [run, target] of [
      ['f', a],
      ['g', b],
    ] as const) {
      play.do({ type: 'RunFlow', runId: flowRunId(run), steps: [step('1')] })
      play.do({ type: 'StartStep', runId: flowRunId(run), stepId: step('1').stepId, targets: [target] })
    }
    play.do(w, { type: 'CancelAllWork', ...ofA })
    expect(play.said('RequestWorkCancel')).toEqual([{ type: 'RequestWorkCancel', ...ofA, workIds: ['w'] }])
    expect(play.said('FlowTerminalized')).toEqual([{ type: 'FlowTerminalized', runId: 'f', status: 'canceled' }])
  })
})
