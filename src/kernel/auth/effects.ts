/** The effects of `AuthMachine`. */

import type { FlowsEffect } from './flows/effect.ts'
import type { LeaseEffect } from './lease/effect.ts'

export type AuthEffect = LeaseEffect | FlowsEffect
