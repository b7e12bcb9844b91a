/**
 * `MobMachine`: what a group of agents decides together, assembled of its regions like the session machine.
 *
 * It knows its members by identity and reaches them through the runtime that serves them at the moment. Requests to
 * sessions are effects, and their answers are inputs (seam.ts). It never sees a session's state.
 */

import { mapEntries, mapGet, mapValues } from '../persistent-map.ts'
import type { Invariant } from '../region.ts'
import { type Machine, machine } from '../step.ts'
import type { MobEffect } from './effects.ts'
import { flows } from './flows/table.ts'
import { ingress } from './ingress/table.ts'
import type { MobInput } from './inputs.ts'
import { kickoffs } from './kickoffs/table.ts'
import { lifecycle } from './lifecycle/table.ts'
import { memberOf } from './roster/state.ts'
import { roster } from './roster/table.ts'
import { spawns } from './spawns/table.ts'
import type { MobState } from './state.ts'
import { neighboursOf, wiring } from './wiring/table.ts'
import { work } from './work/table.ts'

const spanning: readonly Invariant<MobState>[] = [
  {
    id: 'destroyed-mob-is-empty',
    text: 'a destroyed mob has no member, spawn, edge, work or run',
    holds: ({ lifecycle: { phase }, ...s }) =>
      phase !== 'destroyed' ||
      [
        s.roster.members,
        s.spawns.open,
        s.wiring.edges,
        s.wiring.externals,
        s.kickoffs.byMember,
        s.work.open,
        s.flows.runs,
      ].every(({ size }) => size === 0),
  },
  {
    id: 'external-peers-join-members',
    text: 'a peer outside the mob is wired to members, and is neither a member nor about to be one',
    holds: s =>
      [...mapEntries(s.wiring.externals)].every(
        ([identity, { members }]) =>
          memberOf(s, { identity }) === undefined &&
          mapGet(s.spawns.open, identity) === undefined &&
          [...mapEntries(members)].every(([member]) => memberOf(s, { identity: member }) !== undefined),
      ),
  },
  {
    id: 'runs-need-a-running-mob',
    text: 'only a running mob has an unfinished flow run',
    holds: s => s.flows.runs.size === 0 || s.lifecycle.phase === 'running',
  },
  {
    id: 'targets-are-members',
    text: 'no step waits for the answer of a target that has left',
    holds: s =>
      [...mapValues(s.flows.runs)].every(({ steps }) =>
        [...mapValues(steps)].every(
          ({ progress }) =>
            progress.status !== 'running' ||
            progress.awaited.every(identity => memberOf(s, { identity }) !== undefined),
        ),
      ),
  },
  {
    id: 'edges-join-members',
    text: 'both ends of an edge are members',
    holds: s =>
      [...mapValues(s.roster.members)].filter(({ identity }) => neighboursOf(s.wiring, identity).length > 0).length ===
      s.wiring.edges.size,
  },
  {
    id: 'kickoffs-belong-to-a-member',
    text: 'a kickoff is that of a member that lives on its own',
    holds: s =>
      [...mapEntries(s.kickoffs.byMember)].every(([identity]) => memberOf(s, { identity })?.mode === 'autonomousHost'),
  },
  {
    id: 'work-belongs-to-a-member',
    text: 'unfinished work belongs to a member',
    holds: s =>
      [...mapValues(s.roster.members)].filter(({ identity }) => mapGet(s.work.open, identity) !== undefined).length ===
      s.work.open.size,
  },
  {
    id: 'spawns-agree-with-the-roster',
    text: 'an opened spawn has no member yet, a committed one has exactly its own',
    holds: s =>
      [...mapValues(s.spawns.open)].every(({ phase, identity, runtimeId, fence }) => {
        const member = memberOf(s, { identity })
        if (phase === 'opened') return member === undefined
        return member?.runtimeId === runtimeId && member.fence === fence
      }),
  },
]

/** The mob machine. */
export const mob: Machine<MobState, MobInput, MobEffect> = machine({
  name: 'mob',
  spine: (state: MobState) => state.lifecycle.phase,
  regions: [lifecycle, roster, spawns, ingress, kickoffs, wiring, work, flows],
  invariants: spanning,
})
