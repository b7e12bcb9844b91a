/**
 * Spawning a member: a profile is authorised for an identity, an execution is opened, its membership committed, and the
 * member activated.
 *
 * Enforces: one spawn per identity at a time; only the authorised material is spawned; generations are consecutive and
 * fences rise; no identity joins twice. From the commit on the roster owns the member.
 */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { leftOrEnded, onDeparture } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import { isSessionDetached } from '../ingress/table.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import { coordinatorBound, LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import { memberOf, type WithIdentity } from '../roster/state.ts'
import type { MobState } from '../state.ts'
import type { Begin, CommitMembership, Numbers, Placed, Respawn } from './input.ts'
import type { AuthorizedProfile, Spawn, Spawns } from './state.ts'

const NONE: Spawns = { profiles: emptyMap(), open: emptyMap(), opened: 0 }

export function spawnOf({ spawns: slice }: Pick<MobState, 'spawns'>, { identity }: WithIdentity): Spawn | undefined {
  return mapGet(slice.open, identity)
}
function profileOf(state: MobState, { identity }: WithIdentity): AuthorizedProfile | undefined {
  return mapGet(state.spawns.profiles, identity)
}

function noSpawnInProgress(state: MobState, input: WithIdentity): boolean {
  return spawnOf(state, input) === undefined
}
function notYetMember(state: MobState, input: WithIdentity): boolean {
  return memberOf(state, input) === undefined
}
/** No other member has the runtime or the session, and the identity never had this runtime. */
function placementIsFree(state: MobState, { identity, runtimeId, sessionId }: Placed): boolean {
  const { roster } = state
  if (mapGet(roster.byRuntime, runtimeId) !== undefined) return false
  if (mapGet(roster.last, identity)?.runtimeId === runtimeId) return false
  if (sessionId === undefined) return true
  return mapGet(roster.bySession, sessionId) === undefined && isSessionDetached(state, sessionId)
}
/** No peer outside the mob has its name. */
function isNoExternalPeer({ wiring: { externals } }: MobState, { identity }: WithIdentity): boolean {
  return mapGet(externals, identity) === undefined
}
function isNextIncarnation({ roster }: MobState, { identity, fence, generation }: WithIdentity & Numbers): boolean {
  const last = mapGet(roster.last, identity)
  return generation === (last?.generation ?? 0) + 1 && fence > (last?.fence ?? 0)
}
function isAsAuthorized(state: MobState, input: Begin): boolean {
  const authorized = profileOf(state, input)
  return authorized?.digest === input.digest && authorized.addressable === input.addressable
}
function isAuthorized(state: MobState, input: WithIdentity): boolean {
  return profileOf(state, input) !== undefined
}
function hasPredecessor({ roster }: MobState, { identity }: WithIdentity): boolean {
  return mapGet(roster.last, identity) !== undefined
}
function openedSpawn(state: MobState, input: WithIdentity): Spawn | undefined {
  const spawn = spawnOf(state, input)
  return spawn?.phase === 'opened' ? spawn : undefined
}
function isAsOpened(state: MobState, input: CommitMembership): boolean {
  const spawn = spawnOf(state, input)
  return (
    spawn?.runtimeId === input.runtimeId &&
    spawn.fence === input.fence &&
    spawn.generation === input.generation &&
    spawn.sessionId === input.sessionId
  )
}
function committedSpawn(state: MobState, input: WithIdentity): Spawn | undefined {
  const spawn = spawnOf(state, input)
  return spawn?.phase === 'membershipCommitted' ? spawn : undefined
}

type Begun = Pick<Spawn, 'identity' | 'runtimeId' | 'fence' | 'generation' | 'sessionId' | 'mode' | 'replaces'>

function opened(slice: Spawns, begun: Begun): Spawns {
  const { identity, runtimeId, fence, generation, mode, sessionId, replaces } = begun
  const authorized = mapGet(slice.profiles, identity)
  if (authorized === undefined) return slice
  const { profile, addressable } = authorized
  const spawn: Spawn = {
    phase: 'opened',
    identity,
    runtimeId,
    fence,
    generation,
    profile,
    mode,
    addressable,
    ...(sessionId !== undefined && { sessionId }),
    ...(replaces === true && { replaces }),
  }
  return { ...slice, open: mapSet(slice.open, identity, spawn), opened: slice.opened + 1 }
}
function respawn(slice: Spawns, input: Respawn, { roster }: MobState): Spawns {
  const last = mapGet(roster.last, input.identity)
  const next = { fence: (last?.fence ?? 0) + 1, generation: (last?.generation ?? 0) + 1 }
  return opened(slice, { ...input, ...next, replaces: true })
}
function commitMembership(slice: Spawns, { identity }: CommitMembership, _: MobState, spawn: Spawn): Spawns {
  const open = mapSet(slice.open, identity, { ...spawn, phase: 'membershipCommitted' } as const)
  return { ...slice, open, opened: slice.opened - 1 }
}
function close(slice: Spawns, { identity }: WithIdentity): Spawns {
  const spawn = mapGet(slice.open, identity)
  if (spawn === undefined) return slice
  const open = mapDelete(slice.open, identity)
  return { ...slice, open, opened: spawn.phase === 'opened' ? slice.opened - 1 : slice.opened }
}

function spawnOpened(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const spawn = spawnOf(after, input)
  if (spawn === undefined) return []
  const { identity, runtimeId, fence, generation } = spawn
  return [{ type: 'SpawnOpened', identity, runtimeId, fence, generation }]
}

/** The shell need not go on preparing runtimes for them. */
function allAborted(_: MobState, __: unknown, { spawns: before }: MobState): readonly MobEffect[] {
  return [...mapValues(before.open)]
    .filter(({ phase }) => phase === 'opened')
    .map(({ identity }) => ({ type: 'SpawnAborted', identity, cause: 'canceled' }))
}
const givenUp = (cause: 'aborted' | 'canceled') => ({
  then: close,
  emit: [(_: MobState, { identity }: WithIdentity): MobEffect => ({ type: 'SpawnAborted', identity, cause })],
})

const departures = onDeparture<Spawns>((slice, { identity }) => close(slice, { identity }))

const aboutSpawn = rowsAbout<MobState, Spawns, MobEffect, MobPhase>()

export const spawns: MobRegion<'spawns'> = {
  name: 'spawns',
  about: 'How members are spawned: authorised, opened, committed, activated.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: [...LIVING, 'destroyed'],
  on: {
    AuthorizeSpawnProfile: [
      {
        name: 'authorized',
        from: ['running'],
        then: (slice, { identity, profile, digest, addressable }) => ({
          ...slice,
          profiles: mapSet(slice.profiles, identity, { profile, digest, addressable }),
        }),
      },
    ],
    BeginSpawnExec: [
      {
        name: 'opened',
        from: ['running'],
        when: [
          coordinatorBound,
          noSpawnInProgress,
          notYetMember,
          isNoExternalPeer,
          placementIsFree,
          isNextIncarnation,
          isAsAuthorized,
        ],
        then: opened,
        emit: [spawnOpened],
      },
    ],
    Respawn: [
      {
        name: 'opened',
        from: ['running'],
        when: [
          coordinatorBound,
          noSpawnInProgress,
          notYetMember,
          isNoExternalPeer,
          hasPredecessor,
          placementIsFree,
          isAuthorized,
        ],
        then: respawn,
        emit: [spawnOpened],
      },
    ],
    CommitSpawnMembership: [
      aboutSpawn({
        name: 'committed',
        from: ['running'],
        about: openedSpawn,
        // Its generation is still the next one, because no other spawn of the identity could be opened meanwhile.
        when: [isAsOpened, placementIsFree],
        then: commitMembership,
      }),
    ],
    CommitSpawnActivation: [
      aboutSpawn({ name: 'activated', from: LIVING, about: committedSpawn, then: close }),
      { name: 'nothing-to-activate', from: [...LIVING, 'destroyed'] },
    ],
    AbortSpawnExec: [aboutSpawn({ name: 'aborted', from: LIVING, about: openedSpawn, ...givenUp('aborted') })],
    CancelPendingSpawn: [aboutSpawn({ name: 'canceled', from: LIVING, about: openedSpawn, ...givenUp('canceled') })],
  },
  follow: {
    ...departures,
    Reset: { then: () => NONE, emit: [allAborted] },
    Destroy: { then: () => NONE },
    ObserveRuntimeDestroyed: leftOrEnded(departures.ObserveRuntimeDestroyed, { then: () => NONE, emit: [allAborted] }),
  },
  invariants: [
    {
      id: 'opened-spawns-are-counted',
      text: 'as many spawns have no member yet as are counted',
      holds: s => [...mapValues(s.spawns.open)].filter(({ phase }) => phase === 'opened').length === s.spawns.opened,
    },
  ],
}
