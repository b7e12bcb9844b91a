/** Every input that a session's machine decides on. */

import type { BindingInput } from './regions/binding/input.ts'
import type { CallsInput } from './regions/calls/input.ts'
import type { CommsInput } from './regions/comms/input.ts'
import type { ContextInput } from './regions/context/input.ts'
import type { DrainInput } from './regions/drain/input.ts'
import type { EndingsInput } from './regions/endings/input.ts'
import type { IngressInput } from './regions/ingress/input.ts'
import type { InteractionsInput } from './regions/interactions/input.ts'
import type { AcceptInput, LedgerInput, ResolveAdmissionIdempotency } from './regions/ledger/input.ts'
import type { LifecycleInput } from './regions/lifecycle/input.ts'
import type { LiveInput } from './regions/live/input.ts'
import type { LlmInput } from './regions/llm/input.ts'
import type { McpServersInput } from './regions/mcp-servers/input.ts'
import type { OperationsInput } from './regions/operations/input.ts'
import type { ProductTurnInput } from './regions/product-turn/input.ts'
import type { RealtimeInput } from './regions/realtime/input.ts'
import type { RegistrationInput } from './regions/registration/input.ts'
import type { RoutingInput } from './regions/routing/input.ts'
import type { RunInput } from './regions/run/input.ts'
import type { SchedulesInput } from './regions/schedules/input.ts'
import type { StreamsInput } from './regions/streams/input.ts'
import type { SupervisorInput } from './regions/supervisor/input.ts'
import type { TailInput } from './regions/tail/input.ts'
import type { ToolSurfacesInput } from './regions/tool-surfaces/input.ts'
import type { TranscriptInput } from './regions/transcript/input.ts'
import type { TrustInput } from './regions/trust/input.ts'
import type { TurnInput } from './regions/turn/state.ts'
import type { VisibilityInput } from './regions/visibility/input.ts'

export type MeerkatInput =
  | LifecycleInput
  | RegistrationInput
  | BindingInput
  | AcceptInput
  | ResolveAdmissionIdempotency
  | LedgerInput
  | EndingsInput
  | RunInput
  | TurnInput
  | CallsInput
  | TranscriptInput
  | OperationsInput
  | SchedulesInput
  | LlmInput
  | VisibilityInput
  | RoutingInput
  | DrainInput
  | IngressInput
  | TrustInput
  | InteractionsInput
  | SupervisorInput
  | TailInput
  | CommsInput
  | StreamsInput
  | ContextInput
  | McpServersInput
  | ToolSurfacesInput
  | RealtimeInput
  | ProductTurnInput
  | LiveInput
