import type { Standing } from '../standing.ts'
import type { Interactions } from './state.ts'

/** What the region `interactions` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly interactions: Interactions
}
