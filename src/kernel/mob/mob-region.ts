/** The type in which the regions of `MobMachine` are declared. */

import type { Region } from '../region.ts'
import type { MobEffect } from './effects.ts'
import type { MobInput } from './inputs.ts'
import type { MobPhase } from './lifecycle/state.ts'
import type { MobState } from './state.ts'

/** A region of the mob; the phases of its rows are those of the mob as a whole. */
export type MobRegion<Name extends keyof MobState> = Region<MobState, MobInput, MobEffect, Name, MobPhase>
