/**
 * The product turn: the turn of a conversation over a realtime transport, whether the transport has the session's context,
 * and what a clean close of the transport means.
 *
 * Enforces: input, commit and output are emitted once each, in either order; an update of the transport's context waits
 * while a turn is in flight and is due when it is over; the frontier of the transport's context only rises.
 */

import type { ConditionSatellite } from '../../core.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { SERVED } from '../phases.ts'
import type { RealtimeInput } from '../realtime/input.ts'
import type { ProductTurnEffect } from './effect.ts'
import type { ProductTurnInput } from './input.ts'
import { productTurnInWords } from './key.ts'
import type { Sees } from './sees.ts'
import type { ProductTurn, ProductTurnPhase, ProjectionFreshness } from './state.ts'

/** Whether input of the client in this phase interrupts the model. */
export function shouldPreemptOnInput({ phase }: ProductTurn): boolean {
  return phase === 'preemptible'
}

type OfType<Type extends ProductTurnInput['type']> = Extract<ProductTurnInput, { readonly type: Type }>

function isNews({ productTurn: { frontierMs } }: Sees, input: OfType<'RealtimeProjectionAdvanceObserved'>): boolean {
  return input.advancedAtMs > frontierMs
}
function reachesFrontier({ productTurn: slice }: Sees, input: OfType<'RealtimeProjectionRefreshed'>): boolean {
  return input.observedMs >= slice.frontierMs
}
function refreshes({ productTurn: slice }: Sees, { observedMs }: OfType<'RealtimeProjectionRefreshed'>): boolean {
  return slice.freshness !== 'Clean' || observedMs > slice.frontierMs
}
function resets({ productTurn: slice }: Sees, { baselineMs }: OfType<'RealtimeProjectionReset'>): boolean {
  return slice.freshness !== 'Clean' || baselineMs > slice.frontierMs
}
function mayExitCleanly({ productTurn: { policy } }: Sees): boolean {
  return policy === 'CleanExit'
}
function leavesSomething({ productTurn: { policy, freshness } }: Sees): boolean {
  return policy !== 'CleanExit' || freshness === 'StaleDeferred'
}

const clean = (slice: ProductTurn, atMs: number): ProductTurn => ({
  ...slice,
  freshness: 'Clean',
  frontierMs: Math.max(slice.frontierMs, atMs),
})
/** A deferred update of the transport's context becomes due. */
const due = (slice: ProductTurn): ProductTurn =>
  slice.freshness === 'StaleDeferred' ? { ...slice, freshness: 'StaleImmediate' } : slice

function phaseChanged({ productTurn: { phase } }: Sees): ProductTurnEffect {
  return { type: 'RealtimeProductTurnPhaseChanged', phase }
}
function freshnessChanged({ productTurn: { freshness, frontierMs } }: Sees): ProductTurnEffect {
  return { type: 'RealtimeProjectionFreshnessChanged', freshness, frontierMs }
}
function cameDue(after: Sees, _: unknown, { productTurn: before }: Sees): readonly ProductTurnEffect[] {
  return after.productTurn.freshness === before.freshness ? [] : [freshnessChanged(after)]
}
function policyChanged({ productTurn: { policy } }: Sees): ProductTurnEffect {
  return { type: 'RealtimeReconnectPolicyChanged', policy }
}

const ALL = ['idle', 'awaitingProgress', 'committed', 'outputStarted', 'preemptible'] as const
const ALIVE: readonly string[] = ['initializing', ...SERVED]
const IN_FLIGHT = ['awaitingProgress', 'committed', 'outputStarted', 'preemptible'] as const
/** Also in `initializing`: a transport may be prepared before its session. */

const moves = (from: ProductTurnPhase, phase: ProductTurnPhase) => ({
  name: phase,
  from: [from],
  during: ALIVE,
  to: [phase],
  then: (slice: ProductTurn): ProductTurn => ({ ...slice, phase }),
  emit: [phaseChanged],
})
const stale = (name: string, from: readonly ProductTurnPhase[], freshness: ProjectionFreshness) => ({
  name,
  from,
  during: ALIVE,
  when: [isNews],
  then: (slice: ProductTurn, { advancedAtMs: frontierMs }: OfType<'RealtimeProjectionAdvanceObserved'>) => ({
    ...slice,
    freshness,
    frontierMs,
  }),
  emit: [freshnessChanged],
})
/** In these phases even a clean close of the transport is too early. */
const busy = [
  {
    name: 'recovers',
    from: ALL,
    during: ALIVE,
    when: [mayExitCleanly],
    then: (slice: ProductTurn): ProductTurn => ({ ...slice, policy: 'ReattachAndRecover' }),
    emit: [policyChanged],
  },
]

const INITIAL: ProductTurn = { phase: 'idle', freshness: 'Clean', frontierMs: 0, policy: 'CleanExit' }
const LIFE = resetTo<ProductTurn, ProductTurnPhase>(INITIAL, ALL)

export const productTurn: ConditionSatellite<
  Sees,
  ProductTurnInput | RealtimeInput,
  ProductTurnEffect,
  'productTurn',
  ProductTurnPhase
> = {
  name: 'productTurn',
  about: 'The turn of a conversation over a realtime transport, and whether the transport has the session’s context.',
  initial: INITIAL,
  condition: { atRest: ({ phase, policy }) => phase === 'idle' && policy === 'CleanExit' },
  key: productTurnInWords,
  phaseOf: state => state.productTurn.phase,
  phases: ALL,
  on: {
    ProductTurnInFlight: [moves('idle', 'awaitingProgress')],
    ProductTurnCommitted: [moves('awaitingProgress', 'committed'), moves('outputStarted', 'preemptible')],
    ProductOutputStarted: [moves('awaitingProgress', 'outputStarted'), moves('committed', 'preemptible')],
    ProductTurnInterrupted: [moves('preemptible', 'committed'), moves('outputStarted', 'awaitingProgress')],
    ProductTurnTerminal: [
      {
        name: 'over',
        from: IN_FLIGHT,
        during: ALIVE,
        to: ['idle'],
        then: slice => ({ ...due(slice), phase: 'idle' }),
        emit: [phaseChanged, cameDue],
      },
    ],
    RealtimeProjectionAdvanceObserved: [
      stale('deferred', IN_FLIGHT, 'StaleDeferred'),
      stale('immediate', ['idle'], 'StaleImmediate'),
    ],
    RealtimeProjectionRefreshed: [
      {
        name: 'refreshed',
        from: ALL,
        during: ALIVE,
        when: [reachesFrontier, refreshes],
        then: (slice, { observedMs }) => clean(slice, observedMs),
        emit: [freshnessChanged],
      },
    ],
    RealtimeProjectionReset: [
      {
        name: 'reset',
        from: ALL,
        during: ALIVE,
        when: [resets],
        then: (slice, { baselineMs }) => clean(slice, baselineMs),
        emit: [freshnessChanged],
      },
    ],
    ClassifyRealtimeClientInputSubmitted: busy,
    ClassifyRealtimeMidTurnActivity: busy,
    ClassifyRealtimeTurnTerminated: [
      {
        name: 'terminated',
        from: ALL,
        during: ALIVE,
        when: [leavesSomething],
        then: slice => ({ ...due(slice), policy: 'CleanExit' }),
        emit: [policyChanged, cameDue],
      },
    ],
  },
  lives: { process: LIFE },
  // A product turn that began before the session was registered goes on.
  follow: { 'RegisterSession/new': { ...LIFE, then: (slice, _, before) => (isRegistered(before) ? INITIAL : slice) } },
  invariants: [
    {
      id: 'product-turn-defers-while-in-flight',
      text: 'news for the transport wait for the end of a turn only while there is one',
      holds: ({ productTurn: { phase, freshness } }) => freshness !== 'StaleDeferred' || phase !== 'idle',
    },
  ],
}
