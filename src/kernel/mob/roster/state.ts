/** A mob's members, and the queries that several regions make. */
import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, type PersistentMap } from '../../persistent-map.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'

/** Whether a member runs as a peer of its own, or only while it is given a turn. */
export type RuntimeMode = 'autonomousHost' | 'turnDriven'

/** A request that a session refused. */
export type RefusedRequest = 'binding' | 'retire'

export type Standing =
  | { readonly marker: 'active'; readonly startup: Startup }
  /** Asked to leave; it stays a member until its runtime has retired. */
  | ({ readonly marker: 'retiring' } & Leaving)
  | ({ readonly marker: 'broken'; readonly request: 'binding' } & Refused)
  | ({ readonly marker: 'broken'; readonly request: 'retire' } & Refused & Leaving)

interface Refused {
  readonly code: string
  readonly reason: string
}

/** How a member leaves. */
export interface Leaving {
  /** The mob has given its session back; the session's owner keeps it. */
  readonly released?: true
}

export type Startup =
  /** The request to place its session is under way. */
  | 'bindingRequested'
  /** Its session is placed; its spawn is not finished. */
  | 'runtimeReady'
  | 'ready'

/** What does not change while an incarnation of a member lives. */
export interface MemberFacts {
  readonly identity: AgentIdentity
  readonly runtimeId: AgentRuntimeId
  /** Rises with every incarnation of the identity. */
  readonly fence: number
  /** The number of the incarnation, from 1. */
  readonly generation: number
  /** The session that it was placed on. Absent: a peer without a session of this runtime. */
  readonly sessionId?: SessionId
  readonly profile: string
  readonly mode: RuntimeMode
  /** Whether work from outside the mob may be given to it. */
  readonly addressable: boolean
}

export interface Member extends MemberFacts {
  /** Where its peers reach it. Absent: not published yet. */
  readonly endpoint?: PeerEndpoint
  readonly standing: Standing
}

/** The newest incarnation of an identity. It outlives the member, so that a fence never goes back. */
export interface LastIncarnation {
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly generation: number
}

export interface Roster {
  readonly members: PersistentMap<AgentIdentity, Member>
  readonly byRuntime: PersistentMap<AgentRuntimeId, AgentIdentity>
  readonly bySession: PersistentMap<SessionId, AgentIdentity>
  readonly last: PersistentMap<AgentIdentity, LastIncarnation>
}

export const EMPTY_ROSTER: Roster = {
  members: emptyMap(),
  byRuntime: emptyMap(),
  bySession: emptyMap(),
  last: emptyMap(),
}

/** The code of a refusal for an unknown session: the runtime to be retired is gone already. */
export const SESSION_NOT_REGISTERED = 'routed_session_not_registered'

export type WithIdentity = { readonly identity: AgentIdentity }
export type WithRuntime = { readonly runtimeId: AgentRuntimeId; readonly fence: number }

/** The part of the state that queries about members read. */
interface OfRoster {
  readonly roster: Roster
}

export function memberOf({ roster }: OfRoster, { identity }: WithIdentity): Member | undefined {
  return mapGet(roster.members, identity)
}
/** The member that the runtime serves now, if it is the incarnation of that fence. */
export function servedBy({ roster }: OfRoster, { runtimeId, fence }: WithRuntime): Member | undefined {
  const identity = mapGet(roster.byRuntime, runtimeId)
  const member = identity === undefined ? undefined : mapGet(roster.members, identity)
  return member?.fence === fence ? member : undefined
}

/** Whether a signal is of the current incarnation; an older one has another runtime or fence. */
export function isCurrentRuntime(state: OfRoster, input: WithRuntime): boolean {
  return servedBy(state, input) !== undefined
}
/** Whether an input to a member names the current incarnation. */
export function currentMember(state: OfRoster, input: WithIdentity & WithRuntime): Member | undefined {
  const member = memberOf(state, input)
  return member?.runtimeId === input.runtimeId && member.fence === input.fence ? member : undefined
}
export function isCurrentIncarnation(state: OfRoster, input: WithIdentity & WithRuntime): boolean {
  return currentMember(state, input) !== undefined
}

/** Whether it may be wired and given work. */
export function isActive(member: Member | undefined): boolean {
  return member?.standing.marker === 'active'
}

/** Whether it was not asked to leave. */
export function isStaying(member: Member | undefined): boolean {
  const standing = member?.standing
  return standing?.marker === 'active' || (standing?.marker === 'broken' && standing.request === 'binding')
}
/** How it leaves, if it was asked to. */
export function leavingOf({ standing }: Member): Leaving {
  const { released } = 'released' in standing ? standing : {}
  return released === true ? { released } : {}
}
/** The member's session; undefined once it was given back. */
export function sessionBindingOf(member: Member): SessionId | undefined {
  return leavingOf(member).released === true ? undefined : member.sessionId
}

export function putMember(slice: Roster, member: Member): Roster {
  return { ...slice, members: mapSet(slice.members, member.identity, member) }
}

export function addMember(slice: Roster, member: Member): Roster {
  const { identity, runtimeId, fence, generation, sessionId } = member
  return {
    members: mapSet(slice.members, identity, member),
    byRuntime: mapSet(slice.byRuntime, runtimeId, identity),
    bySession: sessionId === undefined ? slice.bySession : mapSet(slice.bySession, sessionId, identity),
    last: mapSet(slice.last, identity, { runtimeId, fence, generation }),
  }
}

export function removeMember(slice: Roster, { identity, runtimeId, sessionId }: Member): Roster {
  return {
    members: mapDelete(slice.members, identity),
    byRuntime: mapDelete(slice.byRuntime, runtimeId),
    bySession: sessionId === undefined ? slice.bySession : mapDelete(slice.bySession, sessionId),
    last: slice.last,
  }
}
