import type { Standing } from '../standing.ts'
import type { Context } from './state.ts'

/** What the region `context` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly context: Context
}
