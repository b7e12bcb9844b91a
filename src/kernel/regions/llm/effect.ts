/** What leaves the region `llm`. */

import type { ToolFilter } from '../tool-filter.ts'
import type { SessionLlmCapabilitySurface } from './state.ts'

export type LlmEffect =
  /** Another model serves the session, and this is what it changes. */
  {
    readonly type: 'SessionLlmReconfigurePlanResolved'
    readonly previousSurface?: SessionLlmCapabilitySurface
    readonly currentSurface?: SessionLlmCapabilitySurface
    readonly capabilityChanged: boolean
    readonly previousBaseFilter: ToolFilter
    readonly currentBaseFilter: ToolFilter
    /** The tools that the model sees are others now, so the active revision was raised. */
    readonly committedVisibleSetChanged: boolean
    readonly activeVisibilityRevision: number
  }
