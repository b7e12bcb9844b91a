import type { LifecyclePhase, MeerkatInput } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { SchedulesInput } from '../../../src/kernel/regions/schedules/input.ts'
import { attached, inputId, type Play, scheduleId } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const daily = { scheduleId: scheduleId('daily') }
const EXAMPLES = {
  CreateSchedule: { type: 'CreateSchedule', scheduleId: scheduleId('new'), dueAt: 10, recurring: false },
  UpdateSchedule: { type: 'UpdateSchedule', ...daily, paused: true },
  CancelSchedule: { type: 'CancelSchedule', ...daily },
  FireSchedule: { type: 'FireSchedule', ...daily, at: 10, inputId: inputId('f'), nextDueAt: 20 },
} as const
const CREATE: MeerkatInput = { type: 'CreateSchedule', ...daily, dueAt: 10, recurring: true }

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(CREATE, ...inputs)
  return play
}
function retiring(): Play {
  const play = served()
  play.accept('i')
  play.prepare('r')
  play.do({ type: 'Retire' })
  return play
}

test('every input in every phase: a schedule is kept while the session may go on, and fires where it takes inputs', () => {
  const sessions = {
    ...livesAfter(CREATE),
    'attached, paused': served(EXAMPLES.UpdateSchedule),
    'attached, to be stopped': served({ type: 'StopRuntimeExecutor', reason: 'test' }),
    'running, to be retired': retiring(),
    'idle, let go': tornDown(CREATE),
  }
  const kept = { CreateSchedule: 'stays', UpdateSchedule: 'stays', CancelSchedule: 'stays' } as const
  const never = { CreateSchedule: NO, UpdateSchedule: NO, CancelSchedule: NO, FireSchedule: NO } as const
  const dropped = { CreateSchedule: FALSE, UpdateSchedule: FALSE, CancelSchedule: FALSE, FireSchedule: FALSE } as const
  const expected: Table<keyof typeof sessions, SchedulesInput['type'], LifecyclePhase> = {
    initializing: never,
    idle: { ...kept, FireSchedule: 'stays' },
    attached: { ...kept, FireSchedule: 'stays' },
    running: { ...kept, FireSchedule: 'stays' },
    retired: never,
    stopped: { ...kept, FireSchedule: NO },
    destroyed: never,
    'attached, paused': { ...kept, FireSchedule: FALSE },
    'attached, to be stopped': { ...kept, FireSchedule: FALSE },
    'running, to be retired': dropped,
    'idle, let go': dropped,
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})
