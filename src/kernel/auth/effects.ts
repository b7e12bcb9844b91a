/** What leaves the machine of a credential. */

import type { FlowsEffect } from './flows/effect.ts'
import type { LeaseEffect } from './lease/effect.ts'

export type AuthEffect = LeaseEffect | FlowsEffect
