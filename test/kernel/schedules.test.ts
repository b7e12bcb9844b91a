import {
  dueSchedules,
  type MeerkatInput,
  nextDueAt,
  type ScheduleMisfire,
  type ScheduleOverlap,
  schedulesOf,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, kinds, type Play, scheduleId } from './support/play.ts'

const X = scheduleId('x')

const timer = (dueAt: number, id = 'x'): MeerkatInput => ({
  type: 'CreateSchedule',
  scheduleId: scheduleId(id),
  dueAt,
  recurring: false,
})
const every = (dueAt: number, overlap?: ScheduleOverlap, misfire?: ScheduleMisfire): MeerkatInput => ({
  type: 'CreateSchedule',
  scheduleId: X,
  dueAt,
  recurring: true,
  ...(overlap && { overlap }),
  ...(misfire && { misfire }),
})
const fire = (at: number, input: string, more: { nextDueAt?: number; missed?: number } = {}): MeerkatInput => ({
  type: 'FireSchedule',
  scheduleId: X,
  at,
  inputId: inputId(input),
  ...more,
})

/** Fires as the shell does: the input is accepted in the same transaction. */
function fires(
  play: Play,
  at: number,
  input: string,
  more?: { nextDueAt?: number; missed?: number },
): readonly string[] {
  const said = kinds(play.do(fire(at, input, more)))
  if (said.includes('ScheduleFired')) play.accept(input, { kind: 'external-event', origin: 'system' })
  return said
}

describe('a timer', () => {
  test('fires once, when it is due and not before, and is gone', () => {
    const play = attached()
    play.do(timer(100))
    expect(nextDueAt(play.state)).toBe(100)
    expect(dueSchedules(play.state, 99)).toEqual([])
    expect(play.refused(fire(99, 'a')).reason).toContain('isDue')
    expect(dueSchedules(play.state, 100).map(({ id }) => id)).toEqual(['x'])
    expect(fires(play, 100, 'a')).toEqual(['ScheduleFired', 'ScheduleEnded'])
    expect(play.said('ScheduleEnded')).toMatchObject([{ reason: 'done' }])
    expect(nextDueAt(play.state)).toBeUndefined()
    expect(play.prepare('r')).toEqual(['a'])
  })

  test('can not be due again', () => {
    const play = attached()
    play.do(timer(100))
    expect(play.refused(fire(100, 'a', { nextDueAt: 200 })).reason).toContain('leadsOn')
  })

  test('the earliest is next, the longest due goes first, and a paused one not at all', () => {
    const play = attached()
    play.do(timer(300, 'c'), timer(100, 'a'), timer(200, 'b'))
    play.do({ type: 'UpdateSchedule', scheduleId: scheduleId('a'), paused: true })
    expect(nextDueAt(play.state)).toBe(200)
    expect(dueSchedules(play.state, 300).map(({ id }) => id)).toEqual(['b', 'c'])
    play.do({ type: 'UpdateSchedule', scheduleId: scheduleId('a'), paused: false })
    expect(nextDueAt(play.state)).toBe(100)
  })

  test('has a name of its own', () => {
    const play = attached()
    play.do(timer(100))
    expect(play.refused(timer(200)).reason).toContain('isNewSchedule')
    play.do({ type: 'CancelSchedule', scheduleId: X })
    play.do(timer(200))
    expect(nextDueAt(play.state)).toBe(200)
  })
})

describe('a recurring schedule', () => {
  test('moves on with each firing, and ends when no time is left', () => {
    const play = attached()
    play.do(every(100, 'queue'))
    expect(fires(play, 101, 'a', { nextDueAt: 200 })).toEqual(['ScheduleFired'])
    expect(nextDueAt(play.state)).toBe(200)
    play.refused(fire(200, 'b', { nextDueAt: 200 }))
    expect(fires(play, 200, 'b')).toEqual(['ScheduleFired', 'ScheduleEnded'])
    expect(schedulesOf(play.state.schedules)).toEqual([])
  })

  test('that skips overlaps lets a time pass while the input before waits or runs, and fires after it', () => {
    const play = attached()
    play.do(every(100, 'skip'))
    fires(play, 100, 'a', { nextDueAt: 200 })
    expect(fires(play, 200, 'b', { nextDueAt: 300 })).toEqual(['ScheduleSkipped'])
    play.begin('r')
    expect(fires(play, 300, 'c', { nextDueAt: 400 })).toEqual(['ScheduleSkipped'])
    expect(play.said('ScheduleSkipped').map(({ reason, dueAt }) => [reason, dueAt])).toEqual([
      ['overlap', 200],
      ['overlap', 300],
    ])
    play.answer('r')
    play.commit('r')
    expect(fires(play, 400, 'd', { nextDueAt: 500 })).toEqual(['ScheduleFired'])
  })

  test('that queues fires all the same', () => {
    const play = attached()
    play.do(every(100, 'queue'))
    fires(play, 100, 'a', { nextDueAt: 200 })
    expect(fires(play, 200, 'b', { nextDueAt: 300 })).toEqual(['ScheduleFired'])
    expect(play.said('ScheduleFired').map(({ replaces }) => replaces)).toEqual([undefined, undefined])
  })

  test('that replaces names the input whose place is taken', () => {
    const play = attached()
    play.do(every(100, 'replace'))
    fires(play, 100, 'a', { nextDueAt: 200 })
    play.do(fire(200, 'b', { nextDueAt: 300 }))
    expect(play.said('ScheduleFired').map(({ inputId: id, replaces }) => [id, replaces])).toEqual([
      ['a', undefined],
      ['b', 'a'],
    ])
  })

  test.each([
    ['skip', 'ScheduleSkipped'],
    ['once', 'ScheduleFired'],
    ['all', 'ScheduleFired'],
  ] as const)('with the policy %s for missed times', (misfire, said) => {
    const play = attached()
    play.do(every(100, 'queue', misfire))
    expect(fires(play, 350, 'a', { nextDueAt: misfire === 'all' ? 200 : 400, missed: 3 })).toEqual([said])
    expect(nextDueAt(play.state)).toBe(misfire === 'all' ? 200 : 400)
    expect(dueSchedules(play.state, 350)).toHaveLength(misfire === 'all' ? 1 : 0)
  })

  test('only one that fires each missed time may be due again in the past', () => {
    const play = attached()
    play.do(every(100, 'queue', 'once'))
    expect(play.refused(fire(350, 'a', { nextDueAt: 200, missed: 3 })).reason).toContain('leadsOn')
    play.do({ type: 'UpdateSchedule', scheduleId: X, misfire: 'all' })
    play.refused(fire(350, 'a', { nextDueAt: 100, missed: 3 }))
    play.do(fire(350, 'a', { nextDueAt: 200, missed: 3 }))
  })
})

describe("a schedule's session", () => {
  test('that stops keeps it, and it does not fire before it is resumed', () => {
    const play = attached()
    play.do(timer(100), { type: 'StopRuntimeExecutor', reason: 'asked' })
    expect(nextDueAt(play.state)).toBeUndefined()
    expect(play.refused(fire(100, 'a')).reason).toContain('admitsWork')
    play.do({ type: 'RuntimeExecutorExited' })
    expect(dueSchedules(play.state, 100)).toEqual([])
    expect(play.refused(fire(100, 'a')).kind).toBe('no-matching-transition')
    play.do({ type: 'Resume' })
    expect(nextDueAt(play.state)).toBe(100)
    expect(fires(play, 500, 'a', { missed: 1 })).toContain('ScheduleFired')
  })

  test('that is reset or taken over keeps it', () => {
    const play = attached()
    play.do(timer(100), { type: 'Recover' }, { type: 'Reset' })
    expect(nextDueAt(play.state)).toBe(100)
  })

  test.each([
    ['retired', { type: 'Retire' }],
    ['destroyed', { type: 'Destroy' }],
    ['new-identity', { type: 'RegisterSession', sessionId: 'other' as never }],
  ] as const)('that goes (%s) takes it along', (reason, input) => {
    const play = attached()
    play.do(timer(100, 'a'), timer(200, 'b'), input)
    expect(play.said('ScheduleEnded').map(one => [one.scheduleId, one.reason])).toEqual([
      ['a', reason],
      ['b', reason],
    ])
    expect(play.state.schedules.entries.size).toBe(0)
  })

  test('that was retired during a run admits no new one', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.do({ type: 'Retire' })
    expect(play.refused(timer(100)).reason).toContain('notRetiring')
  })
})
