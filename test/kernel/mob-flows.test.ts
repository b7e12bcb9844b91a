import { describe, expect, test } from 'vitest'
import type { StepDeclaration } from '../../src/kernel/mob/flows/state.ts'
import { readySteps } from '../../src/kernel/mob/flows/table.ts'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { flowRunId, identity, MobPlay, runtimeId, spawn, step, stepId } from './support/mob-play.ts'

const runId = flowRunId('f')
const a = identity('a')
const b = identity('b')
const reason = 'it broke'

/** A mob of two workers and a judge that walks through this flow. */
function running(...steps: readonly StepDeclaration[]): MobPlay {
  const play = new MobPlay()
  play.do({ type: 'BindCoordinator' }, ...spawn('a'), ...spawn('b'), ...spawn('j', { profile: 'judge' }))
  play.do({ type: 'RunFlow', runId, steps })
  return play
}

const start = (name: string, ...targets: readonly string[]): MobInput => ({
  type: 'StartStep',
  runId,
  stepId: stepId(name),
  targets: targets.length === 0 ? [a] : targets.map(identity),
})
const complete = (name: string, attempt = 1): MobInput => ({
  type: 'CompleteStep',
  runId,
  stepId: stepId(name),
  attempt,
})
const fail = (name: string, attempt = 1): MobInput => ({
  type: 'FailStep',
  runId,
  stepId: stepId(name),
  attempt,
  reason,
})
const skip = (name: string): MobInput => ({ type: 'SkipStep', runId, stepId: stepId(name) })

const ready = (play: MobPlay): readonly string[] =>
  readySteps(play.state, runId)
    .map(one => one.stepId)
    .toSorted()
const ends = (play: MobPlay): object => Object.fromEntries(play.said('StepEnded').map(one => [one.stepId, one.end]))
const outcome = (play: MobPlay): readonly string[] => play.said('FlowTerminalized').map(one => one.status)

const completeBy = (name: string, target: string, attempt = 1): MobInput => ({
  type: 'CompleteStep',
  runId,
  stepId: stepId(name),
  attempt,
  target: identity(target),
})
const failBy = (name: string, target: string, attempt = 1): MobInput => ({
  type: 'FailStep',
  runId,
  stepId: stepId(name),
  attempt,
  target: identity(target),
  reason,
})

const lenient = { failurePolicy: 'continue' } as const

describe('a flow run', () => {
  test('goes through its steps as they become ready, and ends with the last', () => {
    const play = running(step('1'), step('2'), step('3', ['1', '2']))
    expect(ready(play)).toEqual(['1', '2'])
    expect(play.do(start('1'))).toEqual([
      { type: 'StepDispatched', runId, stepId: '1', attempt: 1, dispatch: 'oneToOne', targets: [a] },
    ])
    play.do(start('2', 'b'), complete('1'))
    expect(ready(play)).toEqual([])
    expect(play.refused(start('3')).kind).toBe('guard-rejected')
    play.do(complete('2'), start('3'), complete('3'))
    expect(outcome(play)).toEqual(['completed'])
    expect(readySteps(play.state, runId)).toEqual([])
    expect(play.refused(complete('3')).kind).toBe('guard-rejected')
  })

  test('may be seeded first and started later, by a coordinator', () => {
    const play = running(step('1'))
    const other = flowRunId('g')
    play.do({ type: 'CreateRunSeed', runId: other, steps: [step('1')] })
    expect(readySteps(play.state, other)).toEqual([])
    play.do({ type: 'UnbindCoordinator' })
    expect(play.refused({ type: 'RunFlow', runId: other }).reason).toContain('coordinatorBound')
    play.do({ type: 'BindCoordinator' }, { type: 'RunFlow', runId: other })
    expect(readySteps(play.state, other)).toHaveLength(1)
    expect(play.refused({ type: 'RunFlow', runId: other, steps: [step('1')] }).kind).toBe('guard-rejected')
  })

  test.each<readonly [string, readonly StepDeclaration[]]>([
    ['has no step', []],
    ['names a step twice', [step('1'), step('1')]],
    ['depends on what it does not have', [step('1', ['2'])]],
    ['goes in a circle', [step('1', ['2']), step('2', ['1'])]],
    ['depends on itself', [step('1', ['1'])]],
    ['tries a step no time', [step('1', [], { maxAttempts: 0 })]],
    ['asks for no target', [step('1', [], { dispatch: 'fanOut', collection: { quorum: 0 } })]],
    ['asks for a part of one', [step('1', [], { dispatch: 'fanOut', collection: { quorum: 1.5 } })]],
    ['asks two targets of one', [step('1', [], { collection: { quorum: 2 } })]],
    ['has alternatives that depend on each other', [step('1', [], { branch: 'x' }), step('2', ['1'], { branch: 'x' })]],
    [
      'has alternatives that need different things of the same',
      [step('0'), step('1', ['0'], { branch: 'x' }), step('2', ['0'], { branch: 'x', dependsOnMode: 'any' })],
    ],
  ])('is refused if it %s', (_, steps) => {
    const play = running(step('1'))
    expect(play.refused({ type: 'CreateRunSeed', runId: flowRunId('g'), steps }).reason).toBe('unmet: isSoundFlow')
  })

  test('sends a step to members of its role only, to as many as its dispatch says', () => {
    const play = running(step('1'), step('many', [], { dispatch: 'fanOut' }), step('verdict', [], { role: 'judge' }))
    expect(play.refused(start('1', 'j')).reason).toContain('hasSuitableTargets')
    expect(play.refused(start('1', 'a', 'b')).reason).toContain('hasSuitableTargets')
    expect(play.refused(start('many', 'a', 'a')).reason).toContain('hasSuitableTargets')
    expect(play.refused(start('many', 'nobody')).reason).toContain('hasSuitableTargets')
    play.do(start('many', 'a', 'b'), start('verdict', 'j'))
    expect(play.said('StepDispatched').map(one => one.targets)).toEqual([[a, b], ['j']])
  })

  test('is cancelled with all that is open', () => {
    const play = running(step('1'), step('2'), step('3', ['2']))
    play.do(start('1'), complete('1'), start('2'), { type: 'CancelFlow', runId })
    expect(ends(play)).toEqual({ 1: 'completed', 2: 'canceled', 3: 'canceled' })
    expect(outcome(play)).toEqual(['canceled'])
    expect(play.said('NotifyCoordinator')).toEqual([{ type: 'NotifyCoordinator', runId, notice: 'flow-canceled' }])
    expect(play.refused({ type: 'CancelFlow', runId }).kind).toBe('guard-rejected')
  })
})

describe('a step that fails', () => {
  test('is tried again as often as it may, and words of earlier attempts are refused', () => {
    const play = running(step('1', [], { maxAttempts: 2 }))
    play.do(start('1'), fail('1'))
    expect(play.said('StepRetrying')).toEqual([{ type: 'StepRetrying', runId, stepId: '1', attempt: 1, reason }])
    expect(ready(play)).toEqual(['1'])
    play.do(start('1', 'b'))
    expect(play.refused(complete('1', 1)).kind).toBe('guard-rejected')
    expect(play.refused(fail('1', 1)).kind).toBe('guard-rejected')
    play.do(fail('1', 2))
    expect(outcome(play)).toEqual(['failed'])
  })

  test('and escalates takes the run along', () => {
    const play = running(step('1'), step('2'), step('3', ['1']))
    play.do(start('1'), start('2', 'b'), fail('1'))
    expect(ends(play)).toEqual({ 1: 'failed', 2: 'canceled', 3: 'canceled' })
    expect(outcome(play)).toEqual(['failed'])
  })

  test('and does not escalate skips what depends on it, and what depends on that', () => {
    const play = running(step('1', [], lenient), step('2'), step('3', ['1', '2']), step('4', ['3']), step('5', ['2']))
    play.do(start('1'), fail('1'))
    expect(ends(play)).toEqual({ 1: 'failed', 3: 'skipped', 4: 'skipped' })
    expect(outcome(play)).toEqual([])
    play.do(start('2'), complete('2'), start('5'), complete('5'))
    expect(outcome(play)).toEqual(['completed'])
  })

  test('spares a step that takes any of several, until none is left', () => {
    const any = { ...lenient, dependsOnMode: 'any' } as const
    const spared = running(step('1', [], lenient), step('2', [], lenient), step('3', ['1', '2'], any))
    spared.do(start('1'), fail('1'))
    expect(ends(spared)).toEqual({ 1: 'failed' })
    spared.do(start('2'), complete('2'))
    expect(ready(spared)).toEqual(['3'])

    const none = running(step('1', [], lenient), step('2', [], lenient), step('3', ['1', '2'], any))
    none.do(start('1'), fail('1'), skip('2'))
    expect(ends(none)).toEqual({ 1: 'failed', 2: 'skipped', 3: 'skipped' })
    expect(outcome(none)).toEqual(['completed'])
  })

  test('a step of any may start with the first that completes', () => {
    const play = running(step('1'), step('2'), step('3', ['1', '2'], { dependsOnMode: 'any' }))
    play.do(start('2'), complete('2'))
    expect(ready(play)).toEqual(['1', '3'])
  })
})

describe('a step that is skipped', () => {
  test('skips what depends on it and may end the run', () => {
    const play = running(step('1'), step('2', ['1']))
    play.do(skip('1'))
    expect(ends(play)).toEqual({ 1: 'skipped', 2: 'skipped' })
    expect(outcome(play)).toEqual(['completed'])
  })

  test('is not one that has started', () => {
    const play = running(step('1'))
    play.do(start('1'))
    expect(play.refused(skip('1')).kind).toBe('guard-rejected')
  })
})

describe('a step for several', () => {
  const many = { dispatch: 'fanOut' } as const
  const three = (rest: Partial<StepDeclaration>): MobPlay => {
    const play = new MobPlay()
    play.do({ type: 'BindCoordinator' }, ...spawn('a'), ...spawn('b'), ...spawn('c'))
    play.do({ type: 'RunFlow', runId, steps: [step('1', [], { ...many, ...rest })] }, start('1', 'a', 'b', 'c'))
    return play
  }
  const releasedFrom = (play: MobPlay): readonly unknown[] => play.said('StepTargetsReleased').map(one => one.targets)

  test('is complete when each of them is, and no word stands for those that are missing', () => {
    const play = three({})
    expect(play.refused(complete('1')).reason).toContain('speaksForItsTargets')
    play.do(completeBy('1', 'a'), completeBy('1', 'c'))
    expect(outcome(play)).toEqual([])
    expect(play.refused(completeBy('1', 'a')).reason).toContain('isAwaited')
    expect(play.refused(failBy('1', 'c')).reason).toContain('isAwaited')
    play.do(complete('1'))
    expect(outcome(play)).toEqual(['completed'])
    expect(releasedFrom(play)).toEqual([])
  })

  test('fails with the first of them that does, and the others are let go', () => {
    const play = three({})
    play.do(completeBy('1', 'a'), failBy('1', 'b'))
    expect(ends(play)).toEqual({ 1: 'failed' })
    expect(outcome(play)).toEqual(['failed'])
  })

  test('may be satisfied with any of them', () => {
    const play = three({ collection: 'any' })
    play.do(failBy('1', 'a'), completeBy('1', 'c'))
    expect(ends(play)).toEqual({ 1: 'completed' })
    expect(releasedFrom(play)).toEqual([['b']])
  })

  test('that any of them would satisfy fails with the last', () => {
    const play = three({ collection: 'any' })
    play.do(failBy('1', 'a'), failBy('1', 'b'))
    expect(outcome(play)).toEqual([])
    play.do(failBy('1', 'c'))
    expect(outcome(play)).toEqual(['failed'])
  })

  test('may ask for a quorum, which has to be there', () => {
    const play = three({ collection: { quorum: 2 } })
    play.do(failBy('1', 'a'), completeBy('1', 'b'))
    expect(outcome(play)).toEqual([])
    play.do(completeBy('1', 'c'))
    expect(outcome(play)).toEqual(['completed'])

    const few = running(step('1', [], { ...many, collection: { quorum: 3 } }))
    expect(few.refused(start('1', 'a', 'b')).reason).toContain('hasSuitableTargets')
  })

  test('fails as soon as the quorum can not come any more', () => {
    const play = three({ ...lenient, collection: { quorum: 2 } })
    play.do(failBy('1', 'a'), failBy('1', 'b'))
    expect(ends(play)).toEqual({ 1: 'failed' })
    expect(releasedFrom(play)).toEqual([['c']])
  })

  test('is tried again with all of them anew', () => {
    const play = three({ maxAttempts: 2 })
    play.do(completeBy('1', 'a'), failBy('1', 'b'))
    expect(releasedFrom(play)).toEqual([['c']])
    play.do(start('1', 'a', 'b'), completeBy('1', 'a', 2))
    expect(play.refused(completeBy('1', 'c', 2)).reason).toContain('isAwaited')
    play.do(completeBy('1', 'b', 2))
    expect(outcome(play)).toEqual(['completed'])
  })

  test('whose time is up fails as a whole', () => {
    const play = three({ ...lenient, collection: 'any' })
    play.do(fail('1'))
    expect(ends(play)).toEqual({ 1: 'failed' })
    expect(releasedFrom(play)).toEqual([['a', 'b', 'c']])
  })

  test('waits for a member only until that has answered', () => {
    const play = three({})
    play.do(completeBy('1', 'a'))
    play.do({ type: 'CancelAllWork', identity: a, runtimeId: runtimeId('a1'), fence: 1 })
    expect(outcome(play)).toEqual([])
    play.do({ type: 'CancelAllWork', identity: identity('b'), runtimeId: runtimeId('b1'), fence: 1 })
    expect(outcome(play)).toEqual(['canceled'])
  })
})

describe('a target that leaves', () => {
  const retired = (name: string): MobInput => ({
    type: 'ObserveRuntimeRetired',
    runtimeId: runtimeId(`${name}1`),
    fence: 1,
  })
  const many = { dispatch: 'fanOut', ...lenient } as const

  test('has failed, and the run goes on or ends as if it had said so', () => {
    const play = running(step('1', [], lenient), step('2', ['1']), step('3'))
    play.do(start('1'))
    expect(play.do(retired('a'))).toEqual(
      expect.arrayContaining([
        { type: 'StepEnded', runId, stepId: '1', end: 'failed' },
        { type: 'StepEnded', runId, stepId: '2', end: 'skipped' },
      ]),
    )
    expect(play.refused(complete('1')).kind).toBe('guard-rejected')
    play.do(start('3', 'b'), retired('b'))
    expect(outcome(play)).toEqual(['failed'])
    expect(play.said('NotifyCoordinator')).toHaveLength(1)
  })

  test('is not waited for where the others are enough, and fails the step at once where they are not', () => {
    const enough = running(step('1', [], { ...many, collection: 'any' }))
    enough.do(start('1', 'a', 'b'), retired('a'))
    expect(outcome(enough)).toEqual([])
    enough.do(retired('b'))
    expect(ends(enough)).toEqual({ 1: 'failed' })
    expect(outcome(enough)).toEqual(['completed'])

    const few = running(step('1', [], { ...many, collection: { quorum: 2 } }))
    few.do(start('1', 'a', 'b'), retired('a'))
    expect(few.said('StepTargetsReleased')).toMatchObject([{ stepId: '1', attempt: 1, targets: ['b'] }])
    expect(outcome(few)).toEqual(['completed'])
  })

  test('leaves the step to others where it may be tried again, in every run and step that waits for it', () => {
    const again = { maxAttempts: 2 } as const
    const play = running(step('1', [], again), step('2', [], again), step('3', [], again))
    play.do(start('1'), start('2'), start('3', 'b'))
    play.do({ type: 'RunFlow', runId: flowRunId('g'), steps: [step('1', [], lenient)] })
    play.do({ type: 'StartStep', runId: flowRunId('g'), stepId: stepId('1'), targets: [a] }, retired('a'))
    const retried = play.said('StepRetrying').toSorted((one, other) => (one.stepId < other.stepId ? -1 : 1))
    expect(retried).toMatchObject([
      { runId, stepId: '1', attempt: 1 },
      { runId, stepId: '2', attempt: 1 },
    ])
    expect(play.said('FlowTerminalized')).toMatchObject([{ runId: 'g', status: 'completed' }])
    expect(ready(play)).toEqual(['1', '2'])
    play.do(start('1', 'b'), start('2', 'b'), complete('1', 2), complete('2', 2), complete('3'))
    expect(outcome(play)).toEqual(['completed', 'completed'])
  })

  test('after it has answered changes nothing', () => {
    const play = running(step('1', [], many))
    play.do(start('1', 'a', 'b'), completeBy('1', 'a'), retired('a'))
    expect(ends(play)).toEqual({})
    play.do(completeBy('1', 'b'))
    expect(ends(play)).toEqual({ 1: 'completed' })
  })
})

describe('alternatives', () => {
  const turn = { branch: 'turn' } as const

  test('may all start, and the first that does leaves the others skipped', () => {
    const play = running(
      step('0'),
      step('1', ['0'], turn),
      step('2', ['0'], turn),
      step('3', ['1', '2'], { dependsOnMode: 'any' }),
      step('4', ['2']),
    )
    play.do(start('0'), complete('0'))
    expect(ready(play)).toEqual(['1', '2'])
    play.do(start('1'))
    expect(ends(play)).toEqual({ 0: 'completed', 2: 'skipped', 4: 'skipped' })
    play.do(complete('1'))
    expect(ready(play)).toEqual(['3'])
    play.do(start('3'), complete('3'))
    expect(outcome(play)).toEqual(['completed'])
  })

  test('stay decided where the one that started is tried again', () => {
    const play = running(step('1', [], { ...turn, maxAttempts: 2 }), step('2', [], turn))
    play.do(start('1'), fail('1'))
    expect(ready(play)).toEqual(['1'])
    play.do(skip('1'))
    expect(outcome(play)).toEqual(['completed'])
  })
})
