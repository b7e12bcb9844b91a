import { expect, test } from 'vitest'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import type { SpawnsInput } from '../../../src/kernel/mob/spawns/input.ts'
import { endpoint, identity, MobPlay, runtimeId, spawn } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

type Type = SpawnsInput['type']
type Row = Table<'row', Type, MobPhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const of = (name: string) => ({ identity: identity(name), runtimeId: runtimeId(`${name}1`) })
const first = { fence: 1, generation: 1 }
const opened = { identity: identity('opened') }
const EXAMPLES = {
  AuthorizeSpawnProfile: {
    type: 'AuthorizeSpawnProfile',
    identity: identity('new'),
    profile: 'worker',
    digest: 'd',
    addressable: false,
  },
  BeginSpawnExec: {
    type: 'BeginSpawnExec',
    ...of('authorized'),
    ...first,
    digest: 'd',
    addressable: false,
    mode: 'autonomousHost',
  },
  Respawn: { type: 'Respawn', identity: identity('left'), runtimeId: runtimeId('left2'), mode: 'autonomousHost' },
  CommitSpawnMembership: { type: 'CommitSpawnMembership', ...of('opened'), ...first },
  CommitSpawnActivation: { type: 'CommitSpawnActivation', identity: identity('joined') },
  AbortSpawnExec: { type: 'AbortSpawnExec', ...opened },
  CancelPendingSpawn: { type: 'CancelPendingSpawn', ...opened },
} as const
/** One who left, one who may be spawned, one whose spawn is opened, and one who is not yet activated. */
const SPAWNS: readonly MobInput[] = [
  ...spawn('left'),
  { type: 'ObserveRuntimeRetired', runtimeId: runtimeId('left1'), fence: 1 },
  ...spawn('authorized').slice(0, 1),
  ...spawn('opened').slice(0, 2),
  ...spawn('joined').slice(0, 3),
]

const outside = (name: string): MobInput => ({
  type: 'WireExternalPeer',
  identity: identity('a'),
  external: identity(name),
  endpoint: endpoint('p'),
})

const running: Row = {
  AuthorizeSpawnProfile: 'stays',
  BeginSpawnExec: 'stays',
  Respawn: 'stays',
  CommitSpawnMembership: 'stays',
  CommitSpawnActivation: 'stays',
  AbortSpawnExec: 'stays',
  CancelPendingSpawn: 'stays',
}
/** What was begun can still be finished or given up. */
const resting: Row = {
  AuthorizeSpawnProfile: NO,
  BeginSpawnExec: NO,
  Respawn: NO,
  CommitSpawnMembership: NO,
  CommitSpawnActivation: 'stays',
  AbortSpawnExec: 'stays',
  CancelPendingSpawn: 'stays',
}

test('every input in every phase', () => {
  const { BeginSpawnExec, Respawn, CommitSpawnMembership } = EXAMPLES
  const sessions = {
    running: workingAfter(...SPAWNS),
    stopped: workingAfter(...SPAWNS, { type: 'Stop' }),
    completed: workingAfter(...SPAWNS, { type: 'Complete' }),
    // Nobody destroys a mob while a spawn is open.
    destroyed: mobsAfter(...SPAWNS, EXAMPLES.AbortSpawnExec).destroyed,
    'running, nobody coordinates': workingAfter(...SPAWNS, { type: 'UnbindCoordinator' }),
    'running, all begun': workingAfter(...SPAWNS, BeginSpawnExec, Respawn, CommitSpawnMembership),
    'running, their names are taken outside': workingAfter(...SPAWNS, ...['authorized', 'left'].map(outside)),
    'running, without members': new MobPlay(),
  }
  const expected: Table<keyof typeof sessions, Type, MobPhase> = {
    running,
    stopped: resting,
    completed: resting,
    destroyed: { ...resting, AbortSpawnExec: NO, CancelPendingSpawn: NO },
    'running, nobody coordinates': { ...running, BeginSpawnExec: FALSE, Respawn: FALSE },
    'running, all begun': {
      ...running,
      BeginSpawnExec: FALSE,
      Respawn: FALSE,
      CommitSpawnMembership: FALSE,
      AbortSpawnExec: FALSE,
      CancelPendingSpawn: FALSE,
    },
    'running, their names are taken outside': { ...running, BeginSpawnExec: FALSE, Respawn: FALSE },
    'running, without members': {
      ...running,
      BeginSpawnExec: FALSE,
      Respawn: FALSE,
      CommitSpawnMembership: FALSE,
      AbortSpawnExec: FALSE,
      CancelPendingSpawn: FALSE,
    },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
