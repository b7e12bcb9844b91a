/** Computes when a schedule is due: the rule that it was made with, and the next time after any given one. */
import { MeerkatError } from '../errors.ts'
import { messageOf } from '../foreign.ts'
import type { ScheduleRule } from '../store/records.ts'
import { demandDurations, LATEST_TIME } from '../time.ts'
import { nextLocalTime } from './local-times.ts'

/** How a caller says when: exactly one of `inMs`, `at`, `everyMs` and `cron`. */
export interface ScheduleTimes {
  /** Once, this many milliseconds from now. */
  readonly inMs?: number
  /** Once, at this time: ISO 8601 with an offset or `Z`. */
  readonly at?: string
  /** Repeatedly, this many milliseconds apart, first after one interval. */
  readonly everyMs?: number
  /** Repeatedly, by a cron pattern of five fields (or six, seconds first). */
  readonly cron?: string
  /** The IANA name of the pattern's time zone. Default UTC. */
  readonly timeZone?: string
  /** No due time is later than this: ISO 8601. */
  readonly until?: string
}

/** A shorter interval would be a busy loop of turns. */
const SHORTEST_MS = 1_000
const HOUR_MS = 3_600_000
/** Where a clock was set back by less than this, due times at fixed times are not repeated. */
const CORRECTION_MS = 3 * HOUR_MS

/** The rule that these parameters give, and its first due time. `invalid-params` names the field that is wrong. */
export function ruleOf(times: ScheduleTimes, now: number): { readonly rule: ScheduleRule; readonly dueAt: number } {
  const given = (['inMs', 'at', 'everyMs', 'cron'] as const).filter(name => times[name] !== undefined)
  if (given.length !== 1) {
    throw invalid('inMs', 'or at, everyMs or cron must be given, and only one of them')
  }
  if (times.timeZone !== undefined && times.cron === undefined) throw invalid('timeZone', 'belongs to a cron pattern')
  const rule = bareRule(times, now)
  const until = times.until === undefined ? undefined : instant('until', times.until)
  const whole: ScheduleRule = until === undefined ? rule : { ...rule, until }
  const dueAt = whole.type === 'once' ? whole.at : nextDue(whole, now)
  if (dueAt === undefined) throw invalid(given[0] ?? 'at', 'is never due')
  return { rule: whole, dueAt }
}

/** When the rule is due next after `after` (ms since the epoch); undefined when it never is. */
export function nextDue(rule: ScheduleRule, after: number): number | undefined {
  const next = bareNext(rule, after)
  return next === undefined || (rule.until !== undefined && next > rule.until) ? undefined : next
}

/** How many due times there were after `dueAt` and up to `now`: those missed besides `dueAt` itself. */
export function missedSince(rule: ScheduleRule, dueAt: number, now: number, most = 1_000): number {
  if (rule.type === 'every') return Math.min(most, Math.max(0, Math.floor((now - dueAt) / rule.everyMs)))
  let missed = 0
  for (let at = nextDue(rule, dueAt); at !== undefined && at <= now && missed < most; at = nextDue(rule, at)) missed++
  return missed
}

function bareRule(times: ScheduleTimes, now: number): ScheduleRule {
  const { inMs, at, everyMs, cron } = times
  if (inMs !== undefined) {
    demandDurations({ inMs })
    return { type: 'once', at: Math.ceil(now + inMs), inMs }
  }
  if (at !== undefined) return { type: 'once', at: instant('at', at) }
  if (everyMs !== undefined) {
    demandDurations({ everyMs }, { leastMs: SHORTEST_MS })
    return { type: 'every', everyMs, from: now }
  }
  const rule = { type: 'cron', pattern: cron ?? '', timeZone: times.timeZone ?? 'UTC' } as const
  checkCron(rule.pattern, rule.timeZone)
  return rule
}

/**
 * The new due time where `dueAt` was computed before the clock was set back; undefined if it stays. A repeated
 * schedule goes on from now, a little later than it would have; one that waits for a span of time waits that span
 * from now.
 */
export function dueAfterSetback(rule: ScheduleRule, dueAt: number, now: number): number | undefined {
  const next = nextFrom(rule, dueAt, now)
  return next !== undefined && next < dueAt ? next : undefined
}

function nextFrom(rule: ScheduleRule, dueAt: number, now: number): number | undefined {
  if (rule.type === 'once') return rule.inMs === undefined ? undefined : now + rule.inMs
  if (rule.type === 'every') return nextDue(rule, now + rule.everyMs / 2)
  const next = nextDue(rule, now)
  const second = next === undefined ? undefined : nextDue(rule, next)
  if (next === undefined || second === undefined) return next
  const isOften = second - next <= HOUR_MS
  if (isOften) return nextDue(rule, now + (second - next) / 2)
  // Not earlier than its last certain due time, unless the clock was wrong then.
  return lastBefore(rule, dueAt, next) - now > CORRECTION_MS ? next : undefined
}

/**
 * The newest due time from `first` on that is before `dueAt`, searched only as far as needed to tell a correction
 * from a wrong clock.
 */
function lastBefore(rule: ScheduleRule, dueAt: number, first: number): number {
  let last = first
  for (let at: number | undefined = first; at !== undefined && at < dueAt; at = nextDue(rule, at)) {
    last = at
    if (last - first > CORRECTION_MS) break
  }
  return last
}

function bareNext(rule: ScheduleRule, after: number): number | undefined {
  switch (rule.type) {
    case 'once':
      return rule.at > after ? rule.at : undefined
    case 'every':
      return rule.from + (Math.floor((after - rule.from) / rule.everyMs) + 1) * rule.everyMs
    case 'cron':
      return nextLocalTime(rule.pattern, rule.timeZone, after)
  }
}

function checkCron(pattern: string, timeZone: string): void {
  if (!isTimeZone(timeZone)) throw invalid('timeZone', `${JSON.stringify(timeZone)} is no IANA time zone`)
  try {
    nextLocalTime(pattern, timeZone, 0)
  } catch (error) {
    throw invalid('cron', `is no cron pattern: ${messageOf(error)}`)
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function instant(field: string, text: string): number {
  const at = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (!(at >= 0 && at <= LATEST_TIME))
    throw invalid(field, `must be a time such as 2026-11-21T08:00:00Z, not ${JSON.stringify(text)}`)
  return at
}

function invalid(path: string, message: string): MeerkatError {
  return new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
}
