/** Sets of the session's phases, one name each. What a region allows in one is its rows' to say. */
import type { LifecyclePhase } from './lifecycle/state.ts'

type Phases = readonly LifecyclePhase[]

/** It takes up new dealings with the world. */
export const OPEN: Phases = ['idle', 'attached', 'running']
/** It may have an executor. */
export const ATTENDED: Phases = ['attached', 'running']
/** It has a run. */
export const RUNNING: Phases = ['running']
/** It works, or works off what it has. */
export const GOING: Phases = [...OPEN, 'retired']
/** It can have dealings with the world, also where it has to be resumed first. */
export const SERVED: Phases = [...GOING, 'stopped']
/** It has begun; what is left of it can be looked after, whatever became of it. */
export const LASTING: Phases = [...SERVED, 'destroyed']
/** It may be without a registration. */
export const LEFT: Phases = ['idle', 'retired', 'stopped']
