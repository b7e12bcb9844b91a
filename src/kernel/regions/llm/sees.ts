import type { Binding } from '../binding/state.ts'
import type { Run } from '../run/state.ts'
import type { Standing } from '../standing.ts'
import type { Turn } from '../turn/state.ts'
import type { Visibility } from '../visibility/state.ts'
import type { Llm } from './state.ts'

/** What the region `llm` sees: its own slice, the session's standing, and `binding`, `run`, `turn` and `visibility`. */
export interface Sees extends Standing {
  readonly llm: Llm
  readonly binding: Binding
  readonly run: Run
  readonly turn: Turn
  readonly visibility: Visibility
}
