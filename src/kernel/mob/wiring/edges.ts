/** Edges between members, and between members and peers outside the mob. Pure functions; wiring.ts says when they apply. */
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'

/** Whoever is at the other ends. */
export type Neighbours = PersistentMap<AgentIdentity, true>

/** Each edge twice, under either end: what a member has is found without looking at the rest. */
export type Edges = PersistentMap<AgentIdentity, Neighbours>

export interface ExternalPeer {
  readonly endpoint: PeerEndpoint
  /** The members it is wired to. */
  readonly members: Neighbours
}

export type Externals = PersistentMap<AgentIdentity, ExternalPeer>

export const NO_EDGES: Edges = emptyMap()
export const NO_EXTERNALS: Externals = emptyMap()

const NOBODY: Neighbours = emptyMap()

export function neighboursIn(edges: Edges, identity: AgentIdentity): readonly AgentIdentity[] {
  return [...mapEntries(mapGet(edges, identity) ?? NOBODY)].map(([other]) => other)
}

export function hasHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): boolean {
  const neighbours = mapGet(edges, from)
  return neighbours !== undefined && mapGet(neighbours, to) !== undefined
}
/** With `to` under `from`, and not the other way round. */
export function withHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): Edges {
  return mapSet(edges, from, mapSet(mapGet(edges, from) ?? NOBODY, to, true))
}
function withoutHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): Edges {
  const rest = mapDelete(mapGet(edges, from) ?? NOBODY, to)
  return rest.size === 0 ? mapDelete(edges, from) : mapSet(edges, from, rest)
}
export function withEdge(edges: Edges, a: AgentIdentity, b: AgentIdentity): Edges {
  return withHalf(withHalf(edges, a, b), b, a)
}
export function withoutEdge(edges: Edges, a: AgentIdentity, b: AgentIdentity): Edges {
  return withoutHalf(withoutHalf(edges, a, b), b, a)
}
/** Without any edge of this end. */
export function withoutEnd(edges: Edges, identity: AgentIdentity): Edges {
  const rest = neighboursIn(edges, identity).reduce((now, other) => withoutHalf(now, other, identity), edges)
  return mapDelete(rest, identity)
}

/** Without what anybody has under their name of this end; what it has itself stays. */
export function withoutHalvesTo(edges: Edges, identity: AgentIdentity): Edges {
  const known = [...mapEntries(edges)].filter(([, neighbours]) => mapGet(neighbours, identity) !== undefined)
  return known.reduce((now, [from]) => withoutHalf(now, from, identity), edges)
}

export function withExternal(
  externals: Externals,
  external: AgentIdentity,
  endpoint: PeerEndpoint,
  member: AgentIdentity,
): Externals {
  const members = mapSet(mapGet(externals, external)?.members ?? NOBODY, member, true as const)
  return mapSet(externals, external, { endpoint, members })
}
/** A peer that is wired to nobody is known no more. */
export function withoutExternal(externals: Externals, external: AgentIdentity, member: AgentIdentity): Externals {
  const peer = mapGet(externals, external)
  if (peer === undefined) return externals
  const members = mapDelete(peer.members, member)
  return members.size === 0 ? mapDelete(externals, external) : mapSet(externals, external, { ...peer, members })
}
/** The peers outside the mob that this member is wired to. */
export function externalsOf(externals: Externals, member: AgentIdentity): readonly AgentIdentity[] {
  return [...mapEntries(externals)]
    .filter(([, { members }]) => mapGet(members, member) !== undefined)
    .map(([external]) => external)
}
/** Whether everything about them is the same. */
export function isSameEndpoint(one: PeerEndpoint | undefined, other: PeerEndpoint): boolean {
  return (
    one?.peerId === other.peerId &&
    one.name === other.name &&
    one.address === other.address &&
    one.signingKey === other.signingKey
  )
}
export function hasTwoEnds(edges: Edges): boolean {
  return [...mapEntries(edges)].every(
    ([a, neighbours]) =>
      neighbours.size > 0 && [...mapEntries(neighbours)].every(([b]) => a !== b && neighboursIn(edges, b).includes(a)),
  )
}
export function allHaveMembers(externals: Externals): boolean {
  return [...mapValues(externals)].every(({ members }) => members.size > 0)
}
