import type { Standing } from '../standing.ts'
import type { Routing } from './state.ts'

/** What the region `routing` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly routing: Routing
}
