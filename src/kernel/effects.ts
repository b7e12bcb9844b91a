/** The effects of the session machine: facts to publish and requests to the process, in the order of their step. */
import type { CoreEffect } from './core.ts'
import type { CommsEffect } from './regions/comms/effect.ts'
import type { ContextEffect } from './regions/context/effect.ts'
import type { DrainEffect } from './regions/drain/effect.ts'
import type { InteractionEffect } from './regions/interactions/effect.ts'
import type { LiveEffect } from './regions/live/effect.ts'
import type { LlmEffect } from './regions/llm/effect.ts'
import type { McpServerEffect } from './regions/mcp-servers/effect.ts'
import type { ProductTurnEffect } from './regions/product-turn/effect.ts'
import type { RealtimeEffect } from './regions/realtime/effect.ts'
import type { RoutingEffect } from './regions/routing/effect.ts'
import type { StreamEffect } from './regions/streams/effect.ts'
import type { SupervisorEffect } from './regions/supervisor/effect.ts'
import type { ToolSurfaceEffect } from './regions/tool-surfaces/effect.ts'
import type { TrustEffect } from './regions/trust/effect.ts'
import type { VisibilityEffect } from './regions/visibility/effect.ts'

export type MeerkatEffect =
  | CoreEffect
  | LlmEffect
  | VisibilityEffect
  | RoutingEffect
  | TrustEffect
  | InteractionEffect
  | SupervisorEffect
  | DrainEffect
  | CommsEffect
  | StreamEffect
  | ContextEffect
  | McpServerEffect
  | ToolSurfaceEffect
  | RealtimeEffect
  | ProductTurnEffect
  | LiveEffect
