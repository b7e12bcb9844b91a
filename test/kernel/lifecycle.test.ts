import { type LifecyclePhase, type MeerkatInput, runnable } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, callId, inputId, kinds, Play, registered, runId, SESSION } from './support/play.ts'

const STOP: MeerkatInput = { type: 'StopRuntimeExecutor', reason: 'test' }
const EXIT: MeerkatInput = { type: 'RuntimeExecutorExited' }
const ENSURE: MeerkatInput = { type: 'EnsureSessionWithExecutor', sessionId: SESSION }

/** A session in each phase, by the way a host would take. */
const inPhase: Record<LifecyclePhase, () => Play> = {
  initializing: () => new Play(),
  idle: () => registered(),
  attached: () => attached(),
  running: () => {
    const play = attached()
    play.accept('current')
    play.begin('r1')
    return play
  },
  retired: () => {
    const play = attached()
    play.do({ type: 'Retire' })
    return play
  },
  stopped: () => {
    const play = attached()
    play.do(STOP, EXIT)
    return play
  },
  destroyed: () => {
    const play = attached()
    play.do({ type: 'Destroy' })
    return play
  },
}
const each = <T>(table: Record<LifecyclePhase, T>): [LifecyclePhase, T][] =>
  Object.entries(table) as [LifecyclePhase, T][]

describe('from every phase', () => {
  const destroyed: Record<LifecyclePhase, LifecyclePhase> = {
    initializing: 'destroyed',
    idle: 'destroyed',
    attached: 'destroyed',
    running: 'destroyed',
    retired: 'destroyed',
    stopped: 'destroyed',
    destroyed: 'destroyed',
  }
  test.each(each(destroyed))('%s a session can be destroyed, and owes nothing then', (phase, to) => {
    const play = inPhase[phase]()
    play.do({ type: 'Destroy' }, { type: 'Destroy' })
    expect(play.phase).toBe(to)
    expect(play.state.ledger.entries.size).toBe(0)
  })

  const recovered: Record<LifecyclePhase, LifecyclePhase | 'refused'> = {
    initializing: 'idle',
    idle: 'idle',
    attached: 'idle',
    running: 'idle',
    retired: 'retired',
    stopped: 'stopped',
    destroyed: 'refused',
  }
  test.each(each(recovered))('%s a new owner recovers it: facts stay, conditions end', (phase, to) => {
    const play = inPhase[phase]()
    if (to === 'refused') return expect(play.refused({ type: 'Recover' }).kind).toBe('no-matching-transition')
    play.do({ type: 'Recover' })
    expect(play.phase).toBe(to)
    const once = play.state
    play.do({ type: 'Recover' })
    expect(play.state).toEqual(once)
  })

  const outward: Record<Exclude<LifecyclePhase, 'destroyed'>, readonly MeerkatInput[]> = {
    initializing: [{ type: 'Initialize' }, { type: 'RegisterSession', sessionId: SESSION }, ENSURE],
    idle: [ENSURE],
    attached: [],
    running: [
      { type: 'RollbackRun', runId: runId('r1'), cause: 'interrupted' },
      { type: 'DropQueued', reason: 'cancelled' },
    ],
    retired: [{ type: 'Recycle' }, ENSURE],
    stopped: [{ type: 'Resume' }, ENSURE],
  }
  test.each(Object.entries(outward))('%s a named operation leads back to work', (phase, inputs) => {
    const play = inPhase[phase as LifecyclePhase]()
    play.do(...inputs)
    expect(play.phase).toBe('attached')
    play.accept('new')
    expect(runnable(play.state)).toBe(true)
    expect(play.complete('r9')).toEqual(['new'])
  })
})

describe('asked twice, the same is done once', () => {
  test.each<readonly [string, () => Play, MeerkatInput]>([
    ['attach', inPhase.idle, ENSURE],
    ['attach during a run', inPhase.running, ENSURE],
    ['retire', inPhase.attached, { type: 'Retire' }],
    ['retire during a run', inPhase.running, { type: 'Retire' }],
    ['reset', inPhase.attached, { type: 'Reset' }],
    ['recycle', inPhase.attached, { type: 'Recycle' }],
    ['stop', inPhase.idle, STOP],
    ['stop with an executor', inPhase.attached, STOP],
    ['stop during a run', inPhase.running, STOP],
    ['executor exit', inPhase.running, EXIT],
    ['resume', inPhase.stopped, { type: 'Resume' }],
    ['destroy', inPhase.running, { type: 'Destroy' }],
  ])('%s', (_, made, input) => {
    const play = made()
    play.do(input)
    const once = play.state
    const ends = play.said('InputTerminated').length
    play.do(input)
    expect(play.state).toEqual(once)
    expect(play.said('InputTerminated').length).toBe(ends)
  })
})

describe('a stop', () => {
  test('without an executor takes effect at once, and what waits goes on waiting', () => {
    const play = registered()
    play.accept('a')
    expect(kinds(play.do(STOP))).toEqual(['RuntimeNotice', 'RuntimeEffectFact'])
    expect(play.phase).toBe('stopped')
    expect(play.entry('a')).toMatchObject({ status: 'queued' })
    play.do({ type: 'Resume' }, ENSURE)
    expect(play.complete('r1')).toEqual(['a'])
  })

  test.each([
    ['without an executor', registered, STOP],
    ['with one', attached, EXIT],
  ] as const)('%s of a record before version 3 gave up what waited', (_, made, input) => {
    const play = made()
    play.accept('a')
    play.do({ ...input, queued: 'abandoned' })
    expect(play.phase).toBe('stopped')
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'stopped' })
  })

  test('leaves work that waits for a person as it is: a decision is taken meanwhile, and the work goes on after a resume', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    const calls = [{ callId: callId('c'), tool: 't', policy: 'ask', needsApproval: true }] as const
    play.do({ type: 'RecordCallIntents', runId: runId('r1'), calls, at: 0 })
    play.rollBack('r1', 'parked')
    play.do(STOP, EXIT, { type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 1 })
    expect(play.state.calls.unsettled).toBe(0)
    play.do({ type: 'Resume' }, ENSURE)
    expect(play.begin('r2')).toEqual(['a'])
    play.do({ type: 'DispatchCalls', runId: runId('r2'), callIds: [callId('c')], at: 2 })
  })

  test.each([
    ['retired', { type: 'Retire' }],
    ['destroyed', { type: 'Destroy' }],
  ] as const)('is no shelter: what waits ends when the session is %s', (reason, input) => {
    const play = registered()
    play.accept('a')
    play.do(STOP, input)
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason })
  })

  test('with one waits until it left; the run may finish, but no other starts', () => {
    const play = inPhase.running()
    play.accept('next')
    play.do(STOP)
    play.answer('r1')
    play.commit('r1')
    expect(play.terminal('current')).toEqual({ status: 'consumed' })
    expect(play.phase).toBe('attached')
    expect(runnable(play.state)).toBe(false)
    play.do(EXIT)
    expect(play.phase).toBe('stopped')
    expect(play.entry('next')).toMatchObject({ status: 'queued' })
  })

  test('is over with a resume: conditions of the time before are gone', () => {
    const play = inPhase.stopped()
    play.do({ type: 'Resume' })
    expect(play.state.registration.phase).toBe('queuing')
    play.accept('a')
    play.do(ENSURE)
    expect(play.complete('r1')).toEqual(['a'])
  })

  test('an executor that exits takes its run along, and nothing else: the input is told, not left behind', () => {
    const play = inPhase.running()
    play.accept('next')
    expect(kinds(play.do(EXIT))).toContain('RunCancelled')
    expect(play.terminal('current')).toEqual({ status: 'abandoned', reason: 'stopped' })
    expect(play.entry('next')).toMatchObject({ status: 'queued' })
  })
})

describe('a retirement', () => {
  test('with an executor drains what waits, and admits nothing new', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.do({ type: 'Retire' })
    expect(play.refused({ type: 'AcceptInput', inputId: inputId('c'), at: 9 }).kind).toBe('no-matching-transition')
    expect(runnable(play.state)).toBe(true)
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['a'], ['b']])
    expect(play.phase).toBe('retired')
  })

  test('without one abandons what waits: nobody would answer it', () => {
    const play = registered()
    play.accept('a')
    play.do({ type: 'Retire' })
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'retired' })
  })

  test('during a run lets it finish and is visible afterwards, also after a crash', () => {
    const play = inPhase.running()
    play.do({ type: 'Retire' })
    expect(play.phase).toBe('running')
    play.answer('r1')
    play.commit('r1')
    expect(play.phase).toBe('retired')

    const crashed = inPhase.running()
    crashed.do({ type: 'Retire' }, { type: 'Recover' })
    expect(crashed.phase).toBe('retired')
    expect(crashed.entry('current')).toMatchObject({ status: 'queued', attempts: 1 })
  })
})

describe('a reset', () => {
  test('abandons what waits and leaves a fresh session', () => {
    const play = attached({ silentIntents: ['ping'] })
    play.accept('a')
    play.steer('s')
    play.do({ type: 'Reset' })
    expect(play.phase).toBe('idle')
    expect([play.terminal('a'), play.terminal('s')]).toEqual([
      { status: 'abandoned', reason: 'reset' },
      { status: 'abandoned', reason: 'reset' },
    ])
    expect(play.state.registration).toMatchObject({ phase: 'queuing', silentIntents: [] })
  })

  test('is refused while a run is on', () => {
    expect(inPhase.running().refused({ type: 'Reset' }).kind).toBe('no-matching-transition')
  })

  test('after a retirement admits again', () => {
    const play = inPhase.retired()
    play.do({ type: 'Reset' })
    play.accept('a')
    expect(play.entry('a')?.status).toBe('queued')
  })
})

describe('a recycle', () => {
  test('keeps what waits, in order', () => {
    for (const made of [attached, registered]) {
      const play = made()
      for (const id of ['a', 'b', 'c']) play.accept(id)
      expect(kinds(play.do({ type: 'Recycle' }))).toContain('InitiateRecycle')
      play.do(ENSURE)
      expect([play.complete('r1'), play.complete('r2'), play.complete('r3')]).toEqual([['a'], ['b'], ['c']])
    }
  })

  test.each(['running', 'stopped', 'destroyed', 'initializing'] as const)('is refused while %s', phase => {
    expect(inPhase[phase]().refused({ type: 'Recycle' }).kind).toBe('no-matching-transition')
  })
})
