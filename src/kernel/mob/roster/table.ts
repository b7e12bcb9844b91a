/**
 * The mob's members: the runtime, the standing and refused requests of each.
 *
 * Enforces: an identity has one incarnation at a time, a runtime and a session one member; reports of an older incarnation
 * change nothing; a member that was asked to leave does leave, whatever its session answers. Requests are repeated, not
 * remembered, because repeating a request to a session is harmless.
 */
import type { SessionId } from '../../ids.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { departing, leftOrEnded, releasing } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import type { CommitMembership } from '../spawns/input.ts'
import { spawnOf } from '../spawns/table.ts'
import type { MobState } from '../state.ts'
import type { Refusal, Retire } from './input.ts'
import {
  addMember,
  EMPTY_ROSTER,
  isCurrentIncarnation,
  isCurrentRuntime,
  isStaying,
  leavingOf,
  type Member,
  memberOf,
  putMember,
  type Roster,
  removeMember,
  type Standing,
  servedBy,
  sessionBindingOf,
  type WithIdentity,
  type WithRuntime,
} from './state.ts'

function isRetiring(state: MobState, input: WithRuntime): boolean {
  return servedBy(state, input)?.standing.marker === 'retiring'
}
/** Whether the member waits for its placement, or was marked as broken because that was refused. */
function awaitsRuntime(state: MobState, input: WithRuntime): boolean {
  const standing = servedBy(state, input)?.standing
  if (standing?.marker === 'active') return standing.startup === 'bindingRequested'
  return standing?.marker === 'broken' && standing.request === 'binding'
}
function isNamedMember(state: MobState, input: Retire | Refusal<string>): boolean {
  const member = memberOf(state, input)
  return member?.runtimeId === input.runtimeId && member.sessionId === input.sessionId
}
function isNamedGeneration(state: MobState, input: Retire): boolean {
  return memberOf(state, input)?.generation === input.generation
}
function isActiveMember(state: MobState, input: WithIdentity): boolean {
  return memberOf(state, input)?.standing.marker === 'active'
}
function isNotRetiring(state: MobState, input: WithIdentity): boolean {
  return isStaying(memberOf(state, input))
}
function isRetiringMember(state: MobState, input: WithIdentity): boolean {
  return memberOf(state, input)?.standing.marker === 'retiring'
}
function hasSession(state: MobState, input: WithIdentity): boolean {
  return memberOf(state, input)?.sessionId !== undefined
}
function givesUpSession(state: MobState, input: Retire): boolean {
  return releasing(state, input) !== undefined
}
/** Whether the member leaves in this step, because no runtime is left that could report its end. */
function leavesAtOnce(state: MobState, input: Parameters<typeof departing>[1]): boolean {
  return departing(state, input) !== undefined
}

function stand(slice: Roster, member: Member | undefined, standing: Standing): Roster {
  return member === undefined ? slice : putMember(slice, { ...member, standing })
}
function join(slice: Roster, input: CommitMembership, state: MobState): Roster {
  const spawn = spawnOf(state, input)
  if (spawn === undefined) return slice
  const { phase: _, replaces: __, ...facts } = spawn
  const startup = facts.sessionId === undefined ? 'runtimeReady' : 'bindingRequested'
  return addMember(slice, { ...facts, standing: { marker: 'active', startup } })
}
function runtimeReady(slice: Roster, input: WithRuntime, state: MobState): Roster {
  const member = servedBy(state, input)
  if (member === undefined) return slice
  const startup = spawnOf(state, member) === undefined ? 'ready' : 'runtimeReady'
  return stand(slice, member, { marker: 'active', startup })
}
function activate(slice: Roster, input: WithIdentity, state: MobState): Roster {
  const member = memberOf(state, input)
  const standing = member?.standing
  if (standing?.marker !== 'active' || standing.startup !== 'runtimeReady') return slice
  return stand(slice, member, { marker: 'active', startup: 'ready' })
}
function rebind(slice: Roster, input: WithIdentity, state: MobState): Roster {
  const member = memberOf(state, input)
  if (member?.standing.marker !== 'broken') return slice
  return stand(slice, member, { marker: 'active', startup: 'bindingRequested' })
}
function retire(slice: Roster, input: WithIdentity, state: MobState): Roster {
  const member = memberOf(state, input)
  return member === undefined ? slice : stand(slice, member, { marker: 'retiring', ...leavingOf(member) })
}
function release(slice: Roster, input: WithIdentity, state: MobState): Roster {
  return stand(slice, memberOf(state, input), { marker: 'retiring', released: true })
}
function notPlaced(slice: Roster, { code, reason, ...input }: Refusal<string>, state: MobState): Roster {
  return stand(slice, memberOf(state, input), { marker: 'broken', request: 'binding', code, reason })
}
function notRetired(slice: Roster, { code, reason, ...input }: Refusal<string>, state: MobState): Roster {
  const member = memberOf(state, input)
  if (member === undefined) return slice
  return stand(slice, member, { marker: 'broken', request: 'retire', code, reason, ...leavingOf(member) })
}
function leave(slice: Roster, input: Parameters<typeof departing>[1], state: MobState): Roster {
  const member = departing(state, input)
  return member === undefined ? slice : removeMember(slice, member)
}
/** Removes all members; their last incarnations stay known. */
function dismissAll(slice: Roster): Roster {
  return { ...EMPTY_ROSTER, last: slice.last }
}

/** The fields that identify the member in effects. */
function nameOf({ identity, runtimeId, fence }: Member): Pick<Member, 'identity' | 'runtimeId' | 'fence'> {
  return { identity, runtimeId, fence }
}
function bindingRequest(member: Member | undefined): readonly MobEffect[] {
  if (member?.sessionId === undefined) return []
  const { sessionId, generation } = member
  return [{ type: 'RequestRuntimeBinding', ...nameOf(member), generation, sessionId }]
}
function retireRequest(member: Member | undefined): readonly MobEffect[] {
  if (member === undefined) return []
  const { sessionId } = member
  if (sessionId === undefined) return [{ type: 'RequestPeerRuntimeRetire', ...nameOf(member) }]
  return [{ type: 'RequestRuntimeRetire', ...nameOf(member), sessionId }]
}
function sessionChanged({ identity }: Member, sessionId: SessionId | undefined): MobEffect {
  return { type: 'MemberSessionBindingChanged', identity, sessionId }
}
function joined(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const member = memberOf(after, input)
  if (member === undefined) return []
  const { generation, profile, sessionId } = member
  return [
    { type: 'MemberSpawned', ...nameOf(member), generation, profile },
    ...(sessionId === undefined ? [] : [sessionChanged(member, sessionId)]),
    ...bindingRequest(member),
  ]
}
function left(_: MobState, input: Parameters<typeof departing>[1], before: MobState): readonly MobEffect[] {
  const member = departing(before, input)
  if (member === undefined) return []
  return [
    { type: 'MemberRetired', ...nameOf(member) },
    ...(sessionBindingOf(member) === undefined ? [] : [sessionChanged(member, undefined)]),
  ]
}
/** Emitted once, when a member has both its runtime and its activation. */
function becameReady(before: Member | undefined, after: Member | undefined): readonly MobEffect[] {
  const isReady = (one: Member | undefined): boolean =>
    one?.standing.marker === 'active' && one.standing.startup === 'ready'
  return after !== undefined && isReady(after) && !isReady(before) ? [{ type: 'MemberReady', ...nameOf(after) }] : []
}
function refused(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const member = memberOf(after, input)
  if (member?.standing.marker !== 'broken') return []
  const { request, code, reason } = member.standing
  return [{ type: 'MemberBroken', ...nameOf(member), request, code, reason }]
}
function retiring(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const member = memberOf(after, input)
  return member === undefined ? [] : [{ type: 'MemberRetiring', ...nameOf(member) }, ...retireRequest(member)]
}
/** A session that lost its placement could not report its retirement, so it is placed first. */
function askedAgain(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const member = memberOf(after, input)
  return [...bindingRequest(member), ...retireRequest(member)]
}
function released(after: MobState, input: WithIdentity, before: MobState): readonly MobEffect[] {
  const member = memberOf(after, input)
  if (member === undefined) return []
  const asked = isActiveMember(before, input) ? retiring(after, input) : askedAgain(after, input)
  return [...asked, sessionChanged(member, undefined)]
}
/** The mob does not destroy a session that it gave back. */
function destroyRequest(member: Member): readonly MobEffect[] {
  const sessionId = sessionBindingOf(member)
  return sessionId === undefined
    ? retireRequest(member)
    : [{ type: 'RequestRuntimeDestroy', ...nameOf(member), sessionId }]
}
function allDestroyed(_: MobState, __: unknown, { roster: before }: MobState): readonly MobEffect[] {
  return [...mapValues(before.members)].flatMap(destroyRequest)
}
/** Requests for all members except the one whose session is destroyed already. */
function othersDestroyed(_: MobState, { runtimeId }: WithRuntime, { roster: before }: MobState): readonly MobEffect[] {
  return [...mapValues(before.members)].filter(one => one.runtimeId !== runtimeId).flatMap(destroyRequest)
}
function allRetired(_: MobState, __: unknown, before: MobState): readonly MobEffect[] {
  return [...mapValues(before.roster.members)].flatMap(retireRequest)
}

export const roster: MobRegion<'roster'> = {
  name: 'roster',
  about: 'The members: the runtime, the standing and the refused requests of each.',
  initial: EMPTY_ROSTER,
  phaseOf: state => state.lifecycle.phase,
  phases: LIVING,
  on: {
    // Sessions may answer after the mob was stopped or completed.
    ObserveRuntimeReady: [
      {
        name: 'ready',
        from: LIVING,
        when: [awaitsRuntime],
        then: runtimeReady,
        emit: [(after, input, before) => becameReady(servedBy(before, input), servedBy(after, input))],
      },
      {
        name: 'too-late',
        from: LIVING,
        when: [isRetiring],
        // The session was asked to retire before it was placed, when it could not report that.
        emit: [(after, input) => retireRequest(servedBy(after, input))],
      },
      { name: 'again', from: LIVING, when: [isCurrentRuntime] },
    ],
    ObserveRuntimeRetired: [{ name: 'left', from: LIVING, when: [isCurrentRuntime], then: leave, emit: [left] }],
    PublishMemberEndpoint: [
      {
        name: 'published',
        from: LIVING,
        when: [isCurrentIncarnation],
        then: (slice, { endpoint, ...input }, state) => {
          const member = memberOf(state, input)
          return member === undefined ? slice : putMember(slice, { ...member, endpoint })
        },
      },
    ],
    RestoreBinding: [
      {
        name: 'requested',
        from: ['running', 'stopped'],
        when: [isCurrentIncarnation, hasSession, isNotRetiring],
        then: rebind,
        emit: [(after, input) => bindingRequest(memberOf(after, input))],
      },
    ],
    Retire: [
      {
        name: 'left',
        from: LIVING,
        when: [isNamedMember, isNamedGeneration, leavesAtOnce],
        then: leave,
        emit: [left],
      },
      {
        name: 'released',
        from: LIVING,
        when: [isNamedMember, isNamedGeneration, givesUpSession],
        then: release,
        emit: [released],
      },
      {
        name: 'retiring',
        from: LIVING,
        when: [isNamedMember, isNamedGeneration, isActiveMember],
        then: retire,
        emit: [retiring],
      },
      { name: 'again', from: LIVING, when: [isNamedMember, isNamedGeneration], then: retire, emit: [askedAgain] },
    ],
    ResolveRuntimeBindingRefusal: [
      { name: 'left', from: LIVING, when: [isNamedMember, leavesAtOnce], then: leave, emit: [left] },
      { name: 'broken', from: LIVING, when: [isNamedMember, isNotRetiring], then: notPlaced, emit: [refused] },
    ],
    ResolveRuntimeRetireRefusal: [
      { name: 'left', from: LIVING, when: [isNamedMember, leavesAtOnce], then: leave, emit: [left] },
      {
        name: 'broken',
        from: LIVING,
        when: [isNamedMember, isRetiringMember],
        then: notRetired,
        emit: [refused],
      },
    ],
  },
  follow: {
    CommitSpawnMembership: { then: join, emit: [joined] },
    CommitSpawnActivation: {
      then: activate,
      emit: [(after, input, before) => becameReady(memberOf(before, input), memberOf(after, input))],
    },
    Reset: { then: dismissAll, emit: [allRetired] },
    Destroy: { then: () => EMPTY_ROSTER, emit: [allDestroyed] },
    ObserveRuntimeDestroyed: leftOrEnded(
      { then: leave, emit: [left] },
      { then: () => EMPTY_ROSTER, emit: [othersDestroyed] },
    ),
  },
  invariants: [
    {
      id: 'runtimes-and-sessions-serve-one-member',
      text: 'every member is found by its runtime and its session, and nothing else is',
      holds: ({ roster: { members, byRuntime, bySession } }) => {
        const all = [...mapValues(members)]
        return (
          byRuntime.size === all.length &&
          bySession.size === all.filter(({ sessionId }) => sessionId !== undefined).length &&
          all.every(
            ({ identity, runtimeId, sessionId }) =>
              mapGet(byRuntime, runtimeId) === identity &&
              (sessionId === undefined || mapGet(bySession, sessionId) === identity),
          )
        )
      },
    },
    {
      id: 'members-are-the-newest-incarnation',
      text: 'a member is the newest incarnation of its identity',
      holds: ({ roster: { members, last } }) =>
        [...mapValues(members)].every(({ identity, runtimeId, fence, generation }) => {
          const newest = mapGet(last, identity)
          return newest?.runtimeId === runtimeId && newest.fence === fence && newest.generation === generation
        }),
    },
    {
      id: 'only-sessions-are-placed',
      text: 'a member without a session waits for no placement',
      holds: ({ roster: { members } }) =>
        [...mapValues(members)].every(
          ({ sessionId, standing }) =>
            sessionId !== undefined || standing.marker !== 'active' || standing.startup !== 'bindingRequested',
        ),
    },
  ],
}
