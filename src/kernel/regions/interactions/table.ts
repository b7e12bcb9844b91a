/**
 * Requests between peers: those this session sent and waits for, and those it received and owes an answer.
 *
 * Enforces: a request is pending once, its end is emitted once, and a second end is refused; requests to and from peers
 * are independent. An ended request leaves nothing in the state: a late report about it is refused.
 */

import type { Satellite } from '../../core.ts'
import type { PeerCorrelationId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet } from '../../persistent-map.ts'
import { isUnregistered } from '../conditions.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { LASTING, LEFT, SERVED } from '../phases.ts'
import type { InteractionEffect, OutboundRequestEnd } from './effect.ts'
import type { InteractionsInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Interactions, OutboundRequestState } from './state.ts'

type WithCorrelation = { readonly correlationId: PeerCorrelationId }

function isNewRequest({ interactions: s }: Sees, { correlationId }: WithCorrelation): boolean {
  return mapGet(s.outbound, correlationId) === undefined
}
function isPendingRequest({ interactions: s }: Sees, { correlationId }: WithCorrelation): boolean {
  return mapGet(s.outbound, correlationId) !== undefined
}
function isNewToUs({ interactions: s }: Sees, { correlationId }: WithCorrelation): boolean {
  return mapGet(s.inbound, correlationId) === undefined
}
function owesAnswer({ interactions: s }: Sees, { correlationId }: WithCorrelation): boolean {
  return mapGet(s.inbound, correlationId) !== undefined
}

const setTo =
  (state: OutboundRequestState) =>
  (slice: Interactions, { correlationId }: WithCorrelation): Interactions => ({
    ...slice,
    outbound: mapSet(slice.outbound, correlationId, state),
  })
const ended = (slice: Interactions, { correlationId }: WithCorrelation): Interactions => ({
  ...slice,
  outbound: mapDelete(slice.outbound, correlationId),
})
const became =
  (state: OutboundRequestState | OutboundRequestEnd) =>
  (_: Sees, { correlationId }: WithCorrelation): InteractionEffect => ({
    type: 'PeerInteractionStateChanged',
    correlationId,
    state,
  })
function cleanup(_: Sees, { correlationId }: WithCorrelation): InteractionEffect {
  return { type: 'PeerInteractionCleanup', correlationId }
}

/** Accepts a report that comes after the session was unregistered, without an effect. */
const LATE = { name: 'late', from: LEFT, when: [isUnregistered] } as const

/** Rows for the end of a request of this session. */
const endsAs = (end: OutboundRequestEnd) => [
  LATE,
  {
    name: 'ended',
    from: SERVED,
    when: [isRegistered, isPendingRequest],
    then: ended,
    emit: [became(end), cleanup],
  },
]

const NONE: Interactions = { outbound: emptyMap(), inbound: emptyMap() }

export const interactions: Satellite<Sees, InteractionsInput, InteractionEffect, 'interactions'> = {
  name: 'interactions',
  about: 'Requests to peers that are not answered yet, and requests of peers that this session has to answer.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: LASTING,
  on: {
    PeerRequestSent: [
      LATE,
      {
        name: 'sent',
        from: SERVED,
        when: [isRegistered, isNewRequest],
        then: setTo('Sent'),
        emit: [became('Sent')],
      },
    ],
    PeerResponseProgressArrived: [
      LATE,
      {
        name: 'progress',
        from: SERVED,
        when: [isRegistered, isPendingRequest],
        then: setTo('AcceptedProgress'),
        emit: [became('AcceptedProgress')],
      },
    ],
    PeerResponseTerminalArrived: [
      LATE,
      {
        name: 'ended',
        from: SERVED,
        when: [isRegistered, isPendingRequest],
        then: ended,
        emit: [(before, input) => became(input.disposition)(before, input), cleanup],
      },
    ],
    PeerResponseRejected: endsAs('Failed'),
    PeerRequestTimedOut: endsAs('TimedOut'),
    PeerRequestSendFailed: endsAs('Failed'),
    PeerRequestReceived: [
      LATE,
      {
        name: 'received',
        from: SERVED,
        when: [isRegistered, isNewToUs],
        then: (slice, { correlationId, lane }) => ({
          ...slice,
          inbound: mapSet(slice.inbound, correlationId, lane),
        }),
        emit: [
          (_, { correlationId }) => ({ type: 'InboundPeerInteractionStateChanged', correlationId, state: 'Received' }),
        ],
      },
    ],
    PeerResponseReplied: [
      LATE,
      {
        name: 'replied',
        from: LASTING,
        when: [owesAnswer],
        then: (slice, { correlationId }) => ({ ...slice, inbound: mapDelete(slice.inbound, correlationId) }),
        emit: [
          (_, { correlationId }) => ({ type: 'InboundPeerInteractionStateChanged', correlationId, state: 'Replied' }),
        ],
      },
    ],
  },
  lives: { registration: resetTo(NONE) },
  follow: {
    // The destroyed session waits for no answer; peers still wait for theirs.
    Destroy: { then: slice => (slice.outbound.size === 0 ? slice : { ...slice, outbound: emptyMap() }) },
  },
  invariants: [
    {
      id: 'interactions-have-an-owner',
      text: 'only a registered session has requests under way, and only a destroyed one may still owe answers without one',
      holds: s =>
        isRegistered(s) ||
        (s.interactions.outbound.size === 0 &&
          (s.interactions.inbound.size === 0 || s.lifecycle.phase === 'destroyed')),
    },
  ],
}
