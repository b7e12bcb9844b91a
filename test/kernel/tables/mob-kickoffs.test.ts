import { expect, test } from 'vitest'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { KickoffsInput } from '../../../src/kernel/mob/kickoffs/input.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { aRetired, identity, MobPlay, retireA, runtimeId } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = KickoffsInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const ofA = { identity: identity('a'), runtimeId: runtimeId('a1'), fence: 1 }
const EXAMPLES = {
  MarkKickoffPending: { type: 'MarkKickoffPending', ...ofA },
  MarkKickoffStarting: { type: 'MarkKickoffStarting', ...ofA },
  MarkKickoffCallbackPending: { type: 'MarkKickoffCallbackPending', ...ofA },
  MarkKickoffStarted: { type: 'MarkKickoffStarted', ...ofA },
  MarkKickoffFailed: { type: 'MarkKickoffFailed', ...ofA, error: 'because' },
  CancelKickoff: { type: 'CancelKickoff', ...ofA },
} as const
const { MarkKickoffPending, MarkKickoffStarting, MarkKickoffCallbackPending, MarkKickoffStarted } = EXAMPLES
const PENDING: readonly MobInput[] = [MarkKickoffPending]
const STARTING: readonly MobInput[] = [...PENDING, MarkKickoffStarting]
const WAITING: readonly MobInput[] = [...STARTING, MarkKickoffCallbackPending]

const refused: Row = {
  MarkKickoffPending: FALSE,
  MarkKickoffStarting: FALSE,
  MarkKickoffCallbackPending: FALSE,
  MarkKickoffStarted: FALSE,
  MarkKickoffFailed: FALSE,
  CancelKickoff: FALSE,
}
const none: Row = { ...refused, MarkKickoffPending: 'stays' }
const pending: Row = { ...refused, MarkKickoffStarting: 'stays', MarkKickoffFailed: 'stays', CancelKickoff: 'stays' }
const starting: Row = {
  ...refused,
  MarkKickoffCallbackPending: 'stays',
  MarkKickoffStarted: 'stays',
  MarkKickoffFailed: 'stays',
  CancelKickoff: 'stays',
}
const over: Row = { ...refused, CancelKickoff: 'stays' }

test('every input in every phase', () => {
  const sessions = {
    running: workingAfter(),
    stopped: workingAfter(...STARTING, { type: 'Stop' }),
    completed: workingAfter(...STARTING, { type: 'Complete' }),
    // Nobody destroys a mob under a kickoff.
    destroyed: mobsAfter().destroyed,
    'running, pending': workingAfter(...PENDING),
    'running, starting': workingAfter(...STARTING),
    'running, waiting for an answer': workingAfter(...WAITING),
    'running, started': workingAfter(...WAITING, MarkKickoffStarted),
    'running, failed': workingAfter(...PENDING, EXAMPLES.MarkKickoffFailed),
    'running, cancelled': workingAfter(...PENDING, EXAMPLES.CancelKickoff),
    'running, its member is to leave': workingAfter(retireA),
    'running, its member was to leave meanwhile': workingAfter(...STARTING, retireA),
    'running, its member has left': workingAfter(...STARTING, aRetired),
    'running, without members': new MobPlay(),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running: none,
    stopped: { ...starting, MarkKickoffPending: NO },
    completed: { ...starting, MarkKickoffPending: NO },
    destroyed: {
      MarkKickoffPending: NO,
      MarkKickoffStarting: NO,
      MarkKickoffCallbackPending: NO,
      MarkKickoffStarted: NO,
      MarkKickoffFailed: NO,
      CancelKickoff: NO,
    },
    'running, pending': pending,
    'running, starting': starting,
    'running, waiting for an answer': { ...starting, MarkKickoffCallbackPending: FALSE },
    'running, started': over,
    'running, failed': over,
    'running, cancelled': over,
    'running, its member is to leave': refused,
    'running, its member was to leave meanwhile': starting,
    'running, its member has left': refused,
    'running, without members': refused,
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
