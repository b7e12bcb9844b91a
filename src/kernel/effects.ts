import type { IngestEffect } from './regions/binding/effect.ts'
import type { CallEffect } from './regions/calls/effect.ts'
import type { CommsEffect } from './regions/comms/effect.ts'
import type { ContextEffect } from './regions/context/effect.ts'
import type { DrainEffect } from './regions/drain/effect.ts'
import type { InteractionEffect } from './regions/interactions/effect.ts'
import type { InputEffect } from './regions/ledger/effect.ts'
import type { SessionEffect } from './regions/lifecycle/effect.ts'
import type { LiveEffect } from './regions/live/effect.ts'
import type { LlmEffect } from './regions/llm/effect.ts'
import type { McpServerEffect } from './regions/mcp-servers/effect.ts'
import type { OperationEffect } from './regions/operations/effect.ts'
import type { ProductTurnEffect } from './regions/product-turn/effect.ts'
import type { RealtimeEffect } from './regions/realtime/effect.ts'
import type { RoutingEffect } from './regions/routing/effect.ts'
import type { RunEffect } from './regions/run/effect.ts'
import type { ScheduleEffect } from './regions/schedules/effect.ts'
import type { StreamEffect } from './regions/streams/effect.ts'
import type { SupervisorEffect } from './regions/supervisor/effect.ts'
import type { TailEffect } from './regions/tail/effect.ts'
import type { ToolSurfaceEffect } from './regions/tool-surfaces/effect.ts'
import type { TrustEffect } from './regions/trust/effect.ts'
import type { TurnEffect } from './regions/turn/effect.ts'
import type { VisibilityEffect } from './regions/visibility/effect.ts'

export type MeerkatEffect =
  | InputEffect
  | RunEffect
  | TurnEffect
  | CallEffect
  | OperationEffect
  | ScheduleEffect
  | LlmEffect
  | VisibilityEffect
  | RoutingEffect
  | SessionEffect
  | IngestEffect
  | DrainEffect
  | McpServerEffect
  | ToolSurfaceEffect
  | RealtimeEffect
  | ProductTurnEffect
  | LiveEffect
  | CommsEffect
  | ContextEffect
  | InteractionEffect
  | StreamEffect
  | SupervisorEffect
  | TailEffect
  | TrustEffect
