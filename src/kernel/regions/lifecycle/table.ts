/**
 * The session's spine: its phase as a whole.
 *
 * Enforces: from every phase except `destroyed` some operation leads out; after a run the session returns to the phase
 * before it, or to `retired` if it was retired meanwhile. It does not know which inputs wait (ledger) or what a run holds
 * (run).
 */

import type { CoreEffect, CoreFacts, CoreInput, CoreRegion } from '../../core.ts'
import type { SessionId } from '../../ids.ts'
import { rowsOf } from '../../region.ts'
import { canHear, canPrepare } from '../../runnable.ts'
import { allCallsSettled, hasUnsettledCalls } from '../calls/table.ts'
import { epochBegunBy, isCurrentRun, isRegistered, notDraining } from '../guards.ts'
import { batchFor, drainsAfterRetire, givenUpBy } from '../ledger/runs.ts'
import type { RollbackCause } from '../run/effect.ts'
import type { Lifecycle, LifecyclePhase, PreRunPhase } from './state.ts'

const IDLE: Lifecycle = { phase: 'idle' }
const ATTACHED: Lifecycle = { phase: 'attached', stopDeferred: false }
const RETIRED: Lifecycle = { phase: 'retired' }
const STOPPED: Lifecycle = { phase: 'stopped' }
const DESTROYED: Lifecycle = { phase: 'destroyed' }

const PRE_RUN: readonly PreRunPhase[] = ['idle', 'attached', 'retired']

function isThisSession(state: CoreFacts, input: { readonly sessionId: SessionId }): boolean {
  return state.registration.sessionId === input.sessionId
}
/** Its executor may report its exit after the session was unregistered. */
function isUnregistered(state: CoreFacts): boolean {
  return state.registration.sessionId === undefined
}
function turnCompleted(state: CoreFacts): boolean {
  return state.turn.phase === 'completed'
}
function turnFailed(state: CoreFacts): boolean {
  return state.turn.phase === 'failed'
}
function turnCancelled(state: CoreFacts): boolean {
  return state.turn.phase === 'cancelled'
}
function isParkable(state: CoreFacts, input: { readonly cause: RollbackCause }): boolean {
  return input.cause !== 'parked' || hasUnsettledCalls(state)
}
function isServed(state: CoreFacts): boolean {
  return state.registration.phase === 'active'
}

type In<Phase extends LifecyclePhase> = Extract<Lifecycle, { readonly phase: Phase }>

function startRun(slice: In<'idle' | 'attached'>): Lifecycle {
  return slice.phase === 'attached'
    ? { phase: 'running', preRun: 'attached', stopDeferred: slice.stopDeferred }
    : { phase: 'running', preRun: 'idle', stopDeferred: false }
}
function drainRun(): Lifecycle {
  return { phase: 'running', preRun: 'retired', stopDeferred: false }
}
function endRun(slice: In<'running'>): Lifecycle {
  // A stop that was requested during the run is still pending after it, whatever phase the run began in.
  if (slice.stopDeferred) return { phase: 'attached', stopDeferred: true }
  if (slice.preRun === 'attached') return ATTACHED
  return slice.preRun === 'idle' ? IDLE : RETIRED
}
/** A placement belongs to one session id; without it and without an executor the session is no longer attached. */
function detachOnNewIdentity(slice: Lifecycle, _: unknown, { registration }: CoreFacts): Lifecycle {
  return slice.phase === 'attached' && registration.phase === 'queuing' ? IDLE : slice
}
function deferStop(slice: In<'attached' | 'running'>): Lifecycle {
  return { ...slice, stopDeferred: true }
}
function retireAfterRun(slice: In<'running'>): Lifecycle {
  return { ...slice, preRun: 'retired', stopDeferred: false }
}

const notice = (name: 'Recover' | 'Reset' | 'Stop' | 'Exit' | 'Resume') => (): CoreEffect => ({
  type: 'RuntimeNotice',
  notice: name,
})

function stopFact(_: CoreFacts, input: { readonly reason: string }): CoreEffect {
  return { type: 'RuntimeEffectFact', fact: 'StopRuntimeExecutor', reason: input.reason }
}
function runtimeRetired(_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  return before.binding.phase === 'bound' ? [{ type: 'RuntimeRetired', runtimeId: before.binding.runtimeId }] : []
}
function runtimeDestroyed(_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  return before.binding.phase === 'bound' ? [{ type: 'RuntimeDestroyed', runtimeId: before.binding.runtimeId }] : []
}

const PHASES: readonly LifecyclePhase[] = [
  'initializing',
  'idle',
  'attached',
  'running',
  'retired',
  'stopped',
  'destroyed',
]

const narrowed = rowsOf<CoreFacts, Lifecycle, CoreEffect>()

export const lifecycle: CoreRegion<'lifecycle', LifecyclePhase> = {
  name: 'lifecycle',
  about: 'What the session is doing as a whole, and where a run returns to.',
  initial: { phase: 'initializing' },
  phaseOf: state => state.lifecycle.phase,
  phases: PHASES,
  decides: {
    Prepare: batchFor,
    DrainQueuedRun: batchFor,
    Retire: drainsAfterRetire,
    Reset: epochBegunBy,
    RollbackRun: givenUpBy,
    Recover: givenUpBy,
  },
  on: {
    Initialize: [{ name: 'fresh', from: ['initializing'], to: ['idle'], then: () => IDLE }],
    EnsureSessionWithExecutor: [
      { name: 'attach', from: ['idle'], when: [isThisSession, notDraining], to: ['attached'], then: () => ATTACHED },
      { name: 'again', from: ['attached'], when: [isThisSession, notDraining], then: () => ATTACHED },
      { name: 'during-run', from: ['running', 'retired'], when: [isThisSession, notDraining] },
    ],
    Prepare: [
      narrowed({
        name: 'start',
        from: ['idle', 'attached'],
        when: [isRegistered, canPrepare],
        to: ['running'],
        then: startRun,
      }),
      // Calls of the head wait for a person; the run starts to take in steers.
      narrowed({
        name: 'hear',
        from: ['idle', 'attached'],
        when: [isRegistered, canHear],
        to: ['running'],
        then: startRun,
      }),
    ],
    DrainQueuedRun: [
      {
        name: 'drain',
        from: ['retired'],
        when: [isRegistered, canPrepare],
        to: ['running'],
        then: drainRun,
      },
      { name: 'hear', from: ['retired'], when: [isRegistered, canHear], to: ['running'], then: drainRun },
    ],
    Commit: [
      narrowed({
        name: 'done',
        from: ['running'],
        when: [isCurrentRun, turnCompleted, allCallsSettled],
        to: PRE_RUN,
        then: endRun,
      }),
    ],
    Fail: [
      narrowed({ name: 'failed', from: ['running'], when: [isCurrentRun, turnFailed], to: PRE_RUN, then: endRun }),
    ],
    CancelRun: [
      narrowed({
        name: 'cancelled',
        from: ['running'],
        when: [isCurrentRun, turnCancelled],
        to: PRE_RUN,
        then: endRun,
      }),
    ],
    RollbackRun: [
      narrowed({ name: 'rolled-back', from: ['running'], when: [isCurrentRun, isParkable], to: PRE_RUN, then: endRun }),
    ],
    Retire: [
      {
        name: 'quiet',
        from: ['idle', 'attached', 'stopped'],
        to: ['retired'],
        then: () => RETIRED,
        emit: [runtimeRetired],
      },
      narrowed({ name: 'after-run', from: ['running'], then: retireAfterRun, emit: [runtimeRetired] }),
      { name: 'again', from: ['retired'], emit: [runtimeRetired] },
    ],
    Reset: [
      {
        name: 'reset',
        from: ['initializing', 'idle', 'attached', 'retired'],
        to: ['idle'],
        then: () => IDLE,
        emit: [notice('Reset')],
      },
    ],
    Recycle: [
      {
        name: 'served',
        from: ['attached'],
        when: [isRegistered, notDraining, isServed],
        then: () => ATTACHED,
        emit: [() => ({ type: 'InitiateRecycle' })],
      },
      {
        name: 'to-idle',
        from: ['idle', 'attached', 'retired'],
        when: [isRegistered, notDraining],
        to: ['idle'],
        then: () => IDLE,
        emit: [() => ({ type: 'InitiateRecycle' })],
      },
    ],
    Recover: [
      { name: 'fresh', from: ['initializing'], to: ['idle'], then: () => IDLE, emit: [notice('Recover')] },
      { name: 'condition', from: ['attached'], to: ['idle'], then: () => IDLE, emit: [notice('Recover')] },
      narrowed({
        name: 'mid-run',
        from: ['running'],
        to: ['idle', 'retired'],
        then: slice => (slice.preRun === 'retired' ? RETIRED : IDLE),
        emit: [notice('Recover')],
      }),
      { name: 'fact', from: ['idle', 'retired', 'stopped'], emit: [notice('Recover')] },
    ],
    StopRuntimeExecutor: [
      {
        name: 'inline',
        from: ['initializing', 'idle', 'retired'],
        to: ['stopped'],
        then: () => STOPPED,
        emit: [notice('Stop'), stopFact],
      },
      narrowed({ name: 'deferred', from: ['attached', 'running'], then: deferStop, emit: [notice('Stop'), stopFact] }),
      { name: 'again', from: ['stopped'] },
    ],
    RuntimeExecutorExited: [
      { name: 'late', from: ['idle', 'retired'], when: [isUnregistered] },
      {
        name: 'exit',
        from: ['idle', 'attached', 'running', 'retired'],
        to: ['stopped'],
        then: () => STOPPED,
        emit: [notice('Exit')],
      },
      { name: 'again', from: ['stopped'] },
    ],
    Resume: [
      {
        name: 'revive',
        from: ['stopped'],
        when: [notDraining],
        to: ['idle'],
        then: () => IDLE,
        emit: [notice('Resume')],
      },
      { name: 'again', from: ['idle', 'attached', 'running'] },
    ],
    Destroy: [
      {
        name: 'destroy',
        from: ['initializing', 'idle', 'attached', 'running', 'retired', 'stopped'],
        to: ['destroyed'],
        then: () => DESTROYED,
        emit: [runtimeDestroyed],
      },
      { name: 'again', from: ['destroyed'] },
    ],
  },
  follow: {
    PrepareBindings: { moves: { idle: ['attached'] }, then: slice => (slice.phase === 'idle' ? ATTACHED : slice) },
    'RegisterSession/new': { moves: { attached: ['idle'] }, then: detachOnNewIdentity },
    UnregisterSession: {
      moves: { attached: ['idle'], running: ['idle'], stopped: ['idle'] },
      then: slice => (slice.phase === 'retired' ? RETIRED : IDLE),
    },
  },
  invariants: [
    {
      id: 'running-is-registered',
      text: 'a running session is registered',
      holds: s => s.lifecycle.phase !== 'running' || isRegistered(s),
    },
  ],
}
