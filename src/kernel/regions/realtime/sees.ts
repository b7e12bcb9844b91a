import type { Standing } from '../standing.ts'
import type { Turn } from '../turn/state.ts'
import type { Realtime } from './state.ts'

/** What the region `realtime` sees: its own slice, the session's standing, and `turn`. */
export interface Sees extends Standing {
  readonly realtime: Realtime
  readonly turn: Turn
}
