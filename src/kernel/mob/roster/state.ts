/** What is known of a mob's members, and the questions that several regions ask of it. */
import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, type PersistentMap } from '../../persistent-map.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'

/** How a member lives: as a peer of its own, or only while it is given a turn. */
export type RuntimeMode = 'autonomousHost' | 'turnDriven'

/** What was asked of a session and refused. */
export type RefusedRequest = 'binding' | 'retire'

export type Standing =
  | { readonly marker: 'active'; readonly startup: Startup }
  /** Asked to leave; it is a member until its runtime has retired. */
  | ({ readonly marker: 'retiring' } & Leaving)
  | ({ readonly marker: 'broken'; readonly request: 'binding' } & Refused)
  | ({ readonly marker: 'broken'; readonly request: 'retire' } & Refused & Leaving)

interface Refused {
  readonly code: string
  readonly reason: string
}

/** How a member leaves. */
export interface Leaving {
  /** Its session is no longer the mob's: it stays with whoever else has it. */
  readonly released?: true
}

export type Startup =
  /** Its session is to be placed. */
  | 'bindingRequested'
  /** It is placed; its spawn is not finished. */
  | 'runtimeReady'
  | 'ready'

/** What does not change while an incarnation of a member lives. */
export interface MemberFacts {
  readonly identity: AgentIdentity
  readonly runtimeId: AgentRuntimeId
  /** Rises with every incarnation of the identity. */
  readonly fence: number
  /** Counts the incarnations, from 1. */
  readonly generation: number
  /** The session that it was placed on. Absent: a peer that is reached without a session of ours. */
  readonly sessionId?: SessionId
  readonly profile: string
  readonly mode: RuntimeMode
  /** Whether work from outside the mob may be given to it. */
  readonly addressable: boolean
}

export interface Member extends MemberFacts {
  /** Where its peers reach it. Absent: nobody has said. */
  readonly endpoint?: PeerEndpoint
  readonly standing: Standing
}

/** The newest incarnation that an identity has had. It outlives the member: a fence never goes back. */
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

export const NO_ONE: Roster = { members: emptyMap(), byRuntime: emptyMap(), bySession: emptyMap(), last: emptyMap() }

/** A session that the routed surface does not know: whoever was to be retired with it is gone already. */
export const SESSION_NOT_REGISTERED = 'routed_session_not_registered'

export type WithIdentity = { readonly identity: AgentIdentity }
export type WithRuntime = { readonly runtimeId: AgentRuntimeId; readonly fence: number }

/** What the questions about members look at. */
interface OfRoster {
  readonly roster: Roster
}

export function memberOf({ roster }: OfRoster, { identity }: WithIdentity): Member | undefined {
  return mapGet(roster.members, identity)
}
/** Whom the runtime serves now, if it is the incarnation of that fence. */
export function servedBy({ roster }: OfRoster, { runtimeId, fence }: WithRuntime): Member | undefined {
  const identity = mapGet(roster.byRuntime, runtimeId)
  const member = identity === undefined ? undefined : mapGet(roster.members, identity)
  return member?.fence === fence ? member : undefined
}

/** A signal of an older incarnation names another runtime or another fence. */
export function isCurrentRuntime(state: OfRoster, input: WithRuntime): boolean {
  return servedBy(state, input) !== undefined
}
/** A word to a member names the incarnation that is current. */
export function isCurrentIncarnation(state: OfRoster, input: WithIdentity & WithRuntime): boolean {
  const member = memberOf(state, input)
  return member !== undefined && member.runtimeId === input.runtimeId && member.fence === input.fence
}

/** Whether it may be wired and given work. */
export function isActive(member: Member | undefined): boolean {
  return member?.standing.marker === 'active'
}

/** Whether nobody asked it to leave. */
export function isStaying(member: Member | undefined): boolean {
  const standing = member?.standing
  return standing?.marker === 'active' || (standing?.marker === 'broken' && standing.request === 'binding')
}
/** How it leaves, if it was asked to. */
export function leavingOf({ standing }: Member): Leaving {
  const { released } = 'released' in standing ? standing : {}
  return released === true ? { released } : {}
}
/** The session that the mob has of it: none once it was released. */
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
