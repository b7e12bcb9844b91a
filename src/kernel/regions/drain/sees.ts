import type { Standing } from '../standing.ts'
import type { Drain } from './state.ts'

/** What the region `drain` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly drain: Drain
}
