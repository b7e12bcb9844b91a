/**
 * Sessions that the mob gave back and whose ingress is still the mob's.
 *
 * Enforces: no mob is destroyed on request while there is one. A destroyed member ends its mob nevertheless, and the
 * detachments of the other sessions stay recorded. The shell repeats the request as long as a session is in this slice.
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
/** No member may be placed on a session whose ingress is still to be detached. */
export function isSessionDetached({ ingress: { detaching } }: MobState, sessionId: SessionId): boolean {
  return mapGet(detaching, sessionId) === undefined
}

const request = ([sessionId, runtimeId]: readonly [SessionId, AgentRuntimeId]): Detach => ({
  type: 'RequestSessionIngressDetachForMobDestroy',
  sessionId,
  runtimeId,
})
/** A repeated retirement repeats the request. */
function requested({ ingress: { detaching } }: MobState, { sessionId }: Of<MobInput, 'Retire'>): readonly MobEffect[] {
  const runtimeId = sessionId === undefined ? undefined : mapGet(detaching, sessionId)
  return sessionId === undefined || runtimeId === undefined ? [] : [request([sessionId, runtimeId])]
}
function allRequested({ ingress: { detaching } }: MobState): readonly MobEffect[] {
  return [...mapEntries(detaching)].map(request)
}

export const ingress: MobRegion<'ingress'> = {
  name: 'ingress',
  about: 'Sessions that were given back and whose ingress is still the mob’s.',
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
    // The process that was to perform the requests may have ended before it did.
    Resume: { emit: [allRequested] },
    Reset: { emit: [allRequested] },
    ObserveRuntimeDestroyed: leftOrEnded({}, { emit: [allRequested] }),
  },
  invariants: [],
}
