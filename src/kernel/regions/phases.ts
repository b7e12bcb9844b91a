/** Named sets of the session's phases, for the `from` of rows. */
import type { LifecyclePhase } from './lifecycle/state.ts'

type Phases = readonly LifecyclePhase[]

/** The session begins new work and connections. */
export const OPEN: Phases = ['idle', 'attached', 'running']
/** It may have an executor. */
export const ATTENDED: Phases = ['attached', 'running']
/** It has a run. */
export const RUNNING: Phases = ['running']
/** It takes new work, or finishes the work it has. */
export const GOING: Phases = [...OPEN, 'retired']
/** It can have connections and waiting work, also while it is stopped. */
export const SERVED: Phases = [...GOING, 'stopped']
/** All except `initializing`: also a destroyed session's remains can be dealt with. */
export const LASTING: Phases = [...SERVED, 'destroyed']
/** Phases that an unregistered session may have. */
export const LEFT: Phases = ['idle', 'retired', 'stopped']
