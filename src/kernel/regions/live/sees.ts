import type { Standing } from '../standing.ts'
import type { Live } from './state.ts'

/** What the region `live` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly live: Live
}
