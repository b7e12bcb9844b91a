/**
 * Schedules: timers and recurring wake-ups, each of which offers the session an input when it is due.
 *
 * Enforces: a schedule fires only if its input is admitted, never before it is due, and each firing moves it to a later
 * time or ends it; missed times and an unfinished previous input are handled by its policies. It reads no clock and no
 * calendar: the runtime gives the time and the next due time. A firing and the acceptance of its input belong in one
 * transaction.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId, ScheduleId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { rowsAbout, type Tagged } from '../../region.ts'
import { admitsWork, isRegistered, notDraining } from '../guards.ts'
import { notRetiring } from '../ledger/admission.ts'
import { entryOf } from '../ledger/state.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { OPEN } from '../phases.ts'
import { schedulesCodec } from './codec.ts'
import type { ScheduleEnd } from './effect.ts'
import type { FireSchedule, SchedulesInput } from './input.ts'
import { schedulesInWords } from './key.ts'
import { type ScheduleEntry, type Schedules, schedulesOf } from './state.ts'

type WithSchedule = { readonly scheduleId: ScheduleId }

function knownSchedule({ schedules: s }: CoreFacts, { scheduleId }: WithSchedule): ScheduleEntry | undefined {
  return mapGet(s.entries, scheduleId)
}
function isNewSchedule(state: CoreFacts, input: WithSchedule): boolean {
  return knownSchedule(state, input) === undefined
}
function isDue(state: CoreFacts, input: FireSchedule): boolean {
  const entry = knownSchedule(state, input)
  return entry !== undefined && entry.paused !== true && entry.dueAt <= input.at
}
const isLate = ({ missed = 0 }: FireSchedule): boolean => missed > 0
/** Whether the firing moves the schedule on: beyond now, or, if each missed time fires, beyond the one that fires. */
function leadsOn(state: CoreFacts, input: FireSchedule): boolean {
  const entry = knownSchedule(state, input)
  if (entry === undefined || input.nextDueAt === undefined) return true
  if (!entry.recurring) return false
  return input.nextDueAt > (entry.misfire === 'all' && isLate(input) ? entry.dueAt : input.at)
}
function isMisfire(state: CoreFacts, input: FireSchedule): boolean {
  return isLate(input) && knownSchedule(state, input)?.misfire === 'skip'
}
function overlaps(state: CoreFacts, input: FireSchedule): boolean {
  return knownSchedule(state, input)?.overlap === 'skip' && unfinishedBefore(state, input) !== undefined
}
/** Whether the session has room for one more unfinished input; until then the schedule waits. */
function hasRoom({ ledger }: CoreFacts, { mostUnfinished }: FireSchedule): boolean {
  return mostUnfinished === undefined || ledger.entries.size < mostUnfinished
}
/** The input of the previous firing, if it has not ended. */
function unfinishedBefore(state: CoreFacts, input: WithSchedule): InputId | undefined {
  const last = knownSchedule(state, input)?.lastInput
  return last === undefined ? undefined : entryOf(state.ledger, last)?.id
}

/** When the next schedule of this session is due, ms since the epoch; undefined if none could fire. */
export function nextDueAt(state: CoreFacts): number | undefined {
  const { schedules: slice } = state
  if (slice.entries.size === 0 || !admitsWork(state)) return undefined
  const known = EARLIEST.get(slice)
  if (known !== undefined) return known === NEVER ? undefined : known
  let next = NEVER
  for (const { dueAt, paused } of mapValues(slice.entries)) if (paused !== true && dueAt < next) next = dueAt
  EARLIEST.set(slice, next)
  return next === NEVER ? undefined : next
}

/** Cache of `nextDueAt`, which is read after every commit of a session with perhaps thousands of schedules. Slices are immutable. */
const EARLIEST = new WeakMap<Schedules, number>()
const NEVER = Number.POSITIVE_INFINITY

/** The schedules that are due, the earliest first. */
export function dueSchedules(state: CoreFacts, now: number): readonly ScheduleEntry[] {
  const { entries } = state.schedules
  if (entries.size === 0 || !admitsWork(state)) return []
  return [...mapValues(entries)]
    .filter(entry => entry.paused !== true && entry.dueAt <= now)
    .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
}

const put = (slice: Schedules, entry: ScheduleEntry): Schedules => ({ entries: mapSet(slice.entries, entry.id, entry) })
const remove = (slice: Schedules, { scheduleId }: WithSchedule): Schedules => ({
  entries: mapDelete(slice.entries, scheduleId),
})

function create(slice: Schedules, input: Extract<SchedulesInput, { type: 'CreateSchedule' }>): Schedules {
  const { scheduleId: id, dueAt, recurring, overlap = 'skip', misfire = 'once' } = input
  return put(slice, { id, dueAt, recurring, overlap, misfire })
}

function update(
  slice: Schedules,
  input: Extract<SchedulesInput, { type: 'UpdateSchedule' }>,
  _: CoreFacts,
  { paused: wasPaused, ...rest }: ScheduleEntry,
): Schedules {
  const { paused = wasPaused, dueAt, recurring, overlap, misfire } = input
  return put(slice, {
    ...rest,
    ...(dueAt !== undefined && { dueAt }),
    ...(recurring !== undefined && { recurring }),
    ...(overlap !== undefined && { overlap }),
    ...(misfire !== undefined && { misfire }),
    ...(paused && { paused }),
  })
}

/** Moves the schedule to its next due time, or ends it. */
const passOn =
  (fired: boolean) =>
  (slice: Schedules, input: FireSchedule, _: CoreFacts, entry: ScheduleEntry): Schedules => {
    if (input.nextDueAt === undefined) return remove(slice, input)
    const next = { ...entry, dueAt: input.nextDueAt }
    return put(slice, fired ? { ...next, lastInput: input.inputId } : next)
  }

const NONE: Schedules = { entries: emptyMap() }
function dropAll(slice: Schedules): Schedules {
  return slice.entries.size === 0 ? slice : NONE
}

function fired(_: CoreFacts, input: FireSchedule, before: CoreFacts, { overlap, dueAt }: ScheduleEntry): CoreEffect {
  const { scheduleId, inputId } = input
  const replaces = overlap === 'replace' ? unfinishedBefore(before, input) : undefined
  return { type: 'ScheduleFired', scheduleId, inputId, dueAt, ...(replaces && { replaces }) }
}
const skipped =
  (reason: 'overlap' | 'misfire') =>
  (_: CoreFacts, { scheduleId }: FireSchedule, __: CoreFacts, { dueAt }: ScheduleEntry): CoreEffect => ({
    type: 'ScheduleSkipped',
    scheduleId,
    dueAt,
    reason,
  })
function done(_: CoreFacts, { scheduleId, nextDueAt: next }: FireSchedule): readonly CoreEffect[] {
  return next === undefined ? [{ type: 'ScheduleEnded', scheduleId, reason: 'done' }] : []
}
const REASONS: Readonly<Record<string, ScheduleEnd>> = {
  Retire: 'retired',
  Destroy: 'destroyed',
  UnregisterSession: 'unregistered',
  RegisterSession: 'new-identity',
}
function allEnded(_: CoreFacts, { type }: Tagged, before: CoreFacts): readonly CoreEffect[] {
  const reason = REASONS[type]
  if (reason === undefined || before.schedules.entries.size === 0) return []
  return schedulesOf(before.schedules).map(({ id }) => ({ type: 'ScheduleEnded', scheduleId: id, reason }))
}

/** Phases that keep schedules; a stopped session keeps them for its resume. */
const HOLDING: readonly LifecyclePhase[] = [...OPEN, 'stopped']
const aboutSchedule = rowsAbout<CoreFacts, Schedules, CoreEffect, LifecyclePhase>()
const COMMON = [admitsWork, isDue, leadsOn]

export const schedules: CoreRegion<'schedules', LifecyclePhase> = {
  name: 'schedules',
  about: 'Timers and recurring wake-ups: when they are due, and whether a due one offers its input.',
  initial: NONE,
  codec: schedulesCodec,
  key: schedulesInWords,
  phaseOf: state => state.lifecycle.phase,
  phases: HOLDING,
  on: {
    CreateSchedule: [
      {
        name: 'created',
        from: HOLDING,
        when: [isRegistered, notDraining, notRetiring, isNewSchedule],
        then: create,
      },
    ],
    UpdateSchedule: [aboutSchedule({ name: 'updated', from: HOLDING, about: knownSchedule, then: update })],
    CancelSchedule: [
      aboutSchedule({
        name: 'cancelled',
        from: HOLDING,
        about: knownSchedule,
        then: remove,
        emit: [(_, { scheduleId }) => ({ type: 'ScheduleEnded', scheduleId, reason: 'cancelled' })],
      }),
    ],
    FireSchedule: [
      aboutSchedule({
        name: 'skipped-misfire',
        from: OPEN,
        about: knownSchedule,
        when: [...COMMON, isMisfire],
        then: passOn(false),
        emit: [skipped('misfire'), done],
      }),
      aboutSchedule({
        name: 'skipped-overlap',
        from: OPEN,
        about: knownSchedule,
        when: [...COMMON, overlaps],
        then: passOn(false),
        emit: [skipped('overlap'), done],
      }),
      aboutSchedule({
        name: 'fired',
        from: OPEN,
        about: knownSchedule,
        when: [...COMMON, hasRoom],
        then: passOn(true),
        emit: [fired, done],
      }),
    ],
  },
  // A reset or a recycle does not touch schedules.
  lives: { session: { then: dropAll, emit: [allEnded] } },
  follow: { Retire: { then: dropAll, emit: [allEnded] } },
  invariants: [
    {
      id: 'schedules-need-a-session-that-goes-on',
      text: 'a session that is unregistered, retired, retiring or destroyed has no schedule',
      holds: s =>
        s.schedules.entries.size === 0 ||
        (isRegistered(s) && notRetiring(s) && s.lifecycle.phase !== 'retired' && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
