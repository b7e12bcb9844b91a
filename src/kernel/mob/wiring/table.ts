/**
 * Who may talk to whom: unordered pairs of members, and members with peers outside the mob.
 *
 * Enforces: an edge joins two different members and ends with either; a peer outside has one endpoint and is no member; an
 * identity that is spawned again in place of its last incarnation gets the edges of that again, to all members that are
 * still present or come back in the same way, unless an edge was removed meanwhile; every change of the graph has a number,
 * the topology epoch, by which the shell recognises an outdated change. The shell installs the trust; the request stays
 * recorded until the shell reports that it has.
 */
import { mapDelete, mapEntries, mapGet } from '../../persistent-map.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import { leftOrEnded, onDeparture } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { AgentIdentity } from '../ids.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import type { PublishEndpoint } from '../roster/input.ts'
import { isActive, isStaying, type Member, memberOf, type WithIdentity } from '../roster/state.ts'
import type { CommitMembership } from '../spawns/input.ts'
import { spawnOf } from '../spawns/table.ts'
import type { MobState } from '../state.ts'
import {
  allHaveMembers,
  externalsOf,
  hasHalf,
  hasTwoEnds,
  isSameEndpoint,
  NO_EDGES,
  NO_EXTERNALS,
  neighboursIn,
  withEdge,
  withExternal,
  withHalf,
  withoutEdge,
  withoutEnd,
  withoutExternal,
  withoutHalvesTo,
} from './edges.ts'
import type { ExternalPair, Pair, Trusted, Wire, WireExternal } from './input.ts'
import type { Wiring } from './state.ts'

/** The members that the member is wired to. */
export function neighboursOf({ edges }: Wiring, identity: AgentIdentity): readonly AgentIdentity[] {
  return neighboursIn(edges, identity)
}

/** The pairs whose trust is still to be installed, in no particular order. */
export function owedTrust({ wiring: { owed } }: MobState): readonly Pair[] {
  return [...mapEntries(owed)].flatMap(([a, others]) =>
    [...mapEntries(others)].filter(([b]) => a < b).map(([b]) => ({ a, b })),
  )
}

function owesTrust({ wiring: { owed } }: MobState, { a, b }: Pair): boolean {
  return hasHalf(owed, a, b)
}
function areCurrent(state: MobState, { a, b, fenceA, fenceB }: Trusted): boolean {
  return memberOf(state, { identity: a })?.fence === fenceA && memberOf(state, { identity: b })?.fence === fenceB
}
/** The endpoints that a member's session should trust for the mob, for `ApplyMobPeerOverlay`. */
export function overlayOf(
  state: MobState,
  identity: AgentIdentity,
): { readonly overlayEpoch: number; readonly endpoints: readonly PeerEndpoint[] } {
  const { edges, externals, epoch } = state.wiring
  const members = neighboursIn(edges, identity).map(other => memberOf(state, { identity: other })?.endpoint)
  const outside = externalsOf(externals, identity).map(external => mapGet(externals, external)?.endpoint)
  return { overlayEpoch: epoch, endpoints: [...members, ...outside].filter(endpoint => endpoint !== undefined) }
}

/** Whether the endpoint differs from the published one, so that the neighbours have to trust the new one. */
function movesEndpoint(state: MobState, input: PublishEndpoint): boolean {
  const { wiring: slice } = state
  return (
    !isSameEndpoint(memberOf(state, input)?.endpoint, input.endpoint) &&
    mapGet(slice.edges, input.identity) !== undefined
  )
}
function areWired({ wiring: { edges } }: MobState, { a, b }: Pair): boolean {
  return hasHalf(edges, a, b)
}
function areTwo(_: MobState, { a, b }: Pair): boolean {
  return a !== b
}
function areActiveMembers(state: MobState, { a, b }: Pair): boolean {
  return isActive(memberOf(state, { identity: a })) && isActive(memberOf(state, { identity: b }))
}
function isActiveMember(state: MobState, input: WithIdentity): boolean {
  return isActive(memberOf(state, input))
}
function isWiredOutside({ wiring: { externals } }: MobState, { identity, external }: ExternalPair): boolean {
  const peer = mapGet(externals, external)
  return peer !== undefined && mapGet(peer.members, identity) !== undefined
}
function isNoMemberOrSpawn(state: MobState, { external: identity }: ExternalPair): boolean {
  return memberOf(state, { identity }) === undefined && spawnOf(state, { identity }) === undefined
}
/** Whether a peer outside has its known endpoint; another endpoint counts as another peer while it has edges. */
function isAtItsEndpoint({ wiring: { externals } }: MobState, { external, endpoint }: WireExternal): boolean {
  const known = mapGet(externals, external)
  return known === undefined || isSameEndpoint(known.endpoint, endpoint)
}

function wire(slice: Wiring, { a, b, withTrust = false }: Wire): Wiring {
  const owed = withTrust ? withEdge(slice.owed, a, b) : slice.owed
  return { ...slice, edges: withEdge(slice.edges, a, b), owed, epoch: slice.epoch + 1 }
}
function unwire(slice: Wiring, { a, b }: Pair): Wiring {
  const owed = withoutEdge(slice.owed, a, b)
  return { ...slice, edges: withoutEdge(slice.edges, a, b), owed, epoch: slice.epoch + 1 }
}
/** Removes the edge of an absent identity, so that it does not get it back with its next incarnation. */
function forgetEdge(slice: Wiring, { a, b }: Pair): Wiring {
  return { ...slice, former: withoutEdge(slice.former, a, b) }
}
function oweTrust(slice: Wiring, { a, b }: Pair): Wiring {
  return { ...slice, owed: withEdge(slice.owed, a, b) }
}
function recordTrust(slice: Wiring, { a, b }: Pair): Wiring {
  return { ...slice, owed: withoutEdge(slice.owed, a, b) }
}
function wireOutside(slice: Wiring, input: WireExternal): Wiring {
  const externals = withExternal(slice.externals, input.external, input.endpoint, input.identity)
  return { ...slice, externals, epoch: slice.epoch + 1 }
}
function unwireOutside(slice: Wiring, { identity, external }: ExternalPair): Wiring {
  return { ...slice, externals: withoutExternal(slice.externals, external, identity), epoch: slice.epoch + 1 }
}
/** Removes a member's edges; those within the mob are kept for its next incarnation. */
function unwireAll(slice: Wiring, { identity }: Member): Wiring {
  const neighbours = neighboursOf(slice, identity)
  const outside = externalsOf(slice.externals, identity)
  if (neighbours.length + outside.length === 0) return slice
  return {
    edges: withoutEnd(slice.edges, identity),
    owed: withoutEnd(slice.owed, identity),
    former: neighbours.reduce((kept, other) => withHalf(kept, identity, other), slice.former),
    externals: outside.reduce((rest, external) => withoutExternal(rest, external, identity), slice.externals),
    epoch: slice.epoch + 1,
  }
}

/** The members to which the joining incarnation is wired at once. */
function rejoined(state: MobState, input: CommitMembership): readonly AgentIdentity[] {
  if (spawnOf(state, input)?.replaces !== true) return []
  const former = neighboursIn(state.wiring.former, input.identity)
  return former.filter(identity => isStaying(memberOf(state, { identity })))
}
function rejoin(slice: Wiring, input: CommitMembership, state: MobState): Wiring {
  const { identity } = input
  const former = mapDelete(slice.former, identity)
  // A spawn that replaces no incarnation: the former edges of this name are not its own.
  if (spawnOf(state, input)?.replaces !== true) return { ...slice, former: withoutHalvesTo(former, identity) }
  const present = rejoined(state, input)
  // An absent identity gets the edge when it comes back itself.
  const away = neighboursIn(slice.former, identity).filter(other => !present.includes(other))
  return {
    ...slice,
    edges: present.reduce((edges, other) => withEdge(edges, identity, other), slice.edges),
    owed: present.reduce((owed, other) => withEdge(owed, identity, other), slice.owed),
    former: away.reduce((kept, other) => withHalf(kept, other, identity), former),
    epoch: present.length === 0 ? slice.epoch : slice.epoch + 1,
  }
}

/** Removes all edges; no incarnation will be replaced. */
function clear({ edges, externals, epoch }: Wiring): Wiring {
  const changes = edges.size + externals.size > 0
  return {
    edges: NO_EDGES,
    former: NO_EDGES,
    owed: NO_EDGES,
    externals: NO_EXTERNALS,
    epoch: changes ? epoch + 1 : epoch,
  }
}

function graphChanged({ wiring: after }: MobState, _: unknown, { wiring: before }: MobState): readonly MobEffect[] {
  return after.epoch === before.epoch ? [] : [{ type: 'WiringGraphChanged', epoch: after.epoch }]
}
function pairEffect(
  type: 'MemberTrustWiringRequested' | 'MemberTrustUnwiringRequested' | 'WiringTrustRepairRequested',
) {
  return ({ wiring: { epoch } }: MobState, { a, b }: Pair): MobEffect => ({ type, a, b, epoch })
}
function trustedOutside({ wiring: { epoch } }: MobState, input: WireExternal): MobEffect {
  const { identity, external, endpoint } = input
  return { type: 'ExternalPeerTrustRequested', identity, external, endpoint, epoch }
}
function untrustedOutside(before: MobState, { identity, external }: ExternalPair, epoch: number): readonly MobEffect[] {
  const peer = mapGet(before.wiring.externals, external)
  return peer === undefined
    ? []
    : [{ type: 'ExternalPeerUntrustRequested', identity, external, endpoint: peer.endpoint, epoch }]
}
function unwiredFrom(before: MobState, { identity }: Member, after: MobState): readonly MobEffect[] {
  const { epoch } = after.wiring
  const requests = [
    ...neighboursOf(before.wiring, identity).map(b => ({
      type: 'MemberTrustUnwiringRequested' as const,
      a: identity,
      b,
      epoch,
    })),
    ...externalsOf(before.wiring.externals, identity).flatMap(external =>
      untrustedOutside(before, { identity, external }, epoch),
    ),
  ]
  return requests.length === 0 ? [] : [{ type: 'WiringGraphChanged', epoch }, ...requests]
}
/** The new incarnation has another key, so the shell has to check whether its neighbours trust it. */
function trustRepaired(after: MobState, input: CommitMembership, before: MobState): readonly MobEffect[] {
  const { epoch } = after.wiring
  return rejoined(before, input).map(b => ({ type: 'WiringTrustRepairRequested', a: input.identity, b, epoch }))
}

function allRepaired(after: MobState): readonly MobEffect[] {
  const { epoch } = after.wiring
  return owedTrust(after).map(pair => ({ type: 'WiringTrustRepairRequested', ...pair, epoch }))
}

const trust = pairEffect('MemberTrustWiringRequested')

const departures = onDeparture<Wiring>(unwireAll, unwiredFrom)

export const wiring: MobRegion<'wiring'> = {
  name: 'wiring',
  about: 'Who may talk to whom, inside the mob and out of it, and the epoch of that graph.',
  initial: { edges: NO_EDGES, former: NO_EDGES, owed: NO_EDGES, externals: NO_EXTERNALS, epoch: 0 },
  phaseOf: state => state.lifecycle.phase,
  phases: LIVING,
  on: {
    WireMembers: [
      {
        name: 'again',
        from: ['running'],
        when: [areTwo, areWired],
        then: oweTrust,
        emit: [pairEffect('WiringTrustRepairRequested')],
      },
      {
        name: 'wired',
        from: ['running'],
        when: [areTwo, areActiveMembers],
        then: wire,
        emit: [graphChanged, (after, input) => (input.withTrust === true ? trust(after, input) : [])],
      },
    ],
    UnwireMembers: [
      {
        name: 'unwired',
        from: ['running'],
        when: [areWired],
        then: unwire,
        emit: [graphChanged, pairEffect('MemberTrustUnwiringRequested')],
      },
      { name: 'not-wired', from: ['running'], then: forgetEdge },
    ],
    ObserveMemberTrustWired: [
      // The shell may report it late.
      { name: 'trusted', from: LIVING, when: [owesTrust, areCurrent], then: recordTrust },
    ],
    WireExternalPeer: [
      {
        name: 'again',
        from: ['running'],
        when: [isWiredOutside, isAtItsEndpoint],
        emit: [trustedOutside],
      },
      {
        name: 'wired',
        from: ['running'],
        when: [isActiveMember, isNoMemberOrSpawn, isAtItsEndpoint],
        then: wireOutside,
        emit: [graphChanged, trustedOutside],
      },
    ],
    UnwireExternalPeer: [
      {
        name: 'unwired',
        from: ['running'],
        when: [isWiredOutside],
        then: unwireOutside,
        emit: [graphChanged, (after, input, before) => untrustedOutside(before, input, after.wiring.epoch)],
      },
      { name: 'not-wired', from: ['running'] },
    ],
  },
  follow: {
    ...departures,
    PublishMemberEndpoint: {
      then: (slice, input, state) => (movesEndpoint(state, input) ? { ...slice, epoch: slice.epoch + 1 } : slice),
      emit: [graphChanged],
    },
    // The process that was to install the trust may have ended before it did.
    Resume: { emit: [allRepaired] },
    CommitSpawnMembership: { then: rejoin, emit: [graphChanged, trustRepaired] },
    Reset: { then: clear, emit: [graphChanged] },
    Destroy: { then: clear, emit: [graphChanged] },
    ObserveRuntimeDestroyed: leftOrEnded(departures.ObserveRuntimeDestroyed, { then: clear, emit: [graphChanged] }),
  },
  invariants: [
    {
      id: 'edges-have-two-ends',
      text: 'an edge is known under both of its ends, which differ, and no end is known without one',
      holds: ({ wiring: { edges } }) => hasTwoEnds(edges),
    },
    {
      id: 'trust-is-owed-along-edges',
      text: 'trust is owed between members that are wired',
      holds: ({ wiring: { owed, edges } }) =>
        hasTwoEnds(owed) &&
        [...mapEntries(owed)].every(([a, others]) => [...mapEntries(others)].every(([b]) => hasHalf(edges, a, b))),
    },
    {
      id: 'external-peers-are-wired',
      text: 'a peer outside the mob is known while a member is wired to it',
      holds: ({ wiring: { externals } }) => allHaveMembers(externals),
    },
  ],
}
