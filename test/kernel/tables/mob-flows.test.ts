import { expect, test } from 'vitest'
import type { FlowsInput } from '../../../src/kernel/mob/flows/input.ts'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { flowRunId, identity, retireA, step, stepId } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = FlowsInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const run = { runId: flowRunId('f') }
const targets = [identity('a')]
const begun = { ...run, stepId: stepId('begun') }
const ready = { ...run, stepId: stepId('ready') }
const EXAMPLES = {
  CreateRunSeed: { type: 'CreateRunSeed', runId: flowRunId('new'), steps: [step('1')] },
  RunFlow: { type: 'RunFlow', runId: flowRunId('seeded') },
  StartStep: { type: 'StartStep', ...ready, targets },
  CompleteStep: { type: 'CompleteStep', ...begun, attempt: 1 },
  FailStep: { type: 'FailStep', ...begun, attempt: 1, reason: 'because' },
  SkipStep: { type: 'SkipStep', ...ready },
  CancelFlow: { type: 'CancelFlow', ...run },
} as const
/** A run that waits to be started, and one with a step that goes on and one that may be started. */
const FLOWS: readonly MobInput[] = [
  { type: 'CreateRunSeed', runId: flowRunId('seeded'), steps: [step('1')] },
  { type: 'RunFlow', ...run, steps: [step('begun'), step('ready')] },
  { type: 'StartStep', ...begun, targets },
]

const running: Row = {
  CreateRunSeed: 'stays',
  RunFlow: 'stays',
  StartStep: 'stays',
  CompleteStep: 'stays',
  FailStep: 'stays',
  SkipStep: 'stays',
  CancelFlow: 'stays',
}
const resting: Row = {
  CreateRunSeed: NO,
  RunFlow: NO,
  StartStep: NO,
  CompleteStep: NO,
  FailStep: NO,
  SkipStep: NO,
  CancelFlow: NO,
}

test('every input in every phase', () => {
  const { CreateRunSeed, RunFlow, StartStep, CompleteStep, CancelFlow } = EXAMPLES
  const sessions = {
    running: workingAfter(...FLOWS),
    // A mob does not stop while a flow is unfinished.
    stopped: mobsAfter().stopped,
    completed: workingAfter(...FLOWS, { type: 'Complete' }),
    destroyed: workingAfter(...FLOWS, { type: 'Destroy' }),
    'running, nobody coordinates': workingAfter(...FLOWS, { type: 'UnbindCoordinator' }),
    'running, all begun': workingAfter(...FLOWS, CreateRunSeed, RunFlow, StartStep, CompleteStep),
    'running, cancelled': workingAfter(...FLOWS, CancelFlow),
    'running, its member leaves': workingAfter(...FLOWS, retireA),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running,
    stopped: resting,
    completed: resting,
    destroyed: resting,
    'running, nobody coordinates': { ...running, RunFlow: FALSE },
    'running, all begun': {
      CreateRunSeed: FALSE,
      RunFlow: FALSE,
      StartStep: FALSE,
      CompleteStep: FALSE,
      FailStep: FALSE,
      SkipStep: FALSE,
      CancelFlow: 'stays',
    },
    'running, cancelled': {
      ...running,
      StartStep: FALSE,
      CompleteStep: FALSE,
      FailStep: FALSE,
      SkipStep: FALSE,
      CancelFlow: FALSE,
    },
    'running, its member leaves': { ...running, StartStep: FALSE },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
