import type { Standing } from '../standing.ts'
import type { Streams } from './state.ts'

/** What the region `streams` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly streams: Streams
}
