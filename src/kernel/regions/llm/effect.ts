/** The effects of the region `llm`. */

import type { ToolFilter } from '../tool-filter.ts'
import type { SessionLlmCapabilitySurface } from './state.ts'

export type LlmEffect =
  /** Another model serves the session, with what that changes. */
  {
    readonly type: 'SessionLlmReconfigurePlanResolved'
    readonly previousSurface?: SessionLlmCapabilitySurface
    readonly currentSurface?: SessionLlmCapabilitySurface
    readonly capabilityChanged: boolean
    readonly previousBaseFilter: ToolFilter
    readonly currentBaseFilter: ToolFilter
    /** Whether the tools that the model sees changed, which raised the active revision. */
    readonly committedVisibleSetChanged: boolean
    readonly activeVisibilityRevision: number
  }
