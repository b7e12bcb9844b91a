/** A kernel's refusal as an error for people: what was asked, why it is not possible now, and what to do first. */
import { defined } from '../defined.ts'
import { type ErrorCode, MeerkatError } from '../errors.ts'
import type { Refusal } from '../kernel/authority.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { MeerkatFacts } from '../kernel/state.ts'

/**
 * A refusal of the kernel as the caller gets it: `not-ready` where the session's phase is in the way,
 * which may change; `rejected` where a guard is, or the phase of what the request is about. `details` has the kernel's
 * kind, the session's phase, the reason in words, and the one guard, or the region and its phase.
 */
export class KernelRejection extends MeerkatError {
  readonly rejection: Refusal

  /** `asked` names the refused request in the caller's words; default: the type of the kernel input. */
  constructor(
    rejection: Refusal,
    state?: Stands,
    { asked, cause }: { readonly asked?: string; readonly cause?: unknown } = {},
  ) {
    const { code, message, details } = errorParts(rejection, state, asked)
    super(code, message, { details, cause })
    this.rejection = rejection
  }
}

type Stands = Pick<MeerkatFacts, 'lifecycle'>

interface ErrorParts {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

function errorParts(refusal: Refusal, state: Stands | undefined, named: string | undefined): ErrorParts {
  const { kind, context, phase: spine = '', own } = refusal
  const asked = named ?? inWords(context.slice(context.lastIndexOf('/') + 1))
  const phase = spine === state?.lifecycle.phase ? phaseShown(state.lifecycle) : spine
  if (kind !== 'no-matching-transition' || own !== undefined || spine === '')
    return requestRefused(refusal, asked, phase)
  // A retired session whose last run goes on has the phase `running`, but is shown as `retired`.
  const was = named === undefined ? 'is not possible' : 'was refused'
  const reason = `${asked} ${was} while the session is ${phase}${phase === spine ? '' : ' and its last run goes on'}`
  const message = `${reason}: ${WAYS_OUT[spine] ?? EXPLAIN}`
  return { code: 'not-ready', message, details: { kind, phase, reason, context } }
}

/** `rejected`: a guard, or the phase of the region that the request is about, not the session's phase. */
function requestRefused(
  { kind, context, guard, own, reason: text }: Refusal,
  asked: string,
  phase: string,
): ErrorParts {
  const region = own && context.split('/').at(-2)
  const unmet = guard && (GUARDS[guard] ?? `its condition \`${guard}\` does not hold`)
  const reason = own === undefined ? (unmet ?? text) : `its ${region} is ${own}`
  const details = { kind, phase, reason, context, ...defined({ guard, own, region }) }
  return { code: 'rejected', message: `${asked} was refused: ${reason}; ${EXPLAIN}`, details }
}

const EXPLAIN = '`session/explain` says what the session does and waits for'

/** What to do first, by the phase that is in the way. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  initializing: 'open it first (`session/open`)',
  running: 'wait for the end of its run, or end that first (`run/cancel`)',
  stopped: 'resume it first (`session/resume`)',
  retired: 'make it usable again first (`session/reset` or `session/recycle`)',
  destroyed: 'that is final, so open another one (`session/open`)',
}

/** What callers of operations may meet, by the guard's name; the others are met by hosts, who find them in docs/kernel. */
const GUARDS: Readonly<Record<string, string>> = {
  notDraining: 'the host of the session is leaving it, try again in a moment',
  admitsWork: 'the session takes no new work, or its host is leaving it',
  isRegistered: 'the session is not registered',
  isCurrentRun: 'the run is not the current one, it has ended or never began',
  isNewOperation: 'the id of the operation is taken',
  belowCapacity: 'too many operations are under way, wait until one ends',
  unfinishedOperation: 'the operation has ended, or no operation has this id',
  runningOperation: 'the operation does not run, or no operation has this id',
  startedOperation: 'the operation is not under way, or no operation has this id',
}

/** The request in the caller's words; of an input that only hosts give, its name: `record call intents`. */
function inWords(name: string): string {
  return NAMES[name] ?? name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ').toLowerCase()
}

/** Inputs whose names callers of operations don't know, by what the callers asked for. */
const NAMES: Readonly<Record<string, string>> = {
  StopRuntimeExecutor: 'stop',
  SetModelRoutingBaseline: 'a switch of the model',
  RequestFiniteSwitchTurn: 'a switch of the model',
  StageVisibilityFilter: 'a filter of the tools',
  RequestDeferredTools: 'a request for tools',
  CreateSchedule: 'a new schedule',
  UpdateSchedule: 'a change of the schedule',
  CancelSchedule: 'a cancel of the schedule',
  DecideApproval: 'a decision about the call',
  ResolveCall: 'a resolution of the call',
  AcceptInput: 'an input',
  WithdrawInput: 'a withdrawal of the input',
  InterruptCurrentRun: 'a cancel of the run',
  CancelAfterBoundary: 'a cancel of the run at its boundary',
  CompleteOperation: 'an end of the operation',
  FailOperation: 'an end of the operation',
  CancelOperation: 'a cancel of the operation',
}
