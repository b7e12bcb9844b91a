/** When cron patterns are due where clocks change, and after clocks were corrected. */
import { describe, expect, test } from 'vitest'
import { dueAfterSetback, nextDue } from '../../src/session/schedule-times.ts'
import type { ScheduleRule } from '../../src/store/records.ts'

const cron = (pattern: string, timeZone: string): ScheduleRule => ({ type: 'cron', pattern, timeZone })

/** Every due time in a span, by date and time in UTC. */
function dueTimes(pattern: string, timeZone: string, from: string, to: string): readonly string[] {
  const times: string[] = []
  const rule = cron(pattern, timeZone)
  for (let at = nextDue(rule, Date.parse(from)); at !== undefined && at <= Date.parse(to); at = nextDue(rule, at)) {
    times.push(new Date(at).toISOString().slice(5, 16))
  }
  return times
}

const ZONES = [
  ['Europe/Berlin', '2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z', 2],
  ['America/New_York', '2026-03-07T00:00:00Z', '2026-10-31T00:00:00Z', 2],
  ['Australia/Lord_Howe', '2026-10-03T00:00:00Z', '2026-04-04T00:00:00Z', 2],
  ['Africa/Cairo', '2026-04-23T00:00:00Z', '2026-10-29T00:00:00Z', 0],
] as const

describe.each(ZONES)('a cron list in %s', (zone, spring, autumn, hour) => {
  test.each([
    ['where an hour is left out', spring],
    ['where an hour comes twice', autumn],
  ])('is due when its single times are, %s', (_, from) => {
    const to = new Date(Date.parse(from) + 3 * 86_400_000).toISOString()
    const due = (pattern: string): readonly string[] => dueTimes(pattern, zone, from, to)
    const lists: readonly (readonly [string, readonly string[]])[] = [
      [`0,30 ${hour} * * *`, [`0 ${hour} * * *`, `30 ${hour} * * *`]],
      [`0,15,59 ${hour} * * *`, [`0 ${hour} * * *`, `15 ${hour} * * *`, `59 ${hour} * * *`]],
      [`30 ${hour},${hour + 1} * * *`, [`30 ${hour} * * *`, `30 ${hour + 1} * * *`]],
      [`30 ${hour}-${hour + 2} * * *`, [hour, hour + 1, hour + 2].map(one => `30 ${one} * * *`)],
      [`0 ${hour},12 * * *`, [`0 ${hour} * * *`, '0 12 * * *']],
    ]
    for (const [list, singles] of lists) {
      expect([list, due(list)]).toEqual([list, [...new Set(singles.flatMap(due))].sort()])
      expect(due(list).length).toBeGreaterThanOrEqual(3)
    }
  })

  test('goes on with every hour that passes, if it names any hour', () => {
    for (const from of [spring, autumn]) {
      const to = new Date(Date.parse(from) + 2 * 86_400_000).toISOString()
      expect(dueTimes('30 * * * *', zone, from, to).length).toBeGreaterThanOrEqual(47)
    }
  })
})

test('a time that the clocks leave out is due when they go on; on a date of its own, too', () => {
  expect(dueTimes('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
    '03-29T01:00',
    '03-30T00:30',
  ])
  const rule = cron('0 2 29 3 *', 'Europe/Berlin')
  expect(nextDue(rule, Date.parse('2026-03-29T01:00:00Z'))).toBe(Date.parse('2027-03-29T00:00:00Z'))
})

test('a clock set back moves what recurs by passing time, and repeats no fixed hour unless it was far off', () => {
  const now = Date.parse('2026-01-02T08:00:00Z')
  const hours = (count: number): number => count * 3_600_000
  const every: ScheduleRule = { type: 'every', everyMs: 60_000, from: now + hours(5) }
  expect(dueAfterSetback(every, now + hours(6), now)).toBeLessThanOrEqual(now + 90_000)
  expect(dueAfterSetback(every, now + 60_000, now)).toBeUndefined()
  expect(dueAfterSetback({ type: 'once', at: now + hours(9), inMs: 500 }, now + hours(9), now)).toBe(now + 500)
  expect(dueAfterSetback({ type: 'once', at: now + hours(9) }, now + hours(9), now)).toBeUndefined()
  const daily = cron('0 9 * * *', 'UTC')
  expect(dueAfterSetback(daily, now + hours(25), now)).toBeUndefined()
  expect(dueAfterSetback(daily, Date.parse('2099-01-02T09:00:00Z'), now)).toBe(now + hours(1))
})
