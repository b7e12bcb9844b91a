import type { Standing } from '../standing.ts'
import type { Supervisor } from '../supervisor/state.ts'
import type { Trust } from './state.ts'

/** What the region `trust` sees: its own slice, the session's standing, and `supervisor`. */
export interface Sees extends Standing {
  readonly trust: Trust
  readonly supervisor: Supervisor
}
