/**
 * Interaction streams: subscriptions to the answers to a message, reserved before it is sent and attached by the reader.
 *
 * Enforces: a stream is reserved once, attached once and ended once; the first end wins, and only that is emitted.
 */

import type { ConditionSatellite } from '../../core.ts'
import type { PeerCorrelationId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet } from '../../persistent-map.ts'
import { isUnregistered } from '../conditions.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { LEFT, SERVED } from '../phases.ts'
import type { InteractionStreamEnd, StreamEffect } from './effect.ts'
import type { StreamAbandonReason, StreamsInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { InteractionStreamState, Streams } from './state.ts'

type WithStream = { readonly correlationId: PeerCorrelationId; readonly reason?: StreamAbandonReason }

function isNewStream({ streams: s }: Sees, { correlationId }: WithStream): boolean {
  return mapGet(s.open, correlationId) === undefined
}
function isReserved({ streams: s }: Sees, { correlationId }: WithStream): boolean {
  return mapGet(s.open, correlationId) === 'Reserved'
}
function isAttached({ streams: s }: Sees, { correlationId }: WithStream): boolean {
  return mapGet(s.open, correlationId) === 'Attached'
}
function isOpenStream(state: Sees, input: WithStream): boolean {
  return !isNewStream(state, input)
}

const setTo =
  (state: InteractionStreamState) =>
  (slice: Streams, { correlationId }: WithStream): Streams => ({ open: mapSet(slice.open, correlationId, state) })
const ended = (slice: Streams, { correlationId }: WithStream): Streams => ({
  open: mapDelete(slice.open, correlationId),
})
const became =
  (state: InteractionStreamState | InteractionStreamEnd) =>
  (_: Sees, { correlationId }: WithStream): StreamEffect => ({
    type: 'InteractionStreamStateChanged',
    correlationId,
    state,
  })
function cleanup(_: Sees, { correlationId, reason }: WithStream): StreamEffect {
  return { type: 'InteractionStreamCleanup', correlationId, ...(reason && { reason }) }
}

const LATE = { name: 'late', from: LEFT, when: [isUnregistered] } as const

const moves = (
  name: string,
  when: readonly ((state: Sees, input: WithStream) => boolean)[],
  state: InteractionStreamState,
) => [LATE, { name, from: SERVED, when: [isRegistered, ...when], then: setTo(state), emit: [became(state)] }]

const ends = (when: (state: Sees, input: WithStream) => boolean, end: InteractionStreamEnd) => [
  LATE,
  { name: 'ended', from: SERVED, when: [isRegistered, when], then: ended, emit: [became(end), cleanup] },
]

const NONE: Streams = { open: emptyMap() }

export const streams: ConditionSatellite<Sees, StreamsInput, StreamEffect, 'streams'> = {
  name: 'streams',
  about: 'Subscriptions to the answers to a message: reserved, attached, and ended once.',
  initial: NONE,
  condition: { atRest: slice => slice.open.size === 0 },
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    InteractionStreamReserved: moves('reserved', [isNewStream], 'Reserved'),
    InteractionStreamAttached: moves('attached', [isReserved], 'Attached'),
    InteractionStreamCompleted: ends(isAttached, 'Completed'),
    InteractionStreamExpired: ends(isReserved, 'Expired'),
    InteractionStreamClosedEarly: ends(isAttached, 'ClosedEarly'),
    InteractionStreamAbandoned: ends(isOpenStream, 'Abandoned'),
  },
  lives: { process: resetTo(NONE) },
  follow: {},
  invariants: [
    {
      id: 'streams-need-a-registered-session',
      text: 'an unregistered or destroyed session has no open stream',
      holds: s => s.streams.open.size === 0 || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
