/**
 * Cron patterns in a time zone: at which moments a zone's clocks show the times that a pattern names.
 *
 * 1. A pattern with fixed hours is due once for each time that it names. A time that the clocks skip is due at the
 *    moment at which they skip it; a time that they show twice is due the first time. A list of hours is due when
 *    each hour by itself would be.
 * 2. A pattern with any hour (a star, or every so many hours) follows the time that passes: it skips what the clocks
 *    skip, and is due twice where they show an hour twice.
 *
 * The pattern itself is only ever evaluated in UTC, where clocks never change.
 */
import { Cron } from 'croner'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** No zone ever moved its clocks by more. */
const MOST_MOVED_MS = 3 * HOUR_MS
/** How many changes of the clocks are followed between now and a pattern's next due time; zones have two a year. */
const CHANGES_MOST = 1_000

interface LocalCron {
  readonly hasAnyHour: boolean
  /** The first local time after this one that the pattern names; both written as if they were UTC. */
  readonly nextLocal: (after: number) => number | undefined
}

/** How far a zone's clocks are ahead of UTC at a moment, ms. */
type Offset = (at: number) => number

/**
 * The moment after `after` at which the pattern is due next; undefined: never. Throws where the pattern or the zone
 * is invalid.
 */
export function nextLocalTime(pattern: string, timeZone: string, after: number): number | undefined {
  const cron = memoized(crons, pattern, makeCron)
  if (timeZone === 'UTC') return cron.nextLocal(after)
  const offset = memoized(offsets, timeZone, makeOffset)
  return cron.hasAnyHour ? nextPassing(cron, offset, after) : nextNamed(cron, offset, after)
}

/** Each local time once: one in a gap at the end of the gap, one in an overlap at its first pass. */
function nextNamed({ nextLocal }: LocalCron, offset: Offset, after: number): number | undefined {
  const before = offset(after - MOST_MOVED_MS)
  const ahead = offset(after)
  let from = after + ahead
  // The clocks went back shortly before: the local times up to the change have been due already.
  if (before > ahead) from = Math.max(from, changeAfter(offset, after - MOST_MOVED_MS, after) + before - 1)
  const local = nextLocal(from)
  return local === undefined ? undefined : momentOf(local, offset)
}

/** Follows the time that passes, from one change of the clocks to the next. */
function nextPassing({ nextLocal }: LocalCron, offset: Offset, after: number): number | undefined {
  let from = after
  for (let changes = 0; changes < CHANGES_MOST; changes++) {
    const ahead = offset(from + 1)
    const local = nextLocal(from + ahead)
    if (local === undefined) return undefined
    const at = local - ahead
    const change = firstChange(offset, from + 1, at)
    if (change === undefined) return at
    from = change - 1
  }
  return undefined
}

/** The moment at which the zone's clocks first show this time or, where they skip it, the moment of the skip. */
function momentOf(local: number, offset: Offset): number {
  const [before, later] = [offset(local - DAY_MS), offset(local + DAY_MS)]
  const shown = [local - before, local - later].filter(at => at + offset(at) === local)
  return shown.length > 0 ? Math.min(...shown) : changeAfter(offset, local - later - 1, local - before)
}

/** The first moment in (from, to] whose offset differs from that of `from`, if the one at `to` does. */
function changeAfter(offset: Offset, from: number, to: number): number {
  const ahead = offset(from)
  let [same, other] = [from, to]
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2)
    if (offset(middle) === ahead) same = middle
    else other = middle
  }
  return other
}

/** As `changeAfter` over any span, day by day, so that no change hides behind the next one. */
function firstChange(offset: Offset, from: number, to: number): number | undefined {
  const ahead = offset(from)
  for (let start = from; start < to; start += DAY_MS) {
    const end = Math.min(to, start + DAY_MS)
    if (offset(end) !== ahead) return changeAfter(offset, start, end)
  }
  return undefined
}

function makeCron(pattern: string): LocalCron {
  const cron = new Cron(pattern, { timezone: 'UTC', paused: true })
  const fields = pattern.trim().split(/\s+/)
  const hour = fields[fields.length > 5 ? 2 : 1]
  return {
    hasAnyHour: pattern.trim() === '@hourly' || hour === undefined || /^[*?]/.test(hour),
    nextLocal: after => {
      const next = cron.nextRun(new Date(after))?.getTime()
      return next !== undefined && next > after ? next : undefined
    },
  }
}

function makeOffset(timeZone: string): Offset {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return at => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(at)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
  }
}

const crons = new Map<string, LocalCron>()
const offsets = new Map<string, Offset>()
const KEPT_MOST = 500

function memoized<T>(map: Map<string, T>, key: string, make: (key: string) => T): T {
  const known = map.get(key)
  if (known !== undefined) return known
  if (map.size >= KEPT_MOST) map.clear()
  const made = make(key)
  map.set(key, made)
  return made
}
