/**
 * The mob's spine: whether it runs, is stopped, completed or destroyed; and whether a coordinator acts for it.
 *
 * Enforces: a mob stops only when no flow run is unfinished; from every phase but `destroyed` an operation leads out. It
 * does not know who its members are (roster) or what they do (work, flows).
 */
import type { Of } from '../../region.ts'
import { departing } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { MobInput } from '../inputs.ts'
import type { MobRegion } from '../mob-region.ts'
import { isCurrentRuntime } from '../roster/state.ts'
import type { MobState } from '../state.ts'
import type { MobLifecycle, MobPhase } from './state.ts'

/** All phases except `destroyed`. */
export const LIVING: readonly MobPhase[] = ['running', 'stopped', 'completed']

const BOUND: MobLifecycle = { phase: 'running', coordinator: 'bound' }
const UNBOUND: MobLifecycle = { phase: 'running', coordinator: 'unbound' }
const STOPPED: MobLifecycle = { phase: 'stopped' }
const COMPLETED: MobLifecycle = { phase: 'completed' }
const DESTROYED: MobLifecycle = { phase: 'destroyed' }

export function coordinatorBound({ lifecycle: now }: MobState): boolean {
  return now.phase === 'running' && now.coordinator === 'bound'
}
function noUnfinishedRun({ flows }: MobState): boolean {
  return flows.runs.size === 0
}
function noOpenSpawn({ spawns }: MobState): boolean {
  return spawns.opened === 0
}
/** Whether the mob gave the session back before. */
function isGivenBack(state: MobState, input: Of<MobInput, 'ObserveRuntimeDestroyed'>): boolean {
  return departing(state, input) !== undefined
}
function noOpenKickoff({ kickoffs }: MobState): boolean {
  return kickoffs.open === 0
}
function noIngressToDetach({ ingress }: MobState): boolean {
  return ingress.detaching.size === 0
}

const notice = (name: 'stopped' | 'resumed' | 'completed' | 'reset' | 'destroyed') => (): MobEffect => ({
  type: 'LifecycleNotice',
  notice: name,
})

export const lifecycle: MobRegion<'lifecycle'> = {
  name: 'lifecycle',
  about: 'Whether the mob runs, is stopped, completed or destroyed, and whether a coordinator acts for it.',
  initial: UNBOUND,
  phaseOf: state => state.lifecycle.phase,
  phases: [...LIVING, 'destroyed'],
  on: {
    BindCoordinator: [{ name: 'bound', from: ['running'], then: () => BOUND }],
    UnbindCoordinator: [{ name: 'unbound', from: ['running'], then: () => UNBOUND }],
    Stop: [
      {
        name: 'stopped',
        from: ['running'],
        when: [noUnfinishedRun],
        to: ['stopped'],
        then: () => STOPPED,
        emit: [notice('stopped')],
      },
      { name: 'again', from: ['stopped'] },
    ],
    Resume: [
      { name: 'resumed', from: ['stopped'], to: ['running'], then: () => BOUND, emit: [notice('resumed')] },
      { name: 'again', from: ['running'], then: () => BOUND },
    ],
    Complete: [
      { name: 'completed', from: ['running'], to: ['completed'], then: () => COMPLETED, emit: [notice('completed')] },
      { name: 'again', from: ['completed'] },
    ],
    Reset: [{ name: 'reset', from: LIVING, to: ['running'], then: () => BOUND, emit: [notice('reset')] }],
    Destroy: [
      {
        name: 'destroyed',
        from: LIVING,
        when: [noOpenSpawn, noOpenKickoff, noIngressToDetach],
        to: ['destroyed'],
        then: () => DESTROYED,
        emit: [notice('destroyed')],
      },
      { name: 'again', from: ['destroyed'] },
    ],
    ObserveRuntimeDestroyed: [
      // Only its member leaves.
      { name: 'given-back', from: LIVING, when: [isGivenBack] },
      {
        name: 'destroyed',
        from: LIVING,
        when: [isCurrentRuntime],
        to: ['destroyed'],
        then: () => DESTROYED,
        emit: [notice('destroyed')],
      },
      // The answers of a destroyed mob's sessions.
      { name: 'confirmed', from: ['destroyed'] },
    ],
  },
  follow: {},
  invariants: [],
}
