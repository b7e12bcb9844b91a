import type { Standing } from '../standing.ts'
import type { ToolSurfaces } from './state.ts'

/** What the region `tool-surfaces` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly toolSurfaces: ToolSurfaces
}
