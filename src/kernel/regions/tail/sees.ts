import type { Standing } from '../standing.ts'
import type { Tail } from './state.ts'

/** What the region `tail` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly tail: Tail
}
