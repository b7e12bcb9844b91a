/**
 * Work handed to members, each piece until its one end.
 *
 * Enforces: work goes to the current incarnation of an active member, from outside only to an addressable one; it ends
 * once: done, refused, cancelled, or lost with its member. The content of the work is not known here.
 */
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { leftOrEnded, onDeparture } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { AgentIdentity, WorkId } from '../ids.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import {
  currentMember,
  isActive,
  isCurrentIncarnation,
  type Member,
  memberOf,
  servedBy,
  type WithIdentity,
  type WithRuntime,
} from '../roster/state.ts'
import type { MobState } from '../state.ts'
import type { Refused, Settled, Submit } from './input.ts'
import type { MemberWork, Work, WorkOrigin } from './state.ts'

function workOf({ open }: Work, identity: AgentIdentity): MemberWork {
  return mapGet(open, identity) ?? emptyMap()
}
/** The work of a member, in no particular order. */
export function openWork({ work: slice }: MobState, identity: AgentIdentity): readonly WorkId[] {
  return [...mapEntries(workOf(slice, identity))].map(([id]) => id)
}

function isTaker(state: MobState, input: WithIdentity): boolean {
  return isActive(memberOf(state, input))
}
function mayComeFrom(state: MobState, { origin, ...input }: Submit): boolean {
  return origin === 'internal' || memberOf(state, input)?.addressable === true
}
function isSubmitted({ work: slice }: MobState, { identity, workId }: Submit): boolean {
  return mapGet(workOf(slice, identity), workId) !== undefined
}
function memberAtWork(state: MobState, input: WithRuntime & { readonly workId: WorkId }): Member | undefined {
  const member = servedBy(state, input)
  return member && mapGet(workOf(state.work, member.identity), input.workId) && member
}
function isOfSession(state: MobState, input: Refused): boolean {
  return servedBy(state, input)?.sessionId === input.sessionId
}

function submit({ open }: Work, { identity, workId, origin }: Submit): Work {
  return {
    open: mapSet(open, identity, mapSet(mapGet(open, identity) ?? emptyMap<WorkId, WorkOrigin>(), workId, origin)),
  }
}
function end(slice: Work, { workId }: { readonly workId: WorkId }, _: MobState, { identity }: Member): Work {
  const rest = mapDelete(workOf(slice, identity), workId)
  const { open } = slice
  return { open: rest.size === 0 ? mapDelete(open, identity) : mapSet(open, identity, rest) }
}
function drop(slice: Work, { identity }: WithIdentity): Work {
  const open = mapDelete(slice.open, identity)
  return open === slice.open ? slice : { open }
}
const NONE: Work = { open: emptyMap() }

function requested(_: MobState, { workId, origin }: Submit, __: MobState, member: Member): MobEffect {
  const { identity, runtimeId, fence, generation, sessionId } = member
  const name = { identity, runtimeId, fence, workId, origin }
  if (sessionId === undefined) return { type: 'RequestPeerRuntimeIngress', ...name }
  return { type: 'RequestRuntimeIngress', ...name, generation, sessionId }
}
function refused(_: MobState, { workId, code, reason }: Refused, __: MobState, { identity }: Member): MobEffect {
  return { type: 'WorkRefused', identity, workId, code, reason }
}
function settled(_: MobState, { workId }: Settled, __: MobState, { identity }: Member): MobEffect {
  return { type: 'WorkSettled', identity, workId, outcome: 'done' }
}
function allOf(before: MobState, identity: AgentIdentity, outcome: 'canceled' | 'lost'): readonly MobEffect[] {
  return openWork(before, identity).map(workId => ({ type: 'WorkSettled', identity, workId, outcome }))
}
function allWorkCanceled(_: MobState, __: unknown, before: MobState): readonly MobEffect[] {
  return [...mapEntries(before.work.open)].flatMap(([identity]) => allOf(before, identity, 'lost'))
}
function canceled(_: MobState, input: WithIdentity & WithRuntime, before: MobState): readonly MobEffect[] {
  const { identity, runtimeId, fence } = input
  const workIds = openWork(before, identity)
  if (workIds.length === 0) return []
  return [{ type: 'RequestWorkCancel', identity, runtimeId, fence, workIds }, ...allOf(before, identity, 'canceled')]
}

const departures = onDeparture<Work>(drop, (before, { identity }) => allOf(before, identity, 'lost'))

const aboutMember = rowsAbout<MobState, Work, MobEffect, MobPhase>()

export const work: MobRegion<'work'> = {
  name: 'work',
  about: 'Work handed to members, each piece until its one end.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: LIVING,
  on: {
    SubmitWork: [
      // Known already: the request of the first submission stands.
      { name: 'again', from: ['running'], when: [isCurrentIncarnation, isSubmitted] },
      aboutMember({
        name: 'submitted',
        from: ['running'],
        about: currentMember,
        when: [isTaker, mayComeFrom],
        then: submit,
        emit: [requested],
      }),
    ],
    ResolveRuntimeIngressRefusal: [
      aboutMember({
        name: 'refused',
        from: LIVING,
        about: memberAtWork,
        when: [isOfSession],
        then: end,
        emit: [refused],
      }),
    ],
    ObserveWorkSettled: [
      aboutMember({ name: 'settled', from: LIVING, about: memberAtWork, then: end, emit: [settled] }),
    ],
    CancelAllWork: [
      { name: 'canceled', from: ['running'], when: [isCurrentIncarnation], then: drop, emit: [canceled] },
    ],
  },
  follow: {
    ...departures,
    Reset: { then: () => NONE, emit: [allWorkCanceled] },
    Destroy: { then: () => NONE, emit: [allWorkCanceled] },
    ObserveRuntimeDestroyed: leftOrEnded(departures.ObserveRuntimeDestroyed, {
      then: () => NONE,
      emit: [allWorkCanceled],
    }),
  },
  invariants: [
    {
      id: 'idle-members-hold-no-room',
      text: 'a member without work takes no room among the work',
      holds: ({ work: { open } }) => [...mapValues(open)].every(one => one.size > 0),
    },
  ],
}
