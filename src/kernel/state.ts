/** The whole state of a session: a slice a region, each written by that region alone. */
import type { CoreFacts } from './core.ts'
import type { Comms } from './regions/comms/state.ts'
import type { Context } from './regions/context/state.ts'
import type { Drain } from './regions/drain/state.ts'
import type { Ingress } from './regions/ingress/state.ts'
import type { Interactions } from './regions/interactions/state.ts'
import type { Live } from './regions/live/state.ts'
import type { Llm } from './regions/llm/state.ts'
import type { McpServers } from './regions/mcp-servers/state.ts'
import type { ProductTurn } from './regions/product-turn/state.ts'
import type { Realtime } from './regions/realtime/state.ts'
import type { Routing } from './regions/routing/state.ts'
import type { Streams } from './regions/streams/state.ts'
import type { Supervisor } from './regions/supervisor/state.ts'
import type { ToolSurfaces } from './regions/tool-surfaces/state.ts'
import type { Trust } from './regions/trust/state.ts'
import type { Visibility } from './regions/visibility/state.ts'

/** What is true of the session in every process. The log has every step that led to it. */
export interface MeerkatFacts extends CoreFacts {
  readonly llm: Llm
  readonly visibility: Visibility
  readonly routing: Routing
  readonly ingress: Ingress
  readonly trust: Trust
  readonly interactions: Interactions
  readonly supervisor: Supervisor
}

/** What is true only while this process serves the session. */
export interface MeerkatConditions {
  readonly drain: Drain
  readonly comms: Comms
  readonly streams: Streams
  readonly context: Context
  readonly mcpServers: McpServers
  readonly toolSurfaces: ToolSurfaces
  readonly realtime: Realtime
  readonly productTurn: ProductTurn
  readonly live: Live
}

export interface MeerkatState extends MeerkatFacts, MeerkatConditions {}
