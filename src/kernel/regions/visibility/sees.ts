import type { Llm } from '../llm/state.ts'
import type { Standing } from '../standing.ts'
import type { Visibility } from './state.ts'

/** What the region `visibility` sees: its own slice, the session's standing, and `llm`. */
export interface Sees extends Standing {
  readonly visibility: Visibility
  readonly llm: Llm
}
