import type { Standing } from '../standing.ts'
import type { Context } from './state.ts'

/** What the region `context` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly context: Context
}
