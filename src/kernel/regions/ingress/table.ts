/**
 * Which comms runtime receives what peers send to the session: none, the session's own, or a mob's on its behalf.
 *
 * Enforces: one owner at a time; a mob may take over from the session, but the session only after a detachment. A session's
 * own runtime ends with its process; a mob's ownership does not, so it is a fact.
 */

import type { Satellite } from '../../core.ts'
import type { CommsRuntimeId, MobId } from '../../ids.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { LASTING, SERVED } from '../phases.ts'
import type { IngressInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Ingress } from './state.ts'

type Attach = { readonly commsRuntimeId: CommsRuntimeId; readonly mobId?: MobId }

function isSameOwner({ ingress: slice }: Sees, { commsRuntimeId, mobId }: Attach): boolean {
  if (slice.phase === 'unattached' || slice.commsRuntimeId !== commsRuntimeId) return false
  return slice.phase === 'sessionOwned' ? mobId === undefined : slice.mobId === mobId
}

const UNATTACHED: Ingress = { phase: 'unattached' }

export const ingress: Satellite<Sees, IngressInput, never, 'ingress', Ingress['phase']> = {
  name: 'ingress',
  about: 'Which comms runtime receives what peers send: none, the session’s own, or a mob’s.',
  initial: UNATTACHED,
  phaseOf: state => state.ingress.phase,
  phases: ['unattached', 'sessionOwned', 'mobOwned'],
  on: {
    AttachSessionIngress: [
      {
        name: 'attached',
        from: ['unattached'],
        during: SERVED,
        when: [isRegistered],
        to: ['sessionOwned'],
        then: (_, { commsRuntimeId }) => ({ phase: 'sessionOwned', commsRuntimeId }),
      },
      { name: 'again', from: ['sessionOwned'], during: SERVED, when: [isSameOwner] },
    ],
    AttachMobIngress: [
      {
        name: 'attached',
        from: ['unattached', 'sessionOwned'],
        during: SERVED,
        when: [isRegistered],
        to: ['mobOwned'],
        then: (_, { commsRuntimeId, mobId }) => ({ phase: 'mobOwned', commsRuntimeId, mobId }),
      },
      { name: 'again', from: ['mobOwned'], during: SERVED, when: [isSameOwner] },
    ],
    DetachIngress: [
      {
        name: 'detached',
        from: ['sessionOwned', 'mobOwned'],
        during: LASTING,
        to: ['unattached'],
        then: () => UNATTACHED,
      },
      { name: 'again', from: ['unattached'], during: LASTING },
    ],
  },
  lives: { registration: resetTo<Ingress, Ingress['phase']>(UNATTACHED, ['sessionOwned', 'mobOwned']) },
  follow: {
    Recover: {
      moves: { sessionOwned: ['unattached'] },
      then: slice => (slice.phase === 'sessionOwned' ? UNATTACHED : slice),
    },
  },
  invariants: [
    {
      id: 'ingress-belongs-to-a-registered-session',
      text: 'only a registered session, or a destroyed one that is being cleaned up, has an owner of its ingress',
      holds: s =>
        s.ingress.phase === 'unattached' || s.registration.sessionId !== undefined || s.lifecycle.phase === 'destroyed',
    },
  ],
}
