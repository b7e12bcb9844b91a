import type { Standing } from '../standing.ts'
import type { Streams } from './state.ts'

/** What the region `streams` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly streams: Streams
}
