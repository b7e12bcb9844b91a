/**
 * Inputs that were abandoned together, until each has ended.
 *
 * Abandoning them is one decision, however many wait; ending each costs work and is spread over several steps. Enforces: an
 * abandoned input has left the ledger, so that nothing can start, move, replace or withdraw it, and inputs that are accepted
 * later are not touched; each ends once, as it was decided.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId } from '../../ids.ts'
import { mapDelete, mapGet, mapValues } from '../../persistent-map.ts'
import { inOrder, takeOut } from '../lane.ts'
import { contributorsOf } from '../ledger/runs.ts'
import type { AbandonReason } from '../ledger/state.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { LASTING } from '../phases.ts'
import { endingsCodec } from './codec.ts'
import { endingsInWords } from './key.ts'
import type { Endings, GivenUp } from './state.ts'

/** The end of an abandoned input and its attempts; undefined for any other input. */
export function endingOf(
  { groups }: Endings,
  id: InputId,
): { readonly reason: AbandonReason; readonly attempts: number } | undefined {
  for (const { reason, entries } of groups) {
    const entry = mapGet(entries, id)
    if (entry !== undefined) return { reason, attempts: entry.attempts }
  }
  return undefined
}

/** The abandoned inputs that have not ended, in the order of their ends. */
export function givenUpInputs({ groups }: Endings): readonly InputId[] {
  return groups.flatMap(group => headsOf(group, Number.POSITIVE_INFINITY).flatMap(id => withCarried(group, id)))
}

/** The count of unfinished inputs: those in the ledger, and abandoned ones. */
export function unfinishedCount({ ledger, endings }: CoreFacts): number {
  return endings.groups.reduce((sum, { entries }) => sum + entries.size, ledger.entries.size)
}

/** The first inputs of a group's lanes, steers first. */
function headsOf({ steer, queue }: GivenUp, most: number): readonly InputId[] {
  const heads: InputId[] = []
  for (const lane of [steer, queue]) {
    for (const id of inOrder(lane)) {
      if (heads.length >= most) return heads
      heads.push(id)
    }
  }
  return heads
}

const withCarried = ({ entries }: GivenUp, id: InputId): readonly InputId[] => [
  id,
  ...(mapGet(entries, id)?.carries ?? []),
]

/** The inputs that end next, by group. */
function nextOf({ groups }: Endings, most: number): readonly (readonly [GivenUp, readonly InputId[]])[] {
  let left = most
  return groups.map(group => {
    const heads = headsOf(group, left)
    left -= heads.length
    return [group, heads]
  })
}

function someEnd({ endings }: CoreFacts, { most }: { readonly most: number }): boolean {
  return endings.groups.length > 0 && most > 0
}

function giveUpQueued(slice: Endings, { reason }: { readonly reason: AbandonReason }, state: CoreFacts): Endings {
  const { queue, steer, entries: all } = state.ledger
  const entries = contributorsOf(state).reduce((map, id) => mapDelete(map, id), all)
  return { groups: [...slice.groups, { reason, entries, queue, steer }] }
}

function endSome(slice: Endings, { most }: { readonly most: number }): Endings {
  const groups = nextOf(slice, most).map(([group, heads]) => heads.reduce(without, group))
  return { groups: groups.filter(({ entries }) => entries.size > 0) }
}

function without(group: GivenUp, id: InputId): GivenUp {
  const entry = mapGet(group.entries, id)
  if (entry?.status !== 'queued') return group
  const { reason, queue, steer } = group
  return {
    reason,
    entries: withCarried(group, id).reduce((map, one) => mapDelete(map, one), group.entries),
    queue: entry.lane === 'queue' ? takeOut(queue, entry.slot) : queue,
    steer: entry.lane === 'steer' ? takeOut(steer, entry.slot) : steer,
  }
}

function ended(_: CoreFacts, { most }: { readonly most: number }, { endings }: CoreFacts): readonly CoreEffect[] {
  return nextOf(endings, most).flatMap(([group, heads]) =>
    heads
      .flatMap(id => withCarried(group, id))
      .map(inputId => ({
        type: 'InputTerminated',
        inputId,
        terminal: { status: 'abandoned', reason: group.reason },
        attempts: mapGet(group.entries, inputId)?.attempts ?? 0,
      })),
  )
}

export const endings: CoreRegion<'endings', LifecyclePhase> = {
  name: 'endings',
  about: 'Inputs that were abandoned together, until each has ended.',
  initial: { groups: [] },
  codec: endingsCodec,
  key: endingsInWords,
  phaseOf: state => state.lifecycle.phase,
  // Also after the session is destroyed: the inputs that it abandoned still end.
  phases: LASTING,
  on: {
    EndGivenUp: [{ name: 'some', from: LASTING, when: [someEnd], then: endSome, emit: [ended] }],
  },
  follow: {
    GiveUpQueued: { then: giveUpQueued },
  },
  invariants: [
    {
      id: 'given-up-inputs-left-the-ledger',
      text: 'an input that was given up is in the ledger no more',
      holds: s =>
        s.endings.groups.every(({ entries }) =>
          mapValues(entries).every(({ id }) => mapGet(s.ledger.entries, id) === undefined),
        ),
    },
    {
      id: 'given-up-inputs-end-with-a-head',
      text: 'what was given up stands in a lane of its group, or is carried by what does',
      holds: ({ endings: { groups } }) => groups.every(isWhole),
    },
  ],
}

/** Whether the entries are exactly the inputs in the lanes and those that they carry. */
function isWhole(group: GivenUp): boolean {
  const ids = headsOf(group, Number.POSITIVE_INFINITY).flatMap(id => withCarried(group, id))
  return ids.length > 0 && ids.length === group.entries.size && ids.every(id => mapGet(group.entries, id) !== undefined)
}
