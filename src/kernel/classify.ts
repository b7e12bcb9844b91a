/**
 * Classification queries: what a phase means, asked without a session.
 *
 * Surfaces, hosts and stores have to agree with the machine on what a phase allows, what of it survives a restart and
 * what callers are shown, so they ask these functions. Every function is pure and exhaustive; a question whose parts
 * contradict each other is refused, never answered by guess.
 */
import type { RunId } from './ids.ts'
import type { AbandonReason, Lane, LedgerEntry, Terminal } from './regions/ledger/state.ts'
import {
  type DurableLifecyclePhase,
  durablePhase,
  type LifecyclePhase,
  type PreRunPhase,
  phaseShown,
} from './regions/lifecycle/state.ts'
import type { Rejection } from './step.ts'

/** An answer, or why the question contradicts itself. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | Rejection

/** What a phase allows. */
export interface RuntimeLifecycleFacts {
  /** The phase that was asked about. */
  readonly state: LifecyclePhase
  readonly isTerminal: boolean
  readonly canAcceptInput: boolean
  readonly canProcessQueue: boolean
  readonly canPrepareRun: boolean
  /** Whether peers and drains may be connected. */
  readonly ingress: 'open' | 'not-ready' | 'destroyed'
}

type Facts = Omit<RuntimeLifecycleFacts, 'state'>

const LIFECYCLE: Readonly<Record<LifecyclePhase, Facts>> = {
  initializing: facts({ canAcceptInput: false, canProcessQueue: false, canPrepareRun: false, ingress: 'open' }),
  idle: facts({ canAcceptInput: true, canProcessQueue: true, canPrepareRun: true, ingress: 'open' }),
  attached: facts({ canAcceptInput: true, canProcessQueue: true, canPrepareRun: true, ingress: 'open' }),
  running: facts({ canAcceptInput: true, canProcessQueue: false, canPrepareRun: false, ingress: 'open' }),
  retired: facts({ canAcceptInput: false, canProcessQueue: true, canPrepareRun: false, ingress: 'not-ready' }),
  stopped: facts({ canAcceptInput: false, canProcessQueue: false, canPrepareRun: false, ingress: 'not-ready' }),
  destroyed: facts({ canAcceptInput: false, canProcessQueue: false, canPrepareRun: false, ingress: 'destroyed' }),
}

function facts(allowed: Omit<Facts, 'isTerminal'>): Facts {
  return { isTerminal: allowed.ingress === 'destroyed', ...allowed }
}

/** What a session in this phase accepts and does. */
export function classifyRuntimeLifecycleState(state: LifecyclePhase): RuntimeLifecycleFacts {
  return { state, ...LIFECYCLE[state] }
}

/** The part of a phase that goes to disk; the rest are conditions of the process that serves the session. */
export function classifyRuntimeLifecycleDurableState(question: {
  readonly state: LifecyclePhase
  /** Where the current run returns to; only a running session has one. */
  readonly preRun?: PreRunPhase
}): Verdict<DurableLifecyclePhase> {
  const { state, preRun } = question
  if (preRun !== undefined && state !== 'running' && state !== 'retired') {
    return refused('ClassifyRuntimeLifecycleDurability', state, `a session that is ${state} has no run to return from`)
  }
  return verdict(durablePhase({ phase: state, preRun }))
}

/** What the loop may do with the queue. */
export interface RuntimeLoopQueueAdmissionPlan {
  readonly canProcessQueue: boolean
  /** The run exists already; otherwise the loop allocates a new one. */
  readonly usesPreboundRun: boolean
}

const BLOCKED: RuntimeLoopQueueAdmissionPlan = { canProcessQueue: false, usesPreboundRun: false }
const ALLOCATE_NEW: RuntimeLoopQueueAdmissionPlan = { canProcessQueue: true, usesPreboundRun: false }
const USE_PREBOUND: RuntimeLoopQueueAdmissionPlan = { canProcessQueue: true, usesPreboundRun: true }

/** Whether the loop may take from the queue in this phase, and with which run. */
export function classifyRuntimeLoopQueueAdmission(question: {
  readonly state: LifecyclePhase
  readonly currentRunBound: boolean
}): Verdict<RuntimeLoopQueueAdmissionPlan> {
  const { state, currentRunBound } = question
  if (state === 'running') return verdict(currentRunBound ? USE_PREBOUND : BLOCKED)
  if (currentRunBound) {
    return refused('ClassifyRuntimeLoopQueueAdmission', state, `a session that is ${state} has no current run`)
  }
  return verdict(LIFECYCLE[state].canProcessQueue ? ALLOCATE_NEW : BLOCKED)
}

/** Which of two views of a session's phase callers are shown. */
export interface VisibleRuntimePhasePlan {
  /** The published view stands over the machine's. */
  readonly publishControl: boolean
  readonly selectedRawPhase: LifecyclePhase
  /** A run of a session that was retired meanwhile shows as retired. */
  readonly visiblePhase: LifecyclePhase
}

const OUTRANKS_CONTROL: readonly LifecyclePhase[] = ['retired', 'stopped', 'destroyed']
const OUTRANKS_KERNEL: readonly LifecyclePhase[] = ['running', 'retired', 'stopped', 'destroyed']

/** The phase that callers are shown while the machine has decided and the store has not answered yet. */
export function resolveVisibleRuntimePhase(question: {
  readonly kernel: LifecyclePhase
  readonly kernelPreRun?: PreRunPhase
  readonly control: LifecyclePhase
  readonly controlPreRun?: PreRunPhase
  readonly hasPersistence: boolean
}): VisibleRuntimePhasePlan {
  const { kernel, kernelPreRun, control, controlPreRun, hasPersistence } = question
  const retiringRun = control === 'retired' && kernel === 'running' && kernelPreRun === 'retired'
  const matters = OUTRANKS_CONTROL.includes(kernel) || OUTRANKS_KERNEL.includes(control)
  const publishControl = hasPersistence && control !== kernel && matters && !retiringRun
  const selectedRawPhase = publishControl ? control : kernel
  const preRun = publishControl ? controlPreRun : kernelPreRun
  return { publishControl, selectedRawPhase, visiblePhase: phaseShown({ phase: selectedRawPhase, preRun }) }
}

/** The phase of an input, its end included. */
export type InputPhase = 'accepted' | LedgerEntry['status'] | Terminal['status']
/** The phase as callers see it. */
export type InputPublicLifecycle = Exclude<InputPhase, 'carried'>
/** How an input ended, as callers see it. */
export type InputPublicTerminalOutcome = 'completed' | 'superseded' | 'coalesced' | 'cancelled' | 'abandoned'

/** An input's phase and outcome, as callers see them. */
export interface InputPublicStateProjection {
  readonly lifecycle: InputPublicLifecycle
  readonly isTerminal: boolean
  /** Present exactly when it is terminal. */
  readonly terminalOutcome?: InputPublicTerminalOutcome
}

/** The phase as callers see it. An input that is carried by another one's work is shown as queued. */
export function resolveInputPublicLifecycleProjection(phase: InputPhase): InputPublicLifecycle {
  return phase === 'carried' ? 'queued' : phase
}

/** Phase and outcome as callers see them. A terminal kind has to match the phase; only an abandoned input has a reason. */
export function resolveInputPublicStateProjection(question: {
  readonly phase: InputPhase
  readonly terminalKind?: Terminal['status']
  readonly abandonReason?: AbandonReason
}): Verdict<InputPublicStateProjection> {
  const { phase, terminalKind, abandonReason } = question
  const context = 'ResolveInputPublicTerminalOutcome'
  const outcome = OUTCOMES[phase](abandonReason)
  if (terminalKind !== undefined && terminalKind !== phase) {
    return refused(context, phase, `an input that is ${phase} has not ended as ${terminalKind}`)
  }
  if (outcome !== undefined && terminalKind === undefined)
    return refused(context, phase, 'the terminal kind is missing')
  if ((phase === 'abandoned') !== (abandonReason !== undefined)) {
    return refused(
      context,
      phase,
      phase === 'abandoned' ? 'the reason is missing' : 'only what was abandoned has a reason',
    )
  }
  const lifecycle = resolveInputPublicLifecycleProjection(phase)
  if (outcome === undefined) return verdict({ lifecycle, isTerminal: false })
  return verdict({ lifecycle, isTerminal: true, terminalOutcome: outcome })
}

/** An input's state in another store, from which it is to be imported. */
export interface StoredInputSeed {
  readonly phase: InputPhase
  readonly terminalKind?: Terminal['status']
  readonly abandonReason?: AbandonReason
  /** How many runs have held it. */
  readonly attempts: number
  readonly lane?: Lane
  /** The run that holds it, if any. */
  readonly lastRunId?: RunId
}

/** Checks that an input can be in the stored state; one that contradicts itself must not be imported. */
export function authorizeStoredInputStateSeed(seed: StoredInputSeed): Verdict<StoredInputSeed> {
  const { phase, attempts, lane, lastRunId } = seed
  const refuse = (reason: string) => refused('AuthorizeStoredInputStateSeed', phase, reason)
  const known = resolveInputPublicStateProjection(seed)
  if (!known.ok) return refuse(known.reason)
  if (!Number.isInteger(attempts) || attempts < 0) return refuse('attempts are counted from 0')
  if (phase === 'queued' && lane === undefined) return refuse('an input that waits has a lane')
  if (known.value.isTerminal && lane !== undefined) return refuse('an input that has ended stands in no lane')
  if (seed.abandonReason === 'max-attempts' && attempts === 0) return refuse('attempts that ran out were made')
  const isWithRun = phase === 'staged' || phase === 'applied'
  if (isWithRun && (lastRunId === undefined || attempts === 0)) {
    return refuse('an input that a run has names it, and has been tried')
  }
  return verdict(seed)
}

type Outcome = (reason: AbandonReason | undefined) => InputPublicTerminalOutcome | undefined
const unfinished: Outcome = () => undefined

const OUTCOMES: Readonly<Record<InputPhase, Outcome>> = {
  accepted: unfinished,
  queued: unfinished,
  carried: unfinished,
  staged: unfinished,
  applied: unfinished,
  consumed: () => 'completed',
  superseded: () => 'superseded',
  coalesced: () => 'coalesced',
  withdrawn: () => 'cancelled',
  abandoned: reason => (reason === 'cancelled' ? 'cancelled' : 'abandoned'),
}

function verdict<T>(value: T): Verdict<T> {
  return { ok: true, value }
}

function refused(query: string, phase: string, reason: string): Rejection {
  return { ok: false, kind: 'guard-rejected', context: `classify/${query}`, phase, reason }
}
