/** When a schedule is due: the rule it was made with, and the next time after any given one. */
import { Cron } from 'croner'
import { MeerkatError } from '../errors.ts'
import type { ScheduleRule } from '../store/records.ts'

/** How a caller says when: exactly one of `in`, `at`, `every` and `cron`. */
export interface ScheduleTimes {
  /** Once, this many milliseconds from now. */
  readonly inMs?: number
  /** Once, then: ISO 8601 with an offset or `Z`. */
  readonly at?: string
  /** Again and again, this many milliseconds apart, first one interval from now. */
  readonly everyMs?: number
  /** Again and again by a cron pattern of five fields (or six, seconds first). */
  readonly cron?: string
  /** IANA name of the zone that the pattern speaks of. Default UTC. */
  readonly timeZone?: string
  /** Nothing is due after this: ISO 8601. */
  readonly until?: string
}

/** An interval shorter than this would be a busy loop of turns. */
const SHORTEST_MS = 1_000

/** The rule that a caller's words come to, and when it is due first. `invalid-params` names the word that is wrong. */
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

/** How many times the rule was due after `dueAt` and up to `now`: those that were missed besides the first. */
export function missedSince(rule: ScheduleRule, dueAt: number, now: number, most = 1_000): number {
  if (rule.type === 'every') return Math.min(most, Math.max(0, Math.floor((now - dueAt) / rule.everyMs)))
  let missed = 0
  for (let at = nextDue(rule, dueAt); at !== undefined && at <= now && missed < most; at = nextDue(rule, at)) missed++
  return missed
}

function bareRule(times: ScheduleTimes, now: number): ScheduleRule {
  const { inMs, at, everyMs, cron } = times
  if (inMs !== undefined) return { type: 'once', at: now + inMs }
  if (at !== undefined) return { type: 'once', at: instant('at', at) }
  if (everyMs !== undefined) {
    if (everyMs < SHORTEST_MS) throw invalid('everyMs', `must be at least ${SHORTEST_MS}`)
    return { type: 'every', everyMs, from: now }
  }
  const rule = { type: 'cron', pattern: cron ?? '', timeZone: times.timeZone ?? 'UTC' } as const
  checkCron(rule.pattern, rule.timeZone)
  return rule
}

function bareNext(rule: ScheduleRule, after: number): number | undefined {
  switch (rule.type) {
    case 'once':
      return rule.at > after ? rule.at : undefined
    case 'every':
      return rule.from + (Math.floor((after - rule.from) / rule.everyMs) + 1) * rule.everyMs
    case 'cron':
      return parsed(rule.pattern, rule.timeZone).nextRun(new Date(after))?.getTime()
  }
}

function checkCron(pattern: string, timeZone: string): void {
  if (!isTimeZone(timeZone)) throw invalid('timeZone', `${JSON.stringify(timeZone)} is no IANA time zone`)
  try {
    parsed(pattern, timeZone)
  } catch (error) {
    throw invalid('cron', `is no cron pattern: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function parsed(pattern: string, timezone: string): Cron {
  return new Cron(pattern, { timezone, paused: true })
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
  if (Number.isNaN(at)) throw invalid(field, `must be a time such as 2026-11-21T08:00:00Z, not ${JSON.stringify(text)}`)
  return at
}

function invalid(path: string, message: string): MeerkatError {
  return new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
}
