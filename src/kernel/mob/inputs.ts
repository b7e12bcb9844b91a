/** All inputs of `MobMachine`. */

import type { FlowsInput } from './flows/input.ts'
import type { IngressInput } from './ingress/input.ts'
import type { KickoffsInput } from './kickoffs/input.ts'
import type { MobLifecycleInput } from './lifecycle/input.ts'
import type { RosterInput } from './roster/input.ts'
import type { SpawnsInput } from './spawns/input.ts'
import type { WiringInput } from './wiring/input.ts'
import type { WorkInput } from './work/input.ts'

export type MobInput =
  | MobLifecycleInput
  | RosterInput
  | SpawnsInput
  | IngressInput
  | KickoffsInput
  | WiringInput
  | WorkInput
  | FlowsInput
