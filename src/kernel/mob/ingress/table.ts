/**
 * Sessions that the mob gave back and that still send what they hear to it.
 *
 * Enforces: no mob is destroyed while one of them does; a destroyed member takes its mob along all the same, and what is
 * owed to the others stays known. The shell asks again as long as a session is in here: nothing else remembers it.
 */
import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet } from '../../persistent-map.ts'
import type { Of } from '../../region.ts'
import { leftOrEnded, releasing } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { MobInput } from '../inputs.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import type { MobState } from '../state.ts'
import type { Detached } from './input.ts'

type Detach = Extract<MobEffect, { readonly type: 'RequestSessionIngressDetachForMobDestroy' }>

function isDetaching({ ingress: { detaching } }: MobState, { sessionId, runtimeId }: Detached): boolean {
  return mapGet(detaching, sessionId) === runtimeId
}
/** Nobody may be placed on a session whose ingress is yet to be detached. */
export function isSessionDetached({ ingress: { detaching } }: MobState, sessionId: SessionId): boolean {
  return mapGet(detaching, sessionId) === undefined
}

const request = ([sessionId, runtimeId]: readonly [SessionId, AgentRuntimeId]): Detach => ({
  type: 'RequestSessionIngressDetachForMobDestroy',
  sessionId,
  runtimeId,
})
/** A retirement that is repeated asks for all of it again. */
function requested({ ingress: { detaching } }: MobState, { sessionId }: Of<MobInput, 'Retire'>): readonly MobEffect[] {
  const runtimeId = sessionId === undefined ? undefined : mapGet(detaching, sessionId)
  return sessionId === undefined || runtimeId === undefined ? [] : [request([sessionId, runtimeId])]
}
function allRequested({ ingress: { detaching } }: MobState): readonly MobEffect[] {
  return [...mapEntries(detaching)].map(request)
}

export const ingress: MobRegion<'ingress'> = {
  name: 'ingress',
  about: 'Sessions that were given back and still send what they hear to the mob.',
  initial: { detaching: emptyMap() },
  phaseOf: state => state.lifecycle.phase,
  phases: [...LIVING, 'destroyed'],
  on: {
    ObserveSessionIngressDetached: [
      {
        name: 'detached',
        from: [...LIVING, 'destroyed'],
        when: [isDetaching],
        then: ({ detaching }, { sessionId }) => ({ detaching: mapDelete(detaching, sessionId) }),
      },
    ],
  },
  follow: {
    Retire: {
      then: (slice, input, state) => {
        const member = releasing(state, input)
        if (member?.sessionId === undefined) return slice
        return { detaching: mapSet(slice.detaching, member.sessionId, member.runtimeId) }
      },
      emit: [requested],
    },
    // Whoever was to see to it may have ended before it did.
    Resume: { emit: [allRequested] },
    Reset: { emit: [allRequested] },
    ObserveRuntimeDestroyed: leftOrEnded({}, { emit: [allRequested] }),
  },
  invariants: [],
}
