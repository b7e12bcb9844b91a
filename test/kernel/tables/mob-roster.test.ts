import { expect, test } from 'vitest'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import type { RosterInput } from '../../../src/kernel/mob/roster/input.ts'
import { endpoint, identity, MobPlay, runtimeId, sessionId, spawn } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = RosterInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const served = (name: string) => ({ runtimeId: runtimeId(`${name}1`), fence: 1 })
const refusal = (name: string, session: string) => ({
  identity: identity(name),
  runtimeId: runtimeId(`${name}1`),
  sessionId: sessionId(session),
  code: 'no',
  reason: 'because',
})
const retire = (name: string, session: string): Extract<MobInput, { type: 'Retire' }> => ({
  type: 'Retire',
  identity: identity(name),
  runtimeId: runtimeId(`${name}1`),
  generation: 1,
  sessionId: sessionId(session),
})
const EXAMPLES = {
  ObserveRuntimeReady: { type: 'ObserveRuntimeReady', ...served('placing') },
  ObserveRuntimeRetired: { type: 'ObserveRuntimeRetired', ...served('leaving') },
  PublishMemberEndpoint: {
    type: 'PublishMemberEndpoint',
    identity: identity('a'),
    ...served('a'),
    endpoint: endpoint('a'),
  },
  RestoreBinding: { type: 'RestoreBinding', identity: identity('a'), ...served('a') },
  Retire: retire('a', 's'),
  ResolveRuntimeBindingRefusal: { type: 'ResolveRuntimeBindingRefusal', ...refusal('placing', 'p') },
  ResolveRuntimeRetireRefusal: { type: 'ResolveRuntimeRetireRefusal', ...refusal('leaving', 'l') },
} as const
/** Besides `a`: one whose session is to be placed, and one who was asked to leave. */
const MEMBERS: readonly MobInput[] = [
  ...spawn('placing', { session: 'p' }),
  ...spawn('leaving', { session: 'l' }),
  retire('leaving', 'l'),
]

/** Sessions answer when they can: it does not matter what the mob is at. */
const living: Row = {
  ObserveRuntimeReady: 'stays',
  ObserveRuntimeRetired: 'stays',
  PublishMemberEndpoint: 'stays',
  RestoreBinding: 'stays',
  Retire: 'stays',
  ResolveRuntimeBindingRefusal: 'stays',
  ResolveRuntimeRetireRefusal: 'stays',
}
const unheardOf: Row = {
  ObserveRuntimeReady: FALSE,
  ObserveRuntimeRetired: FALSE,
  PublishMemberEndpoint: FALSE,
  RestoreBinding: FALSE,
  Retire: FALSE,
  ResolveRuntimeBindingRefusal: FALSE,
  ResolveRuntimeRetireRefusal: FALSE,
}

test('every input in every phase', () => {
  const { Retire, ResolveRuntimeBindingRefusal, ResolveRuntimeRetireRefusal } = EXAMPLES
  const sessions = {
    ...mobsAfter(...MEMBERS),
    'running, without members': new MobPlay(),
    'running, all asked to leave': workingAfter(...MEMBERS, Retire, retire('placing', 'p')),
    'running, refused': workingAfter(...MEMBERS, ResolveRuntimeBindingRefusal, ResolveRuntimeRetireRefusal),
    'running, after a reset': workingAfter(...MEMBERS, { type: 'Reset' }),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running: living,
    stopped: living,
    completed: { ...living, RestoreBinding: NO },
    destroyed: {
      ObserveRuntimeReady: NO,
      ObserveRuntimeRetired: NO,
      PublishMemberEndpoint: NO,
      RestoreBinding: NO,
      Retire: NO,
      ResolveRuntimeBindingRefusal: NO,
      ResolveRuntimeRetireRefusal: NO,
    },
    'running, without members': unheardOf,
    'running, all asked to leave': { ...living, RestoreBinding: FALSE },
    'running, refused': { ...living, ResolveRuntimeRetireRefusal: FALSE },
    'running, after a reset': unheardOf,
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
