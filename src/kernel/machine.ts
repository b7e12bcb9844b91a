/**
 * `MeerkatMachine`: what one session decides, assembled of its regions, with the rules that span them.
 *
 * The record below is the whole state; each slice has one region that writes it. `step` is the only way to change it.
 */
import type { AcceptInput, ResolveAdmissionIdempotency } from './admission.ts'
import type { MeerkatEffect } from './effects.ts'
import type { Condition, Invariant, Region } from './region.ts'
import { type Binding, type BindingInput, binding } from './regions/binding.ts'
import { type Calls, type CallsInput, calls } from './regions/calls.ts'
import { type Comms, type CommsInput, comms } from './regions/comms.ts'
import { type Context, type ContextInput, context } from './regions/context.ts'
import { type Drain, type DrainInput, drain } from './regions/drain.ts'
import { type Endings, type EndingsInput, endings } from './regions/endings.ts'
import { type Ingress, type IngressInput, ingress } from './regions/ingress.ts'
import { type Interactions, type InteractionsInput, interactions } from './regions/interactions.ts'
import { type LedgerInput, ledger } from './regions/ledger.ts'
import type { Ledger } from './regions/ledger-entries.ts'
import { type Lifecycle, type LifecycleInput, lifecycle } from './regions/lifecycle.ts'
import { live } from './regions/live.ts'
import type { LiveInput } from './regions/live-rules.ts'
import type { Live } from './regions/live-state.ts'
import { type LlmInput, llm } from './regions/llm.ts'
import type { Llm } from './regions/llm-state.ts'
import { type McpServers, type McpServersInput, mcpServers } from './regions/mcp-servers.ts'
import { operations } from './regions/operations.ts'
import type { Operations } from './regions/operations-entries.ts'
import type { OperationsInput } from './regions/operations-rules.ts'
import { type ProductTurn, type ProductTurnInput, productTurn } from './regions/product-turn.ts'
import { type RealtimeInput, realtime } from './regions/realtime.ts'
import type { Realtime } from './regions/realtime-state.ts'
import { type Registration, type RegistrationInput, registration } from './regions/registration.ts'
import { routing } from './regions/routing.ts'
import type { RoutingInput } from './regions/routing-rules.ts'
import type { Routing } from './regions/routing-state.ts'
import { type Run, type RunInput, run } from './regions/run.ts'
import { type Schedules, type SchedulesInput, schedules } from './regions/schedules.ts'
import { type Streams, type StreamsInput, streams } from './regions/streams.ts'
import { supervisor } from './regions/supervisor.ts'
import type { Supervisor } from './regions/supervisor-facts.ts'
import type { SupervisorInput } from './regions/supervisor-rules.ts'
import { type Tail, type TailInput, tail } from './regions/tail.ts'
import { toolSurfaces } from './regions/tool-surfaces.ts'
import type { ToolSurfacesInput } from './regions/tool-surfaces-rules.ts'
import type { ToolSurfaces } from './regions/tool-surfaces-state.ts'
import { type Transcript, type TranscriptInput, transcript } from './regions/transcript.ts'
import { type Trust, type TrustInput, trust } from './regions/trust.ts'
import { turn } from './regions/turn.ts'
import type { Turn, TurnInput } from './regions/turn-state.ts'
import { type VisibilityInput, visibility } from './regions/visibility.ts'
import type { Visibility } from './regions/visibility-state.ts'
import { type Machine, machine, type StepResult } from './step.ts'

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

/** A region of facts. It sees facts only, so that its log can be replayed without the process that wrote it. */
export type MeerkatRegion<Name extends keyof MeerkatFacts, Phase extends string = string> = Region<
  MeerkatFacts,
  MeerkatInput,
  MeerkatEffect,
  Name,
  Phase
>

/** A region of conditions. It sees facts, too. */
export type MeerkatCondition<Name extends keyof MeerkatConditions, Phase extends string = string> = Region<
  MeerkatState,
  MeerkatInput,
  MeerkatEffect,
  Name,
  Phase
> & { readonly condition: Condition<MeerkatConditions[Name]> }

const spanning: readonly Invariant<MeerkatState>[] = [
  {
    id: 'run-iff-running',
    text: 'a run is bound exactly while the session is running',
    holds: s => (s.run.phase === 'bound') === (s.lifecycle.phase === 'running'),
  },
  {
    id: 'turn-belongs-to-run',
    text: 'an unfinished turn belongs to the bound run',
    holds: s => s.turn.phase === 'ready' || (s.run.phase === 'bound' && s.run.runId === s.turn.facts.runId),
  },
  {
    id: 'ended-owes-nothing',
    text: 'a destroyed session holds no input but what was given up, and no open call',
    holds: s => s.lifecycle.phase !== 'destroyed' || (s.ledger.entries.size === 0 && s.calls.open.size === 0),
  },
  {
    id: 'operations-have-an-owner',
    text: 'an unregistered or destroyed session has no unfinished operation',
    holds: s =>
      s.operations.active === 0 || (s.registration.sessionId !== undefined && s.lifecycle.phase !== 'destroyed'),
  },
  {
    id: 'attached-has-executor-or-binding',
    text: 'an attached session has an active executor, a bound runtime, a stop to complete, or is being torn down',
    holds: s =>
      s.lifecycle.phase !== 'attached' ||
      s.lifecycle.stopDeferred ||
      s.registration.phase !== 'queuing' ||
      s.binding.phase === 'bound',
  },
]

/** Every slice by name: what each step pays for having many regions. */
function copy(s: MeerkatState): MeerkatState {
  return {
    lifecycle: s.lifecycle,
    registration: s.registration,
    binding: s.binding,
    ledger: s.ledger,
    endings: s.endings,
    run: s.run,
    turn: s.turn,
    calls: s.calls,
    transcript: s.transcript,
    operations: s.operations,
    schedules: s.schedules,
    llm: s.llm,
    visibility: s.visibility,
    routing: s.routing,
    ingress: s.ingress,
    trust: s.trust,
    interactions: s.interactions,
    supervisor: s.supervisor,
    tail: s.tail,
    drain: s.drain,
    comms: s.comms,
    streams: s.streams,
    context: s.context,
    mcpServers: s.mcpServers,
    toolSurfaces: s.toolSurfaces,
    realtime: s.realtime,
    productTurn: s.productTurn,
    live: s.live,
  }
}

/** The session machine. */
export const meerkat: Machine<MeerkatState, MeerkatInput, MeerkatEffect> = machine({
  name: 'meerkat',
  spine: (state: MeerkatState) => state.lifecycle.phase,
  regions: [
    lifecycle,
    registration,
    binding,
    ledger,
    endings,
    run,
    turn,
    calls,
    transcript,
    operations,
    schedules,
    llm,
    visibility,
    routing,
    ingress,
    trust,
    interactions,
    supervisor,
    tail,
    drain,
    comms,
    streams,
    context,
    mcpServers,
    toolSurfaces,
    realtime,
    productTurn,
    live,
  ],
  invariants: spanning,
  copy,
})

/** One transition of a session, or why not. */
export function step(state: MeerkatState, input: MeerkatInput): StepResult<MeerkatState, MeerkatEffect> {
  return meerkat.step(state, input)
}
