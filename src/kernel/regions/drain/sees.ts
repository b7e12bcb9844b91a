import type { Standing } from '../standing.ts'
import type { Drain } from './state.ts'

/** What the region `drain` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly drain: Drain
}
