/** All inputs of the session machine. */
import type { CoreInput } from './core.ts'
import type { CommsInput } from './regions/comms/input.ts'
import type { ContextInput } from './regions/context/input.ts'
import type { DrainInput } from './regions/drain/input.ts'
import type { IngressInput } from './regions/ingress/input.ts'
import type { InteractionsInput } from './regions/interactions/input.ts'
import type { LiveInput } from './regions/live/input.ts'
import type { LlmInput } from './regions/llm/input.ts'
import type { McpServersInput } from './regions/mcp-servers/input.ts'
import type { ProductTurnInput } from './regions/product-turn/input.ts'
import type { RealtimeInput } from './regions/realtime/input.ts'
import type { RoutingInput } from './regions/routing/input.ts'
import type { StreamsInput } from './regions/streams/input.ts'
import type { SupervisorInput } from './regions/supervisor/input.ts'
import type { ToolSurfacesInput } from './regions/tool-surfaces/input.ts'
import type { TrustInput } from './regions/trust/input.ts'
import type { VisibilityInput } from './regions/visibility/input.ts'

export type MeerkatInput =
  | CoreInput
  | LlmInput
  | VisibilityInput
  | RoutingInput
  | IngressInput
  | TrustInput
  | InteractionsInput
  | SupervisorInput
  | DrainInput
  | CommsInput
  | StreamsInput
  | ContextInput
  | McpServersInput
  | ToolSurfacesInput
  | RealtimeInput
  | ProductTurnInput
  | LiveInput
