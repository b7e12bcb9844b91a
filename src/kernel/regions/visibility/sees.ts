import type { Llm } from '../llm/state.ts'
import type { Standing } from '../standing.ts'
import type { Visibility } from './state.ts'

/** What the region `visibility` looks at: its own slice, how the session stands, and `llm`. */
export interface Sees extends Standing {
  readonly visibility: Visibility
  readonly llm: Llm
}
