/** The whole state of a mob: a slice a region, each written by that region alone. */

import type { Flows } from './flows/state.ts'
import type { Ingress } from './ingress/state.ts'
import type { Kickoffs } from './kickoffs/state.ts'
import type { MobLifecycle } from './lifecycle/state.ts'
import type { Roster } from './roster/state.ts'
import type { Spawns } from './spawns/state.ts'
import type { Wiring } from './wiring/state.ts'
import type { Work } from './work/state.ts'

export interface MobState {
  readonly lifecycle: MobLifecycle
  readonly roster: Roster
  readonly spawns: Spawns
  readonly ingress: Ingress
  readonly kickoffs: Kickoffs
  readonly wiring: Wiring
  readonly work: Work
  readonly flows: Flows
}
