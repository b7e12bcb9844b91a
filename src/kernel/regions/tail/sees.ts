import type { Standing } from '../standing.ts'
import type { Tail } from './state.ts'

/** What the region `tail` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly tail: Tail
}
