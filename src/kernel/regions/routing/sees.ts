import type { Standing } from '../standing.ts'
import type { Routing } from './state.ts'

/** What the region `routing` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly routing: Routing
}
