import type { Standing } from '../standing.ts'
import type { Turn } from '../turn/state.ts'
import type { Realtime } from './state.ts'

/** What the region `realtime` looks at: its own slice, how the session stands, and `turn`. */
export interface Sees extends Standing {
  readonly realtime: Realtime
  readonly turn: Turn
}
