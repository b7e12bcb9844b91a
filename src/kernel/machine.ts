/**
 * `MeerkatMachine`: what one session decides, assembled of its regions, with the rules that span them.
 *
 * The record below is the whole state; each slice has one region that writes it. `step` is the only way to change it.
 */
import type { AcceptInput, ResolveAdmissionIdempotency } from './admission.ts'
import type { MeerkatEffect } from './effects.ts'
import type { Invariant, Region } from './region.ts'
import { type Binding, type BindingInput, binding } from './regions/binding.ts'
import { type Calls, type CallsInput, calls } from './regions/calls.ts'
import { type LedgerInput, ledger } from './regions/ledger.ts'
import type { Ledger } from './regions/ledger-entries.ts'
import { type Lifecycle, type LifecycleInput, lifecycle } from './regions/lifecycle.ts'
import { operations } from './regions/operations.ts'
import type { Operations } from './regions/operations-entries.ts'
import type { OperationsInput } from './regions/operations-rules.ts'
import { type Registration, type RegistrationInput, registration } from './regions/registration.ts'
import { type Run, type RunInput, run } from './regions/run.ts'
import { type Schedules, type SchedulesInput, schedules } from './regions/schedules.ts'
import { type Transcript, type TranscriptInput, transcript } from './regions/transcript.ts'
import { turn } from './regions/turn.ts'
import type { Turn, TurnInput } from './regions/turn-state.ts'
import { type Machine, machine, type StepResult } from './step.ts'

export interface MeerkatState {
  readonly lifecycle: Lifecycle
  readonly registration: Registration
  readonly binding: Binding
  readonly ledger: Ledger
  readonly run: Run
  readonly turn: Turn
  readonly calls: Calls
  readonly transcript: Transcript
  readonly operations: Operations
  readonly schedules: Schedules
}

export type MeerkatInput =
  | LifecycleInput
  | RegistrationInput
  | BindingInput
  | AcceptInput
  | ResolveAdmissionIdempotency
  | LedgerInput
  | RunInput
  | TurnInput
  | CallsInput
  | TranscriptInput
  | OperationsInput
  | SchedulesInput

/** A region of the session machine. */
export type MeerkatRegion<Name extends keyof MeerkatState, Phase extends string = string> = Region<
  MeerkatState,
  MeerkatInput,
  MeerkatEffect,
  Name,
  Phase
>

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
    text: 'a stopped or destroyed session holds no unfinished input and no open call',
    holds: s =>
      (s.lifecycle.phase !== 'destroyed' && s.lifecycle.phase !== 'stopped') ||
      (s.ledger.entries.size === 0 && s.calls.open.size === 0),
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

/** The session machine. */
export const meerkat: Machine<MeerkatState, MeerkatInput, MeerkatEffect> = machine({
  name: 'meerkat',
  spine: (state: MeerkatState) => state.lifecycle.phase,
  regions: [lifecycle, registration, binding, ledger, run, turn, calls, transcript, operations, schedules],
  invariants: spanning,
})

/** One transition of a session, or why not. */
export function step(state: MeerkatState, input: MeerkatInput): StepResult<MeerkatState, MeerkatEffect> {
  return meerkat.step(state, input)
}
