/**
 * How a member comes about: a profile is authorised for an identity, an execution is opened, its membership committed,
 * and it is activated.
 *
 * Enforces: one spawn per identity at a time; only what was authorised is spawned; generations come one after the other
 * and fences rise; nobody joins twice. The member itself is the roster's from the commit on.
 */
import type { AgentRuntimeId, SessionId } from '../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../persistent-map.ts'
import { leftOrEnded, onDeparture } from './departures.ts'
import type { MobEffect } from './effects.ts'
import type { AgentIdentity } from './ids.ts'
import { isSessionDetached } from './ingress.ts'
import { coordinatorBound, LIVING } from './lifecycle.ts'
import type { MobRegion, MobState } from './machine.ts'
import { type MemberFacts, memberOf, type RuntimeMode, type WithIdentity } from './members.ts'

/** What an identity may be spawned as. */
export interface AuthorizedProfile {
  readonly profile: string
  /** Of the material the profile is made of: what is spawned is what was looked at. */
  readonly digest: string
  readonly addressable: boolean
}

/** A member to be, as it was authorised when its spawn was opened. */
export interface Spawn extends MemberFacts {
  readonly phase: 'opened' | 'membershipCommitted'
  /** It comes in the place of the identity's last incarnation, and is wired to whom that was. */
  readonly replaces?: true
}

export interface Spawns {
  readonly profiles: PersistentMap<AgentIdentity, AuthorizedProfile>
  readonly open: PersistentMap<AgentIdentity, Spawn>
  /** How many of them have no member yet. */
  readonly opened: number
}

type Numbers = { readonly fence: number; readonly generation: number }
type Placed = WithIdentity & { readonly runtimeId: AgentRuntimeId; readonly sessionId?: SessionId }

type Authorize = { readonly type: 'AuthorizeSpawnProfile' } & WithIdentity & AuthorizedProfile
/** The shell counts, the guards check that it counted right. */
type Begin = {
  readonly type: 'BeginSpawnExec'
  readonly digest: string
  readonly addressable: boolean
  readonly mode: RuntimeMode
} & Placed &
  Numbers
export type CommitMembership = { readonly type: 'CommitSpawnMembership' } & Placed & Numbers
/** A new incarnation of an identity whose last one has left: a new runtime, the next fence and generation. */
type Respawn = { readonly type: 'Respawn'; readonly mode: RuntimeMode } & Placed

export type SpawnsInput =
  | Authorize
  | Begin
  | CommitMembership
  | ({ readonly type: 'CommitSpawnActivation' } & WithIdentity)
  /** Whoever performs a spawn that has no member yet gives it up. One that has is retired. */
  | ({ readonly type: 'AbortSpawnExec' } & WithIdentity)
  /** The same by the word of somebody else. */
  | ({ readonly type: 'CancelPendingSpawn' } & WithIdentity)
  | Respawn

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
/** Its name is not that of a peer outside the mob. */
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
function isOpened(state: MobState, input: WithIdentity): boolean {
  return spawnOf(state, input)?.phase === 'opened'
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
function isCommitted(state: MobState, input: WithIdentity): boolean {
  return spawnOf(state, input)?.phase === 'membershipCommitted'
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
function commitMembership(slice: Spawns, input: CommitMembership): Spawns {
  const spawn = mapGet(slice.open, input.identity)
  if (spawn === undefined) return slice
  const committed: Spawn = { ...spawn, phase: 'membershipCommitted' }
  const open = mapSet(slice.open, input.identity, committed)
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

/** Whoever prepares a runtime for them need not go on. */
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

export const spawns: MobRegion<'spawns'> = {
  name: 'spawns',
  about: 'How members come about: authorised, opened, committed, activated.',
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
      {
        name: 'committed',
        from: ['running'],
        // Its generation is still the next: no other spawn of the identity could come between.
        when: [isOpened, isAsOpened, placementIsFree],
        then: commitMembership,
      },
    ],
    CommitSpawnActivation: [
      { name: 'activated', from: LIVING, when: [isCommitted], then: close },
      { name: 'nothing-to-activate', from: [...LIVING, 'destroyed'] },
    ],
    AbortSpawnExec: [
      {
        name: 'aborted',
        from: LIVING,
        when: [isOpened],
        ...givenUp('aborted'),
      },
    ],
    CancelPendingSpawn: [{ name: 'canceled', from: LIVING, when: [isOpened], ...givenUp('canceled') }],
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
