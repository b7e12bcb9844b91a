/**
 * The session's id, whether an executor serves it, and its teardown.
 *
 * Enforces: a session can't be registered or served while it is being torn down, and the teardown ends only after its three
 * obligations (the loop, the comms drain, the waiters) were closed, each by exactly one report.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { RuntimeEpochId, SessionId } from '../../ids.ts'
import { rowsOf } from '../../region.ts'
import type { BindingTuple } from '../binding/input.ts'
import { sameBinding } from '../binding/table.ts'
import { unfinishedCount } from '../endings/table.ts'
import { isRegistered } from '../guards.ts'
import { SERVED } from '../phases.ts'
import type { RegistrationInput } from './input.ts'
import type { DrainWindow, Identity, Registration } from './state.ts'

const OBLIGATIONS = ['loop', 'comms', 'waiters'] as const
const UNCLOSED: DrainWindow = { loop: 'open', comms: 'open', waiters: 'open', retainsSnapshot: false }

function sameSession(state: CoreFacts, input: { readonly sessionId: SessionId }): boolean {
  return state.registration.sessionId === input.sessionId
}
function otherSession(state: CoreFacts, input: { readonly sessionId: SessionId }): boolean {
  return !sameSession(state, input)
}
function sameEpoch(state: CoreFacts, input: { readonly epochId?: RuntimeEpochId }): boolean {
  return state.binding.epochId === input.epochId
}
function bindingMatches(state: CoreFacts, input: { readonly binding: BindingTuple }): boolean {
  return sameBinding(state.binding, input.binding)
}
const obligationOpen = (name: 'loop' | 'comms' | 'waiters'): ((state: CoreFacts) => boolean) =>
  named(
    `${name}ObligationOpen`,
    state => state.registration.phase === 'draining' && state.registration.drain[name] === 'open',
  )
function allObligationsClosed(state: CoreFacts): boolean {
  return openObligations(state).length === 0
}
function noRunBound(state: CoreFacts): boolean {
  return state.run.phase === 'none'
}
function owesNothing(state: CoreFacts): boolean {
  return unfinishedCount(state) === 0
}
function named<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
  return Object.defineProperty(fn, 'name', { value: name })
}

/** Names of the obligations that the teardown still waits for. */
export function openObligations({ registration: slice }: CoreFacts): readonly (typeof OBLIGATIONS)[number][] {
  return slice.phase === 'draining' ? OBLIGATIONS.filter(name => slice.drain[name] === 'open') : []
}

const refuseRegistration =
  (reason: 'UnregisterTeardownInProgress' | 'RuntimeEpochConflict') =>
  (after: CoreFacts, input: { readonly epochId?: RuntimeEpochId }): CoreEffect => ({
    type: 'SessionRegistrationRejected',
    reason,
    open: openObligations(after),
    registeredEpoch: after.binding.epochId,
    attemptedEpoch: input.epochId,
  })

const requestDrain = (): readonly CoreEffect[] => [
  { type: 'RequestRuntimeLoopStopForUnregister' },
  { type: 'RequestCommsDrainExitForUnregister' },
  { type: 'RequestCompletionWaiterResolutionForUnregister' },
]

const drainFrom =
  (retainsSnapshot: boolean) =>
  (slice: Registration): Registration => ({
    phase: 'draining',
    ...identityOf(slice),
    drain: { ...UNCLOSED, retainsSnapshot },
  })

type Draining = Extract<Registration, { readonly phase: 'draining' }>

const close =
  (name: 'loop' | 'comms' | 'waiters') =>
  (slice: Draining, input: RegistrationInput): Registration => ({
    ...slice,
    drain: { ...slice.drain, [name]: 'forcedAbort' in input && input.forcedAbort ? 'forced' : 'closed' },
  })

function identityOf(slice: Registration): Identity {
  const { sessionId, silentIntents, merge } = slice
  return sessionId === undefined ? { silentIntents, merge } : { silentIntents, merge, sessionId }
}
function queuing(slice: Registration): Registration {
  return slice.phase === 'active' ? { phase: 'queuing', ...identityOf(slice) } : slice
}
function forgetIntents(slice: Registration): Registration {
  return slice.silentIntents.length === 0 ? slice : { ...slice, silentIntents: [] }
}

function registered(
  slice: Registration,
  { sessionId, merge = false, silentIntents = [] }: Extract<RegistrationInput, { readonly type: 'RegisterSession' }>,
): Registration {
  const phase = slice.phase === 'active' ? 'active' : 'queuing'
  return { phase, sessionId, merge, silentIntents }
}

type RegistrationPhase = Registration['phase']

const narrowed = rowsOf<CoreFacts, Registration, CoreEffect>()

export const registration: CoreRegion<'registration', RegistrationPhase> = {
  name: 'registration',
  about: 'The session’s id, whether an executor serves it, and the drain window of its teardown.',
  initial: { phase: 'queuing', silentIntents: [], merge: false },
  phaseOf: state => state.registration.phase,
  phases: ['queuing', 'active', 'draining'],
  on: {
    RegisterSession: [
      {
        name: 'refused-while-draining',
        from: ['draining'],
        during: SERVED,
        when: [isRegistered],
        emit: [refuseRegistration('UnregisterTeardownInProgress')],
      },
      {
        // The drain window is over: a new registration starts afresh, also of a retired or a stopped session.
        name: 'after-drain',
        from: ['draining'],
        during: ['idle', 'retired', 'stopped'],
        to: ['queuing'],
        then: registered,
        emit: [(_, input) => ({ type: 'SessionRegistered', sessionId: input.sessionId })],
      },
      {
        name: 'new',
        from: ['queuing', 'active'],
        during: ['idle', 'attached'],
        when: [otherSession, noRunBound, owesNothing],
        then: registered,
        emit: [(_, input) => ({ type: 'SessionRegistered', sessionId: input.sessionId })],
      },
      { name: 'again', from: ['queuing', 'active'], during: SERVED, when: [sameSession, sameEpoch] },
      {
        name: 'epoch-conflict',
        from: ['queuing', 'active'],
        during: SERVED,
        when: [sameSession],
        emit: [refuseRegistration('RuntimeEpochConflict')],
      },
    ],
    SetSilentIntents: [
      {
        name: 'set',
        from: ['queuing', 'active', 'draining'],
        during: ['idle', 'attached', 'running', 'retired'],
        when: [sameSession],
        then: (slice, input) => ({ ...slice, silentIntents: input.intents }),
      },
    ],
    BeginUnregisterSession: [
      {
        name: 'live',
        from: ['queuing', 'active'],
        during: ['idle', 'attached', 'running'],
        when: [sameSession, bindingMatches],
        to: ['draining'],
        then: drainFrom(false),
        emit: [requestDrain],
      },
      {
        name: 'retained',
        from: ['queuing', 'active'],
        during: ['retired', 'stopped'],
        when: [sameSession, bindingMatches],
        to: ['draining'],
        then: drainFrom(true),
        emit: [requestDrain],
      },
    ],
    RuntimeLoopStoppedForUnregister: [
      narrowed({
        name: 'loop',
        from: ['draining'],
        during: SERVED,
        when: [sameSession, obligationOpen('loop')],
        then: close('loop'),
      }),
    ],
    CommsDrainExitedForUnregister: [
      narrowed({
        name: 'comms',
        from: ['draining'],
        during: SERVED,
        when: [sameSession, obligationOpen('comms')],
        then: close('comms'),
      }),
    ],
    CompletionWaitersResolvedForUnregister: [
      narrowed({
        name: 'waiters',
        from: ['draining'],
        during: SERVED,
        when: [sameSession, obligationOpen('waiters')],
        then: close('waiters'),
      }),
    ],
    UnregisterSession: [
      narrowed({
        name: 'closed',
        from: ['draining'],
        during: SERVED,
        when: [sameSession, bindingMatches, allObligationsClosed],
        // The drain window stays until the next registration, to show that the old registration is over.
        then: ({ phase, drain }) => ({ phase, silentIntents: [], merge: false, drain }),
      }),
    ],
  },
  follow: {
    EnsureSessionWithExecutor: {
      moves: { queuing: ['active'] },
      then: slice => (slice.phase === 'queuing' ? { ...slice, phase: 'active' } : slice),
    },
    Recover: { moves: { active: ['queuing'] }, then: queuing },
    Reset: { moves: { active: ['queuing'] }, then: slice => forgetIntents(queuing(slice)) },
    StopRuntimeExecutor: { then: forgetIntents },
    'StopRuntimeExecutor/inline': { moves: { active: ['queuing'] }, then: slice => forgetIntents(queuing(slice)) },
    RuntimeExecutorExited: { moves: { active: ['queuing'] }, then: slice => forgetIntents(queuing(slice)) },
    Destroy: {
      moves: { active: ['queuing'], draining: ['queuing'] },
      then: slice => ({ phase: 'queuing', ...identityOf(forgetIntents(slice)) }),
    },
  },
  invariants: [
    {
      id: 'executor-serves-a-registered-session',
      text: 'an executor is active only for a registered session',
      holds: s => s.registration.phase !== 'active' || s.registration.sessionId !== undefined,
    },
    {
      id: 'unregistered-after-drain',
      text: 'a draining session without an id has closed every obligation',
      holds: s =>
        s.registration.phase !== 'draining' || s.registration.sessionId !== undefined || allObligationsClosed(s),
    },
  ],
}
