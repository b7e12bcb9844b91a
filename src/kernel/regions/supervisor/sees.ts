import type { Standing } from '../standing.ts'
import type { Supervisor } from './state.ts'

/** What the region `supervisor` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly supervisor: Supervisor
}
