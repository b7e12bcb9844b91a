import { expect, test } from 'vitest'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import type { WorkInput } from '../../../src/kernel/mob/work/input.ts'
import { identity, MobPlay, retireA, runtimeId, sessionId, workId } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = WorkInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const server = { runtimeId: runtimeId('a1'), fence: 1 }
const EXAMPLES = {
  SubmitWork: { type: 'SubmitWork', identity: identity('a'), ...server, workId: workId('new'), origin: 'external' },
  ResolveRuntimeIngressRefusal: {
    type: 'ResolveRuntimeIngressRefusal',
    ...server,
    sessionId: sessionId('s'),
    workId: workId('w'),
    origin: 'external',
    code: 'full',
    reason: 'no room',
  },
  ObserveWorkSettled: { type: 'ObserveWorkSettled', ...server, workId: workId('w') },
  CancelAllWork: { type: 'CancelAllWork', identity: identity('a'), ...server },
} as const
const WORK: MobInput = { ...EXAMPLES.SubmitWork, workId: workId('w') }

const running: Row = {
  SubmitWork: 'stays',
  ResolveRuntimeIngressRefusal: 'stays',
  ObserveWorkSettled: 'stays',
  CancelAllWork: 'stays',
}
/** Nothing is begun, and what was begun comes to its end. */
const resting: Row = { ...running, SubmitWork: NO, CancelAllWork: NO }

test('every input in every phase', () => {
  const sessions = {
    ...mobsAfter(WORK),
    'running, submitted again': workingAfter(WORK, EXAMPLES.SubmitWork),
    'running, all done': workingAfter(WORK, EXAMPLES.ObserveWorkSettled),
    'running, its member leaves': workingAfter(WORK, retireA),
    'running, without members': new MobPlay(),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running,
    stopped: resting,
    completed: resting,
    destroyed: { SubmitWork: NO, ResolveRuntimeIngressRefusal: NO, ObserveWorkSettled: NO, CancelAllWork: NO },
    'running, submitted again': running,
    'running, all done': { ...running, ResolveRuntimeIngressRefusal: FALSE, ObserveWorkSettled: FALSE },
    'running, its member leaves': { ...running, SubmitWork: FALSE },
    'running, without members': {
      SubmitWork: FALSE,
      ResolveRuntimeIngressRefusal: FALSE,
      ObserveWorkSettled: FALSE,
      CancelAllWork: FALSE,
    },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
