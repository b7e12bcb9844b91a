import type { Standing } from '../standing.ts'
import type { ToolSurfaces } from './state.ts'

/** What the region `tool-surfaces` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly toolSurfaces: ToolSurfaces
}
