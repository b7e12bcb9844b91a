import type { Standing } from '../standing.ts'
import type { Supervisor } from '../supervisor/state.ts'
import type { Trust } from './state.ts'

/** What the region `trust` looks at: its own slice, how the session stands, and `supervisor`. */
export interface Sees extends Standing {
  readonly trust: Trust
  readonly supervisor: Supervisor
}
