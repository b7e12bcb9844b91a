/**
 * The mob's members: the runtime, the standing and refused requests of each.
 *
 * Enforces: an identity has one incarnation at a time, a runtime and a session one member; reports of an older incarnation
 * change nothing; a member that was asked to leave does leave, whatever its session answers. Requests are repeated, not
 * remembered, because repeating a request to a session is harmless.
 */
import type { SessionId } from '../../ids.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { departing, leftOrEnded, onDeparture, releasing } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import type { CommitMembership } from '../spawns/input.ts'
import { spawnOf } from '../spawns/table.ts'
import type { MobState } from '../state.ts'
import type { Refusal, Retire } from './input.ts'
import {
  addMember,
  currentMember,
  EMPTY_ROSTER,
  isCurrentRuntime,
  isStaying,
  leavingOf,
  type Member,
  memberOf,
  putMember,
  type RefusedRequest,
  type Roster,
  removeMember,
  type Standing,
  servedBy,
  sessionBindingOf,
  type WithIdentity,
  type WithRuntime,
} from './state.ts'

function memberThatRetires(state: MobState, input: WithRuntime): Member | undefined {
  const member = servedBy(state, input)
  return member?.standing.marker === 'retiring' ? member : undefined
}
function memberThatAwaitsRuntime(state: MobState, input: WithRuntime): Member | undefined {
  const member = servedBy(state, input)
  return member && awaitsRuntime(member) ? member : undefined
}
/** Whether the member waits for its placement, or was marked as broken because that was refused. */
function awaitsRuntime({ standing }: Member): boolean {
  if (standing.marker === 'active') return standing.startup === 'bindingRequested'
  return standing.marker === 'broken' && standing.request === 'binding'
}
function namedMember(state: MobState, input: Retire | Refusal<string>): Member | undefined {
  const member = memberOf(state, input)
  return member?.runtimeId === input.runtimeId && member.sessionId === input.sessionId ? member : undefined
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
function isNamedMember(state: MobState, input: Retire | Refusal<string>): boolean {
  return namedMember(state, input) !== undefined
}
function givesUpSession(state: MobState, input: Retire): boolean {
  return releasing(state, input) !== undefined
}

function stand(slice: Roster, member: Member, standing: Standing): Roster {
  return putMember(slice, { ...member, standing })
}
function join(slice: Roster, input: CommitMembership, state: MobState): Roster {
  const spawn = spawnOf(state, input)
  if (spawn === undefined) return slice
  const { phase: _, replaces: __, ...facts } = spawn
  const startup = facts.sessionId === undefined ? 'runtimeReady' : 'bindingRequested'
  return addMember(slice, { ...facts, standing: { marker: 'active', startup } })
}
function runtimeReady(slice: Roster, _: WithRuntime, state: MobState, member: Member): Roster {
  const startup = spawnOf(state, member) === undefined ? 'ready' : 'runtimeReady'
  return stand(slice, member, { marker: 'active', startup })
}
function activate(slice: Roster, input: WithIdentity, state: MobState): Roster {
  const member = memberOf(state, input)
  if (member?.standing.marker !== 'active' || member.standing.startup !== 'runtimeReady') return slice
  return stand(slice, member, { marker: 'active', startup: 'ready' })
}
function rebind(slice: Roster, _: WithIdentity, __: MobState, member: Member): Roster {
  if (member.standing.marker !== 'broken') return slice
  return stand(slice, member, { marker: 'active', startup: 'bindingRequested' })
}
function retire(slice: Roster, _: WithIdentity, __: MobState, member: Member): Roster {
  return stand(slice, member, { marker: 'retiring', ...leavingOf(member) })
}
function release(slice: Roster, _: WithIdentity, __: MobState, member: Member): Roster {
  return stand(slice, member, { marker: 'retiring', released: true })
}
function notPlaced(slice: Roster, { code, reason }: Refusal<string>, _: MobState, member: Member): Roster {
  return stand(slice, member, { marker: 'broken', request: 'binding', code, reason })
}
function notRetired(slice: Roster, { code, reason }: Refusal<string>, _: MobState, member: Member): Roster {
  return stand(slice, member, { marker: 'broken', request: 'retire', code, reason, ...leavingOf(member) })
}
const leaves = {
  then: (slice: Roster, _: WithRuntime | WithIdentity, __: MobState, member: Member): Roster =>
    removeMember(slice, member),
  emit: [(_: MobState, __: WithRuntime | WithIdentity, ___: MobState, member: Member) => left(member)],
}
/** Removes all members; their last incarnations stay known. */
function dismissAll(slice: Roster): Roster {
  return { ...EMPTY_ROSTER, last: slice.last }
}

/** The fields that identify the member in effects. */
function nameOf({ identity, runtimeId, fence }: Member): Pick<Member, 'identity' | 'runtimeId' | 'fence'> {
  return { identity, runtimeId, fence }
}
function bindingRequest(member: Member): readonly MobEffect[] {
  const { sessionId, generation } = member
  if (sessionId === undefined) return []
  return [{ type: 'RequestRuntimeBinding', ...nameOf(member), generation, sessionId }]
}
function retireRequest(member: Member): readonly MobEffect[] {
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
function left(member: Member): readonly MobEffect[] {
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
const refused =
  (request: RefusedRequest) =>
  (_: MobState, { code, reason }: Refusal<string>, __: MobState, member: Member): MobEffect => ({
    type: 'MemberBroken',
    ...nameOf(member),
    request,
    code,
    reason,
  })
function retiring(_: MobState, __: WithIdentity, ___: MobState, member: Member): readonly MobEffect[] {
  return [{ type: 'MemberRetiring', ...nameOf(member) }, ...retireRequest(member)]
}
/** A session that lost its placement could not report its retirement, so it is placed first. */
function askedAgain(_: MobState, __: WithIdentity, ___: MobState, member: Member): readonly MobEffect[] {
  return [...bindingRequest(member), ...retireRequest(member)]
}
function released(after: MobState, input: WithIdentity, before: MobState, member: Member): readonly MobEffect[] {
  const ask = member.standing.marker === 'active' ? retiring : askedAgain
  return [...ask(after, input, before, member), sessionChanged(member, undefined)]
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

const aboutMember = rowsAbout<MobState, Roster, MobEffect, MobPhase>()

export const roster: MobRegion<'roster'> = {
  name: 'roster',
  about: 'The members: the runtime, the standing and the refused requests of each.',
  initial: EMPTY_ROSTER,
  phaseOf: state => state.lifecycle.phase,
  phases: LIVING,
  on: {
    // Sessions may answer after the mob was stopped or completed.
    ObserveRuntimeReady: [
      aboutMember({
        name: 'ready',
        from: LIVING,
        about: memberThatAwaitsRuntime,
        then: runtimeReady,
        emit: [(after, input, _, member) => becameReady(member, servedBy(after, input))],
      }),
      aboutMember({
        name: 'too-late',
        from: LIVING,
        about: memberThatRetires,
        // The session was asked to retire before it was placed, when it could not report that.
        emit: [(_, __, ___, member) => retireRequest(member)],
      }),
      { name: 'again', from: LIVING, when: [isCurrentRuntime] },
    ],
    ObserveRuntimeRetired: [aboutMember({ name: 'left', from: LIVING, about: departing, ...leaves })],
    PublishMemberEndpoint: [
      aboutMember({
        name: 'published',
        from: LIVING,
        about: currentMember,
        then: (slice, { endpoint }, _, member) => putMember(slice, { ...member, endpoint }),
      }),
    ],
    RestoreBinding: [
      aboutMember({
        name: 'requested',
        from: ['running', 'stopped'],
        about: currentMember,
        when: [hasSession, isNotRetiring],
        then: rebind,
        emit: [(_, __, ___, member) => bindingRequest(member)],
      }),
    ],
    Retire: [
      aboutMember({
        name: 'left',
        from: LIVING,
        about: departing,
        when: [isNamedMember, isNamedGeneration],
        ...leaves,
      }),
      aboutMember({
        name: 'released',
        from: LIVING,
        about: namedMember,
        when: [isNamedGeneration, givesUpSession],
        then: release,
        emit: [released],
      }),
      aboutMember({
        name: 'retiring',
        from: LIVING,
        about: namedMember,
        when: [isNamedGeneration, isActiveMember],
        then: retire,
        emit: [retiring],
      }),
      aboutMember({
        name: 'again',
        from: LIVING,
        about: namedMember,
        when: [isNamedGeneration],
        then: retire,
        emit: [askedAgain],
      }),
    ],
    ResolveRuntimeBindingRefusal: [
      aboutMember({ name: 'left', from: LIVING, about: departing, when: [isNamedMember], ...leaves }),
      aboutMember({
        name: 'broken',
        from: LIVING,
        about: namedMember,
        when: [isNotRetiring],
        then: notPlaced,
        emit: [refused('binding')],
      }),
    ],
    ResolveRuntimeRetireRefusal: [
      aboutMember({ name: 'left', from: LIVING, about: departing, when: [isNamedMember], ...leaves }),
      aboutMember({
        name: 'broken',
        from: LIVING,
        about: namedMember,
        when: [isRetiringMember],
        then: notRetired,
        emit: [refused('retire')],
      }),
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
      onDeparture<Roster>(removeMember, (_, member) => left(member)).ObserveRuntimeDestroyed,
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
