/**
 * Who may talk to whom: unordered pairs of members.
 *
 * Enforces: an edge joins two different members and ends with either; every change of the graph has a number, the
 * topology epoch, so that whoever applies an older one later can tell. Trust itself is the shell's to install.
 */
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet, type PersistentMap } from '../persistent-map.ts'
import { onDeparture } from './departures.ts'
import type { MobEffect } from './effects.ts'
import type { AgentIdentity } from './ids.ts'
import type { MobRegion, MobState } from './machine.ts'
import { isActive, type Member, memberOf } from './members.ts'

type Neighbours = PersistentMap<AgentIdentity, true>

export interface Wiring {
  /** Each edge twice, under either end: what a member has is found without looking at the rest. */
  readonly edges: PersistentMap<AgentIdentity, Neighbours>
  /** Counts the changes of the graph. */
  readonly epoch: number
}

type Pair = { readonly a: AgentIdentity; readonly b: AgentIdentity }

export type WiringInput =
  /** `withTrust`: the two are to trust each other, too. */
  ({ readonly type: 'WireMembers'; readonly withTrust?: boolean } & Pair) | ({ readonly type: 'UnwireMembers' } & Pair)

const NO_EDGES: Wiring['edges'] = emptyMap()

/** Everybody the member is wired to. */
export function neighboursOf({ edges }: Wiring, identity: AgentIdentity): readonly AgentIdentity[] {
  const neighbours = mapGet(edges, identity)
  return neighbours === undefined ? [] : [...mapEntries(neighbours)].map(([other]) => other)
}

function areWired({ wiring: { edges } }: MobState, { a, b }: Pair): boolean {
  const neighbours = mapGet(edges, a)
  return neighbours !== undefined && mapGet(neighbours, b) !== undefined
}
function areTwo(_: MobState, { a, b }: Pair): boolean {
  return a !== b
}
function areActiveMembers(state: MobState, { a, b }: Pair): boolean {
  return isActive(memberOf(state, { identity: a })) && isActive(memberOf(state, { identity: b }))
}

function half(edges: Wiring['edges'], from: AgentIdentity, to: AgentIdentity): Wiring['edges'] {
  return mapSet(edges, from, mapSet(mapGet(edges, from) ?? emptyMap<AgentIdentity, true>(), to, true))
}
function withoutHalf(edges: Wiring['edges'], from: AgentIdentity, to: AgentIdentity): Wiring['edges'] {
  const rest = mapDelete(mapGet(edges, from) ?? emptyMap<AgentIdentity, true>(), to)
  return rest.size === 0 ? mapDelete(edges, from) : mapSet(edges, from, rest)
}
function wire({ edges, epoch }: Wiring, { a, b }: Pair): Wiring {
  return { edges: half(half(edges, a, b), b, a), epoch: epoch + 1 }
}
function unwire({ edges, epoch }: Wiring, { a, b }: Pair): Wiring {
  return { edges: withoutHalf(withoutHalf(edges, a, b), b, a), epoch: epoch + 1 }
}
function unwireAll(slice: Wiring, { identity }: Member): Wiring {
  const neighbours = neighboursOf(slice, identity)
  if (neighbours.length === 0) return slice
  const edges = neighbours.reduce((rest, other) => withoutHalf(rest, other, identity), slice.edges)
  return { edges: mapDelete(edges, identity), epoch: slice.epoch + 1 }
}
/** Everybody leaves at once. */
function clear(slice: Wiring): Wiring {
  return slice.edges.size === 0 ? slice : { edges: NO_EDGES, epoch: slice.epoch + 1 }
}

function graphChanged({ wiring: after }: MobState, _: unknown, { wiring: before }: MobState): readonly MobEffect[] {
  return after.epoch === before.epoch ? [] : [{ type: 'WiringGraphChanged', epoch: after.epoch }]
}
function pairEffect(
  type: 'MemberTrustWiringRequested' | 'MemberTrustUnwiringRequested' | 'WiringTrustRepairRequested',
) {
  return ({ wiring: { epoch } }: MobState, { a, b }: Pair): MobEffect => ({ type, a, b, epoch })
}
function unwiredFrom({ wiring: before }: MobState, { identity: a }: Member, after: MobState): readonly MobEffect[] {
  const { epoch } = after.wiring
  const requests = neighboursOf(before, a).map(b => ({ type: 'MemberTrustUnwiringRequested' as const, a, b, epoch }))
  return requests.length === 0 ? [] : [{ type: 'WiringGraphChanged', epoch }, ...requests]
}

const trust = pairEffect('MemberTrustWiringRequested')

export const wiring: MobRegion<'wiring'> = {
  name: 'wiring',
  about: 'Who may talk to whom, and the epoch of that graph.',
  initial: { edges: NO_EDGES, epoch: 0 },
  phaseOf: state => state.lifecycle.phase,
  phases: ['running'],
  on: {
    WireMembers: [
      {
        name: 'again',
        from: ['running'],
        when: [areTwo, areWired],
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
      { name: 'not-wired', from: ['running'] },
    ],
  },
  follow: {
    ...onDeparture<Wiring>(unwireAll, unwiredFrom),
    Reset: { then: clear, emit: [graphChanged] },
    Destroy: { then: clear, emit: [graphChanged] },
    ObserveRuntimeDestroyed: { then: clear, emit: [graphChanged] },
  },
  invariants: [
    {
      id: 'edges-have-two-ends',
      text: 'an edge is known under both of its ends, which differ, and no end is known without one',
      holds: ({ wiring: slice }) =>
        [...mapEntries(slice.edges)].every(
          ([a, neighbours]) =>
            neighbours.size > 0 &&
            [...mapEntries(neighbours)].every(([b]) => a !== b && neighboursOf(slice, b).includes(a)),
        ),
    },
  ],
}
