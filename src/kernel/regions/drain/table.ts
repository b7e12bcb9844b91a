/**
 * The comms drain: the background task that takes peers' envelopes out of the inbox and offers them to the session.
 *
 * Enforces: at most one drain runs; its exit is emitted once; whether it may be restarted automatically follows from mode
 * and reason (only a persistent host's that failed), unless the host's report says otherwise.
 */

import type { ConditionSatellite } from '../../core.ts'
import { isUnregistered } from '../conditions.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { LEFT, SERVED } from '../phases.ts'
import type { DrainEffect } from './effect.ts'
import type { DrainInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Drain } from './state.ts'

type Exit = Extract<DrainInput, { readonly type: 'NotifyDrainExited' }>

function isRespawnable({ drain: slice }: Sees, { reason, respawnable }: Exit): boolean {
  if (slice.phase !== 'running') return false
  return respawnable ?? (slice.mode === 'PersistentHost' && reason === 'Failed')
}

function isExitAwaited({ drain: slice }: Sees): boolean {
  return slice.phase === 'stopped' && slice.exitAwaited
}

const exited =
  (respawnable: boolean) =>
  (_: Sees, { reason }: Exit): DrainEffect => ({ type: 'DrainExited', reason, respawnable })

const INACTIVE: Drain = { phase: 'inactive' }
const EXITED: Drain = { phase: 'stopped', exitAwaited: false }
const RESTING = ['inactive', 'stopped', 'exitedRespawnable'] as const
const ALL = ['inactive', 'running', 'stopped', 'exitedRespawnable'] as const

export const drain: ConditionSatellite<Sees, DrainInput, DrainEffect, 'drain', Drain['phase']> = {
  name: 'drain',
  about: 'The task that takes peers’ envelopes out of the inbox: whether one runs, in which mode, and how it ended.',
  initial: INACTIVE,
  condition: { atRest: ({ phase }) => phase !== 'running' },
  phaseOf: state => state.drain.phase,
  phases: ALL,
  on: {
    EnsureDrainRunning: [
      {
        name: 'asked',
        from: ALL,
        during: ['attached', 'running'],
        when: [isRegistered],
        emit: [() => ({ type: 'SpawnDrainTask' })],
      },
    ],
    SpawnDrain: [
      {
        name: 'spawned',
        from: RESTING,
        during: SERVED,
        when: [isRegistered],
        to: ['running'],
        then: (_, { mode }) => ({ phase: 'running', mode }),
        emit: [(_, { mode }) => ({ type: 'SpawnDrainTask', mode })],
      },
    ],
    StopDrain: [
      {
        name: 'stopped',
        from: ['running'],
        during: SERVED,
        to: ['stopped'],
        then: () => ({ phase: 'stopped', exitAwaited: true }),
      },
    ],
    NotifyDrainExited: [
      { name: 'late', from: ['inactive'], during: LEFT, when: [isUnregistered] },
      {
        name: 'respawnable',
        from: ['running'],
        during: SERVED,
        when: [isRegistered, isRespawnable],
        to: ['exitedRespawnable'],
        then: () => ({ phase: 'exitedRespawnable' }),
        emit: [exited(true)],
      },
      {
        name: 'exited',
        from: ['running'],
        during: SERVED,
        when: [isRegistered],
        to: ['stopped'],
        then: () => EXITED,
        emit: [exited(false)],
      },
      {
        name: 'as-told',
        from: ['stopped'],
        during: SERVED,
        when: [isRegistered, isExitAwaited],
        then: () => EXITED,
        emit: [exited(false)],
      },
    ],
    SetPeerIngressContext: [{ name: 'told', from: ALL, during: SERVED, when: [isRegistered] }],
  },
  lives: { process: resetTo(INACTIVE, ALL) },
  follow: {},
  invariants: [],
}
