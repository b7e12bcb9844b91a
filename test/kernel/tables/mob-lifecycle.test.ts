import { expect, test } from 'vitest'
import type { MobLifecycleInput } from '../../../src/kernel/mob/lifecycle/input.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { flowRunId, retireA, runtimeId, spawn, step } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = MobLifecycleInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const EXAMPLES = {
  BindCoordinator: { type: 'BindCoordinator' },
  UnbindCoordinator: { type: 'UnbindCoordinator' },
  Stop: { type: 'Stop' },
  Resume: { type: 'Resume' },
  Complete: { type: 'Complete' },
  Reset: { type: 'Reset' },
  Destroy: { type: 'Destroy' },
  ObserveRuntimeDestroyed: { type: 'ObserveRuntimeDestroyed', runtimeId: runtimeId('a1'), fence: 1 },
} as const

const running: Row = {
  BindCoordinator: 'stays',
  UnbindCoordinator: 'stays',
  Stop: 'stopped',
  Resume: 'stays',
  Complete: 'completed',
  Reset: 'stays',
  Destroy: 'destroyed',
  ObserveRuntimeDestroyed: 'destroyed',
}

test('every input in every phase', () => {
  const sessions = {
    ...mobsAfter(),
    'running, at a flow': workingAfter({ type: 'RunFlow', runId: flowRunId('f'), steps: [step('1')] }),
    'running, with a spawn': workingAfter(...spawn('b').slice(0, 2)),
    'running, whoever it was has left': workingAfter({ type: 'Reset' }),
    'running, its session is given back': workingAfter({ ...retireA, releasing: true }),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running,
    stopped: {
      BindCoordinator: NO,
      UnbindCoordinator: NO,
      Stop: 'stays',
      Resume: 'running',
      Complete: NO,
      Reset: 'running',
      Destroy: 'destroyed',
      ObserveRuntimeDestroyed: 'destroyed',
    },
    completed: {
      BindCoordinator: NO,
      UnbindCoordinator: NO,
      Stop: NO,
      Resume: NO,
      Complete: 'stays',
      Reset: 'running',
      Destroy: 'destroyed',
      ObserveRuntimeDestroyed: 'destroyed',
    },
    destroyed: {
      BindCoordinator: NO,
      UnbindCoordinator: NO,
      Stop: NO,
      Resume: NO,
      Complete: NO,
      Reset: NO,
      Destroy: 'stays',
      ObserveRuntimeDestroyed: 'stays',
    },
    'running, at a flow': { ...running, Stop: FALSE },
    'running, with a spawn': { ...running, Destroy: FALSE },
    'running, whoever it was has left': { ...running, ObserveRuntimeDestroyed: FALSE },
    'running, its session is given back': { ...running, Destroy: FALSE, ObserveRuntimeDestroyed: 'stays' },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
