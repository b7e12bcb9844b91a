/** What the regions of a mob are declared as. */

import type { Region } from '../region.ts'
import type { MobEffect } from './effects.ts'
import type { MobInput } from './inputs.ts'
import type { MobPhase } from './lifecycle/state.ts'
import type { MobState } from './state.ts'

/** A region of the mob; every row speaks of the phase of the mob as a whole. */
export type MobRegion<Name extends keyof MobState> = Region<MobState, MobInput, MobEffect, Name, MobPhase>
