import type { MeerkatEffect } from './effects.ts'
import type { MeerkatInput } from './inputs.ts'
import type { Invariant, Region } from './region.ts'
import { binding } from './regions/binding/table.ts'
import { calls } from './regions/calls/table.ts'
import { comms } from './regions/comms/table.ts'
import { context } from './regions/context/table.ts'
import { drain } from './regions/drain/table.ts'
import { endings } from './regions/endings/table.ts'
import { ingress } from './regions/ingress/table.ts'
import { interactions } from './regions/interactions/table.ts'
import { ledger } from './regions/ledger/table.ts'
import { lifecycle } from './regions/lifecycle/table.ts'
import { LIFETIMES } from './regions/lifetimes.ts'
import { live } from './regions/live/table.ts'
import { llm } from './regions/llm/table.ts'
import { mcpServers } from './regions/mcp-servers/table.ts'
import { operations } from './regions/operations/table.ts'
import { productTurn } from './regions/product-turn/table.ts'
import { realtime } from './regions/realtime/table.ts'
import { registration } from './regions/registration/table.ts'
import { routing } from './regions/routing/table.ts'
import { run } from './regions/run/table.ts'
import { schedules } from './regions/schedules/table.ts'
import { streams } from './regions/streams/table.ts'
import { supervisor } from './regions/supervisor/table.ts'
import { toolSurfaces } from './regions/tool-surfaces/table.ts'
import { transcript } from './regions/transcript/table.ts'
import { trust } from './regions/trust/table.ts'
import { turn } from './regions/turn/table.ts'
import { visibility } from './regions/visibility/table.ts'
import type { MeerkatState } from './state.ts'
import { type Machine, machine, type StepResult } from './step.ts'

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

/** Copies a state. A literal that names every slice is faster than a spread. */
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

/** The region of every slice, in the order of their pages and of a step's effects. */
const REGIONS: {
  readonly [Name in keyof MeerkatState]: Region<MeerkatState, MeerkatInput, MeerkatEffect, Name, string, string, never>
} = {
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
  drain,
  comms,
  streams,
  context,
  mcpServers,
  toolSurfaces,
  realtime,
  productTurn,
  live,
}

/** The session machine. */
export const meerkat: Machine<MeerkatState, MeerkatInput, MeerkatEffect> = machine<
  MeerkatState,
  MeerkatInput,
  MeerkatEffect
>({
  name: 'meerkat',
  spine: (state: MeerkatState) => state.lifecycle.phase,
  regions: Object.values(REGIONS),
  invariants: spanning,
  lifetimes: LIFETIMES,
  copy,
})

/** One transition of a session, or why not. */
export function step(state: MeerkatState, input: MeerkatInput): StepResult<MeerkatState, MeerkatEffect> {
  return meerkat.step(state, input)
}
