/** Edges between members, and between members and peers outside the mob. Pure functions; table.ts says when they apply. */
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'

/** The other ends of a member's edges. */
export type Neighbours = PersistentMap<AgentIdentity, true>

/** Each edge is stored under both ends, so that a member's edges are found without a search. */
export type Edges = PersistentMap<AgentIdentity, Neighbours>

export interface ExternalPeer {
  readonly endpoint: PeerEndpoint
  /** The members that it is wired to. */
  readonly members: Neighbours
}

export type Externals = PersistentMap<AgentIdentity, ExternalPeer>

export const NO_EDGES: Edges = emptyMap()
export const NO_EXTERNALS: Externals = emptyMap()

const NO_NEIGHBOURS: Neighbours = emptyMap()

export function neighboursIn(edges: Edges, identity: AgentIdentity): readonly AgentIdentity[] {
  return [...mapEntries(mapGet(edges, identity) ?? NO_NEIGHBOURS)].map(([other]) => other)
}

export function hasHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): boolean {
  const neighbours = mapGet(edges, from)
  return neighbours !== undefined && mapGet(neighbours, to) !== undefined
}
/** Adds `to` under `from`, but not the other way round. */
export function withHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): Edges {
  return mapSet(edges, from, mapSet(mapGet(edges, from) ?? NO_NEIGHBOURS, to, true))
}
function withoutHalf(edges: Edges, from: AgentIdentity, to: AgentIdentity): Edges {
  const rest = mapDelete(mapGet(edges, from) ?? NO_NEIGHBOURS, to)
  return rest.size === 0 ? mapDelete(edges, from) : mapSet(edges, from, rest)
}
export function withEdge(edges: Edges, a: AgentIdentity, b: AgentIdentity): Edges {
  return withHalf(withHalf(edges, a, b), b, a)
}
export function withoutEdge(edges: Edges, a: AgentIdentity, b: AgentIdentity): Edges {
  return withoutHalf(withoutHalf(edges, a, b), b, a)
}
/** Removes all edges of this end. */
export function withoutEnd(edges: Edges, identity: AgentIdentity): Edges {
  const rest = neighboursIn(edges, identity).reduce((now, other) => withoutHalf(now, other, identity), edges)
  return mapDelete(rest, identity)
}

/** Removes this end under all other ends; its own entries stay. */
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
  const members = mapSet(mapGet(externals, external)?.members ?? NO_NEIGHBOURS, member, true as const)
  return mapSet(externals, external, { endpoint, members })
}
/** Removes the edge; a peer without edges is removed too. */
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
/** Whether all their fields are equal. */
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
