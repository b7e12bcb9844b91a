import { expect, test } from 'vitest'
import type { IngressInput } from '../../../src/kernel/mob/ingress/input.ts'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { aRetired, retireA, runtimeId, sessionId, spawn } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { workingAfter } from './mobs.ts'

type Type = IngressInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const EXAMPLES = {
  ObserveSessionIngressDetached: {
    type: 'ObserveSessionIngressDetached',
    sessionId: sessionId('s'),
    runtimeId: runtimeId('a1'),
  },
} as const
const RELEASED: readonly MobInput[] = [{ ...retireA, releasing: true }]
const DESTROYED: readonly MobInput[] = [
  ...spawn('b', { session: 't' }),
  ...RELEASED,
  { type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('b1'), fence: 1 },
]

const taken: Row = { ObserveSessionIngressDetached: 'stays' }
const refused: Row = { ObserveSessionIngressDetached: 'guard-rejected' }

test('every input in every phase', () => {
  const sessions = {
    running: workingAfter(...RELEASED),
    stopped: workingAfter(...RELEASED, { type: 'Stop' }),
    completed: workingAfter(...RELEASED, { type: 'Complete' }),
    destroyed: workingAfter(...DESTROYED),
    'running, its member has left': workingAfter(...RELEASED, aRetired),
    'running, reset': workingAfter(...RELEASED, { type: 'Reset' }),
    'running, detached already': workingAfter(...RELEASED, EXAMPLES.ObserveSessionIngressDetached),
    'running, nothing was released': workingAfter(retireA),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running: taken,
    stopped: taken,
    completed: taken,
    destroyed: taken,
    'running, its member has left': taken,
    'running, reset': taken,
    'running, detached already': refused,
    'running, nothing was released': refused,
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
