/**
 * The comms drain: the background task that takes peers' envelopes out of the inbox and offers them to the session.
 *
 * Enforces: at most one drain runs; its end is told once; what it means follows from mode and reason, unless its keeper
 * says so: otherwise only a persistent host that failed may be started again by itself.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatCondition, MeerkatState } from '../machine.ts'
import { endsWithProcess, isUnregistered, LEFT, SERVED } from './conditions.ts'
import { isRegistered } from './guards.ts'

/** How long a drain goes on without work: for a while, while an executor is attached, or for ever. */
export type DrainMode = 'Timed' | 'AttachedSession' | 'PersistentHost'

/** Why a drain ended. */
export type DrainExitReason = 'IdleTimeout' | 'Dismissed' | 'Failed' | 'Aborted' | 'SessionShutdown'

export type Drain =
  | { readonly phase: 'inactive' }
  | { readonly phase: 'running'; readonly mode: DrainMode }
  /** `exitAwaited`: it was told to stop and has not said yet that it has. */
  | { readonly phase: 'stopped'; readonly exitAwaited: boolean }
  | { readonly phase: 'exitedRespawnable' }

export type DrainInput =
  /** Asks for a drain task; whoever starts it says so with `SpawnDrain`. */
  | { readonly type: 'EnsureDrainRunning' }
  | { readonly type: 'SpawnDrain'; readonly mode: DrainMode }
  | { readonly type: 'StopDrain' }
  /** `respawnable`: whoever keeps it says that it may be started again, whatever mode and reason say. */
  | { readonly type: 'NotifyDrainExited'; readonly reason: DrainExitReason; readonly respawnable?: boolean }
  /** Says whether the session goes on listening when it has nothing to do. */
  | { readonly type: 'SetPeerIngressContext'; readonly keepAlive: boolean }

export type DrainEffect =
  | { readonly type: 'SpawnDrainTask'; readonly mode?: DrainMode }
  | { readonly type: 'DrainExited'; readonly reason: DrainExitReason; readonly respawnable: boolean }

type Exit = Extract<DrainInput, { readonly type: 'NotifyDrainExited' }>

function isRespawnable({ drain: slice }: MeerkatState, { reason, respawnable }: Exit): boolean {
  if (slice.phase !== 'running') return false
  return respawnable ?? (slice.mode === 'PersistentHost' && reason === 'Failed')
}

function isExitAwaited({ drain: slice }: MeerkatState): boolean {
  return slice.phase === 'stopped' && slice.exitAwaited
}

const exited =
  (respawnable: boolean) =>
  (_: MeerkatState, { reason }: Exit): MeerkatEffect => ({ type: 'DrainExited', reason, respawnable })

const INACTIVE: Drain = { phase: 'inactive' }
const EXITED: Drain = { phase: 'stopped', exitAwaited: false }
const RESTING = ['inactive', 'stopped', 'exitedRespawnable'] as const
const ALL = ['inactive', 'running', 'stopped', 'exitedRespawnable'] as const

export const drain: MeerkatCondition<'drain', Drain['phase']> = {
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
  follow: endsWithProcess<Drain, Drain['phase']>(INACTIVE, {
    running: ['inactive'],
    stopped: ['inactive'],
    exitedRespawnable: ['inactive'],
  }),
  invariants: [],
}
