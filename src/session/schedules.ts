/** Schedules, as people make them and read them. */
import { createHash } from 'node:crypto'
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { ScheduleId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { ScheduleEntry } from '../kernel/regions/schedules/state.ts'
import { schedulesOf } from '../kernel/regions/schedules/state.ts'
import { demandName } from '../names.ts'
import type { LetterId } from '../store/mail.ts'
import type { ScheduleRecord } from '../store/records.ts'
import type { ScheduleParams } from './api.ts'
import type { Core } from './core.ts'
import { digestOfJson } from './digest.ts'
import { demandTakable } from './inputs.ts'
import type { LiveSession } from './live-session.ts'
import { iso } from './reads.ts'
import { scheduleRecords } from './records.ts'
import { ruleOf } from './schedule-times.ts'
import type { ScheduleView } from './views.ts'

type Making = ScheduleParams & { readonly scheduleId: ScheduleId }

/**
 * The id of a new schedule. With an idempotency key it is derived from the key, so that a second call finds the first
 * schedule.
 */
export function scheduleIdFor(ids: Ids, sessionId: string, { idempotencyKey: key }: ScheduleParams): ScheduleId {
  if (key === undefined) return ids.schedule()
  demandName(key, 'the idempotency key')
  const hex = createHash('sha256').update(`${sessionId}\0${key}`).digest('hex')
  // Formatted as a UUID of version 8, whose contents its maker defines.
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)]
  return parts.join('-') as ScheduleId
}

export async function makeSchedule(
  core: Core,
  live: LiveSession,
  params: Making,
  letter: LetterId | undefined,
): Promise<ScheduleView> {
  const { idempotencyKey: key } = params
  if (key === undefined) return makeNew(core, live, params, letter)
  return live.inKeyOrder([`schedule ${key}`], async () => {
    const [record] = await scheduleRecords(core.store, [params.scheduleId])
    if (record === undefined) return makeNew(core, live, params, letter)
    if (record.digest === digestOf(params)) return viewOf(record, mapGet(live.state.schedules.entries, record.id))
    const message = `idempotency key "${key}" is bound to another schedule (${record.id}); use a new key for a new one`
    throw new MeerkatError('idempotency-conflict', message, { details: { key, scheduleId: record.id } })
  })
}

/** Identifies the parameters that a schedule was made with. */
function digestOf({ scheduleId: _, idempotencyKey: __, ...said }: Making): string {
  return digestOfJson(said)
}

async function makeNew(
  core: Core,
  live: LiveSession,
  params: Making,
  letter: LetterId | undefined,
): Promise<ScheduleView> {
  const { scheduleId: id, idempotencyKey: key, content, title, overlap, misfire, ...times } = params
  demandTakable(live, content)
  const now = core.clock.now()
  const { rule, dueAt } = ruleOf(times, now)
  const digest = key === undefined ? undefined : digestOf(params)
  const record: ScheduleRecord = { id, at: now, rule, content, ...defined({ title, digest }) }
  await live.driver.mutate(tx => {
    tx.performs(letter)
    const recurring = rule.type !== 'once'
    tx.step({ type: 'CreateSchedule', scheduleId: id, dueAt, recurring, ...defined({ overlap, misfire }) })
    tx.parts.schedules.push(record)
    tx.parts.opened.push(id)
    tx.event({ type: 'schedule.created', data: { scheduleId: id, dueAt: iso(dueAt), ...defined({ title }) } })
  })
  return viewOf(record, mapGet(live.state.schedules.entries, id))
}

/** A schedule that was made, also where it has ended since. */
export async function scheduleView(core: Core, sessionId: string, id: ScheduleId): Promise<ScheduleView> {
  const [record] = await scheduleRecords(core.store, [id])
  if (record === undefined) throw new MeerkatError('not-found', `schedule ${id} was made, and its record is gone`)
  return viewOf(record, mapGet((await core.state(sessionId)).schedules.entries, id))
}

export async function dropSchedule(
  _: Core,
  live: LiveSession,
  { scheduleId }: { readonly scheduleId: ScheduleId },
  letter: LetterId | undefined,
): Promise<boolean> {
  return live.driver.mutate(tx => {
    tx.performs(letter)
    return tx.try({ type: 'CancelSchedule', scheduleId }).ok
  })
}

export async function scheduleViews(core: Core, sessionId: string): Promise<readonly ScheduleView[]> {
  const { schedules } = await core.state(sessionId)
  const entries = schedulesOf(schedules)
  const records = await scheduleRecords(
    core.store,
    entries.map(({ id }) => id),
  )
  return records.map(record => viewOf(record, mapGet(schedules.entries, record.id)))
}

function viewOf({ id, at, title, rule, content }: ScheduleRecord, entry: ScheduleEntry | undefined): ScheduleView {
  return {
    id,
    content,
    rule: ruleView(rule),
    overlap: entry?.overlap ?? 'skip',
    misfire: entry?.misfire ?? 'once',
    createdAt: iso(at),
    ...defined({ title, nextDueAt: entry && iso(entry.dueAt), lastInputId: entry?.lastInput }),
  }
}

function ruleView(rule: ScheduleRecord['rule']): ScheduleView['rule'] {
  const until = rule.until === undefined ? {} : { until: iso(rule.until) }
  switch (rule.type) {
    case 'once':
      return { type: 'once', at: iso(rule.at), ...until }
    case 'every':
      return { type: 'every', everyMs: rule.everyMs, from: iso(rule.from), ...until }
    case 'cron':
      return { type: 'cron', pattern: rule.pattern, timeZone: rule.timeZone, ...until }
  }
}
