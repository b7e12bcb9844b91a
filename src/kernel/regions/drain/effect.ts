/** The effects of the region `drain`. */

import type { DrainExitReason } from './input.ts'
import type { DrainMode } from './state.ts'

export type DrainEffect =
  | { readonly type: 'SpawnDrainTask'; readonly mode?: DrainMode }
  | { readonly type: 'DrainExited'; readonly reason: DrainExitReason; readonly respawnable: boolean }
