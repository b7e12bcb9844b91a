/** The whole state of a session: a slice a region, each written by that region alone. */

import type { Binding } from './regions/binding/state.ts'
import type { Calls } from './regions/calls/state.ts'
import type { Comms } from './regions/comms/state.ts'
import type { Context } from './regions/context/state.ts'
import type { Drain } from './regions/drain/state.ts'
import type { Endings } from './regions/endings/state.ts'
import type { Ingress } from './regions/ingress/state.ts'
import type { Interactions } from './regions/interactions/state.ts'
import type { Ledger } from './regions/ledger/state.ts'
import type { Lifecycle } from './regions/lifecycle/state.ts'
import type { Live } from './regions/live/state.ts'
import type { Llm } from './regions/llm/state.ts'
import type { McpServers } from './regions/mcp-servers/state.ts'
import type { Operations } from './regions/operations/state.ts'
import type { ProductTurn } from './regions/product-turn/state.ts'
import type { Realtime } from './regions/realtime/state.ts'
import type { Registration } from './regions/registration/state.ts'
import type { Routing } from './regions/routing/state.ts'
import type { Run } from './regions/run/state.ts'
import type { Schedules } from './regions/schedules/state.ts'
import type { Streams } from './regions/streams/state.ts'
import type { Supervisor } from './regions/supervisor/state.ts'
import type { Tail } from './regions/tail/state.ts'
import type { ToolSurfaces } from './regions/tool-surfaces/state.ts'
import type { Transcript } from './regions/transcript/state.ts'
import type { Trust } from './regions/trust/state.ts'
import type { Turn } from './regions/turn/state.ts'
import type { Visibility } from './regions/visibility/state.ts'

/** What is true of the session whoever serves it: the log holds how it came about. */
export interface MeerkatFacts {
  readonly lifecycle: Lifecycle
  readonly registration: Registration
  readonly binding: Binding
  readonly ledger: Ledger
  readonly endings: Endings
  readonly run: Run
  readonly turn: Turn
  readonly calls: Calls
  readonly transcript: Transcript
  readonly operations: Operations
  readonly schedules: Schedules
  readonly llm: Llm
  readonly visibility: Visibility
  readonly routing: Routing
  readonly ingress: Ingress
  readonly trust: Trust
  readonly interactions: Interactions
  readonly supervisor: Supervisor
  readonly tail: Tail
}

/** What is true while this process serves the session, and nobody's business afterwards. */
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
