import type { Standing } from '../standing.ts'
import type { Trust } from '../trust/state.ts'
import type { Comms } from './state.ts'

/** What the region `comms` looks at: its own slice, how the session stands, and `trust`. */
export interface Sees extends Standing {
  readonly comms: Comms
  readonly trust: Trust
}
