import type { Standing } from '../standing.ts'
import type { Live } from './state.ts'

/** What the region `live` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly live: Live
}
