import type { Standing } from '../standing.ts'
import type { Supervisor } from './state.ts'

/** What the region `supervisor` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly supervisor: Supervisor
}
