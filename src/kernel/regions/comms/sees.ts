import type { Standing } from '../standing.ts'
import type { Trust } from '../trust/state.ts'
import type { Comms } from './state.ts'

/** What the region `comms` sees: its own slice, the session's standing, and `trust`. */
export interface Sees extends Standing {
  readonly comms: Comms
  readonly trust: Trust
}
