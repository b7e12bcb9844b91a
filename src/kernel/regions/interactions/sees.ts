import type { Standing } from '../standing.ts'
import type { Interactions } from './state.ts'

/** What the region `interactions` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly interactions: Interactions
}
