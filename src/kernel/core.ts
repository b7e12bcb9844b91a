/**
 * The core of a session: the regions that admit inputs and perform runs. They see one another and nothing else. The other
 * regions, the satellites, see the session's standing and the regions that they name, and follow inputs of the core.
 */

import type { InputId, RuntimeEpochId } from './ids.ts'
import type { Condition, Decides, Region, Tagged } from './region.ts'
import type { IngestEffect } from './regions/binding/effect.ts'
import type { BindingInput } from './regions/binding/input.ts'
import type { Binding } from './regions/binding/state.ts'
import type { CallEffect } from './regions/calls/effect.ts'
import type { CallsInput } from './regions/calls/input.ts'
import type { Calls } from './regions/calls/state.ts'
import type { EndingsInput } from './regions/endings/input.ts'
import type { Endings } from './regions/endings/state.ts'
import type { InputEffect } from './regions/ledger/effect.ts'
import type { AcceptInput, LedgerInput, ResolveAdmissionIdempotency } from './regions/ledger/input.ts'
import type { Admission } from './regions/ledger/policy.ts'
import type { Ledger } from './regions/ledger/state.ts'
import type { SessionEffect } from './regions/lifecycle/effect.ts'
import type { LifecycleInput } from './regions/lifecycle/input.ts'
import type { Lifecycle } from './regions/lifecycle/state.ts'
import type { Lifetime } from './regions/lifetimes.ts'
import type { OperationEffect } from './regions/operations/effect.ts'
import type { OperationsInput } from './regions/operations/input.ts'
import type { Operations } from './regions/operations/state.ts'
import type { RegistrationInput } from './regions/registration/input.ts'
import type { Registration } from './regions/registration/state.ts'
import type { RunEffect } from './regions/run/effect.ts'
import type { RunInput } from './regions/run/input.ts'
import type { Run } from './regions/run/state.ts'
import type { ScheduleEffect } from './regions/schedules/effect.ts'
import type { SchedulesInput } from './regions/schedules/input.ts'
import type { Schedules } from './regions/schedules/state.ts'
import type { Standing } from './regions/standing.ts'
import type { TranscriptInput } from './regions/transcript/input.ts'
import type { Transcript } from './regions/transcript/state.ts'
import type { TurnEffect } from './regions/turn/effect.ts'
import type { TurnInput } from './regions/turn/input.ts'
import type { Turn } from './regions/turn/state.ts'

/** The facts of the core. The log has every step that led to them. */
export interface CoreFacts {
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
}

export type CoreInput =
  | LifecycleInput
  | RegistrationInput
  | BindingInput
  | AcceptInput
  | LedgerInput
  | ResolveAdmissionIdempotency
  | EndingsInput
  | RunInput
  | TurnInput
  | CallsInput
  | TranscriptInput
  | OperationsInput
  | SchedulesInput

export type CoreEffect =
  | SessionEffect
  | IngestEffect
  | InputEffect
  | RunEffect
  | TurnEffect
  | CallEffect
  | OperationEffect
  | ScheduleEffect

/** By input: the verdict that the owning region decides once a step, for itself and all that follow. */
export interface CoreVerdicts {
  /** The inputs of the run, head first. */
  readonly Prepare: readonly InputId[]
  readonly DrainQueuedRun: readonly InputId[]
  /** Whether waiting inputs are kept, because they will still be answered. */
  readonly Retire: boolean
  /** The epoch that begins, if one does. */
  readonly Reset: RuntimeEpochId | undefined
  /** The inputs whose last attempt the run was. */
  readonly RollbackRun: readonly InputId[]
  readonly Recover: readonly InputId[]
  /** The steers that join the run. */
  readonly BoundaryContinue: readonly InputId[]
  readonly BoundaryComplete: readonly InputId[]
  readonly AcceptInput: Admission
}

/** Which region decides which verdicts. */
interface Deciders {
  readonly lifecycle: 'Prepare' | 'DrainQueuedRun' | 'Retire' | 'Reset' | 'RollbackRun' | 'Recover'
  readonly turn: 'BoundaryContinue' | 'BoundaryComplete'
  readonly ledger: 'AcceptInput'
}

/** A region of the core. */
export type CoreRegion<Name extends keyof CoreFacts, Phase extends string = string> = Region<
  CoreFacts,
  CoreInput,
  CoreEffect,
  Name,
  Phase,
  Lifetime,
  CoreVerdicts
> &
  (Name extends keyof Deciders
    ? { readonly decides: Decides<CoreFacts, CoreInput, Pick<CoreVerdicts, Deciders[Name]>> }
    : unknown)

/** A region of facts beside the core. It sees facts only, so that its log can be replayed without the process that wrote it. */
export type Satellite<
  Sees extends Standing,
  Input extends Tagged,
  Effect extends Tagged,
  Name extends keyof Sees & string,
  Phase extends string = string,
> = Region<Sees, CoreInput | Input, Effect, Name, Phase, Lifetime, CoreVerdicts>

/** A region of conditions beside the core. It may see facts as well. */
export type ConditionSatellite<
  Sees extends Standing,
  Input extends Tagged,
  Effect extends Tagged,
  Name extends keyof Sees & string,
  Phase extends string = string,
> = Satellite<Sees, Input, Effect, Name, Phase> & { readonly condition: Condition<Sees[Name]> }
