/**
 * The scheduler's one predicate, and the reasons why it is false.
 *
 * The loop may sleep only while `runnable` is false; `blockers` then names the unmet conditions, for `explain`. The explorer
 * proves in every state that the two agree.
 */

import type { CoreFacts } from './core.ts'
import type { CallId, InputId, OperationId } from './ids.ts'
import { type CallEntry, unsettledCallsOf } from './regions/calls/state.ts'
import { admitsWork } from './regions/guards.ts'
import { findInOrder } from './regions/lane.ts'
import { nextWaking, selectBatch } from './regions/ledger/batch.ts'
import { entryOf, type Ledger } from './regions/ledger/state.ts'
import type { OperationsInput } from './regions/operations/input.ts'
import { completionsAfter, wakes } from './regions/operations/state.ts'

/** A condition that keeps the session from starting its next run. */
export interface Blocker {
  /** The unmet condition. */
  readonly guard:
    | 'work-waiting'
    | 'executor-attached'
    | 'no-run-current'
    | 'not-stopped'
    | 'not-destroyed'
    | 'not-draining'
    | 'stop-not-pending'
    | 'registered'
    | 'calls-resolved'
    | 'calls-approved'
  /** The actor that can meet it. */
  readonly owner: 'caller' | 'executor' | 'operator' | 'host'
  /** Since when, ms since the epoch, where the kernel knows. */
  readonly since?: number
  /** The input that waits because of it. */
  readonly inputId?: InputId
  /** The call that a person has to decide on. */
  readonly callId?: CallId
}

/** Whether the ledger has work for a run, as far as the ledger and the calls decide that. */
export function canPrepare(state: CoreFacts): boolean {
  if (state.ledger.waking === 0) return false
  return state.calls.unsettled === 0 || unsettledCallsOfNext(state).length === 0
}

/**
 * Whether parked work has steers to take in: they wait behind it, or have joined it and no model call had them yet. Then a
 * run may start although calls are undecided; its executor goes on without them.
 */
export function canHear({ ledger, calls, registration: { merge } }: CoreFacts): boolean {
  if (calls.unsettled === 0) return false
  const [head] = selectBatch(ledger, { merge, passivesAlong: false })
  const waiting = head === undefined ? [] : unsettledCallsOf(calls, head)
  return waiting.length > 0 && (waiting.some(({ passed }) => passed === true) || leadsSteers(ledger, head))
}

function leadsSteers(ledger: Ledger, head: InputId | undefined): boolean {
  const behind = findInOrder(ledger.steer, id => {
    const entry = entryOf(ledger, id)
    return id !== head && entry?.wake === true && entry.progressed !== true
  })
  return behind !== undefined && findInOrder(ledger.steer, () => true) === head
}

/** Undecided calls of the work that the next run would continue. */
function unsettledCallsOfNext(state: CoreFacts): readonly CallEntry[] {
  const waking = nextWaking(state.ledger)
  return waking === undefined ? [] : unsettledCallsOf(state.calls, waking)
}

/** Whether the loop has to start a run now. */
export function runnable(state: CoreFacts): boolean {
  const { lifecycle, registration } = state
  if (registration.phase !== 'active') return false
  if (lifecycle.phase === 'attached') return !lifecycle.stopDeferred && canPrepare(state)
  return lifecycle.phase === 'retired' && canPrepare(state)
}

/** Whether a run may start now that takes steers into parked work. */
export function hearable(state: CoreFacts): boolean {
  const { lifecycle, registration } = state
  if (registration.phase !== 'active' || !canHear(state)) return false
  return lifecycle.phase === 'attached' ? !lifecycle.stopDeferred : lifecycle.phase === 'retired'
}

/** When the oldest work was accepted that could start, if the session has an executor or gets one. */
export function workWaitingSince(state: CoreFacts): number | undefined {
  if (blockers(state).some(({ guard }) => guard !== 'executor-attached')) return undefined
  const waking = nextWaking(state.ledger)
  return waking === undefined ? undefined : entryOf(state.ledger, waking)?.at
}

/** Every unmet condition for the next run; empty exactly when `runnable` holds. */
export function blockers(state: CoreFacts): readonly Blocker[] {
  const found: Blocker[] = []
  const { lifecycle, registration, run } = state
  if (lifecycle.phase === 'destroyed') found.push({ guard: 'not-destroyed', owner: 'caller' })
  if (lifecycle.phase === 'stopped') found.push({ guard: 'not-stopped', owner: 'operator' })
  if (registration.sessionId === undefined) found.push({ guard: 'registered', owner: 'host' })
  if (registration.phase === 'draining') found.push({ guard: 'not-draining', owner: 'host' })
  if (run.phase === 'bound') found.push({ guard: 'no-run-current', owner: 'executor', since: run.startedAt })
  if (lifecycle.phase === 'attached' && lifecycle.stopDeferred)
    found.push({ guard: 'stop-not-pending', owner: 'executor' })
  if (registration.phase === 'queuing' || lifecycle.phase === 'idle' || lifecycle.phase === 'initializing')
    found.push({ guard: 'executor-attached', owner: 'host' })
  found.push(...workBlockers(state))
  return found
}

function workBlockers(state: CoreFacts): readonly Blocker[] {
  if (state.ledger.waking === 0) return [{ guard: 'work-waiting', owner: 'caller' }]
  return unsettledCallsOfNext(state).map(call => ({
    guard: call.state === 'unknown' ? 'calls-resolved' : 'calls-approved',
    owner: 'operator',
    since: call.at,
    inputId: call.work,
    callId: call.id,
  }))
}

/** Completions that one input reports to the session. */
export interface CompletionBatch {
  /** Where `runtimeInjected` stands when it was accepted. */
  readonly through: number
  /** In the order of their ends. */
  readonly operationIds: readonly OperationId[]
}

/**
 * The completions to report to the session now, as one input. During a run that is at its next boundary, where the input
 * joins the run, so that all that ended until then is reported together; if the run ends there, after it.
 */
export function completionBatchDue(state: CoreFacts): CompletionBatch | undefined {
  const { run, turn } = state
  if (run.phase === 'bound' && (turn.phase !== 'drainingBoundary' || run.cancel !== 'none')) return undefined
  return completionsUntold(state)
}

/**
 * The completions that were not reported to the session: ends of background tools and jobs that neither the conversation
 * nor a waiting run has. Undefined if an input would not be admitted or kept, while a run waits for operations (it gets
 * their results itself), and while the input of an earlier batch waits: later ends form the next batch.
 */
export function completionsUntold(state: CoreFacts): CompletionBatch | undefined {
  const { cursors, newestWaking, wait, announcement } = state.operations
  const reported = Math.max(cursors.agentApplied, cursors.runtimeInjected)
  if (newestWaking <= reported || wait !== undefined || !admitsWork(state)) return undefined
  if (announcement !== undefined && entryOf(state.ledger, announcement)?.status === 'queued') return undefined
  const due = completionsAfter(state.operations, reported).filter(({ kind, taken }) => wakes(kind) && taken !== true)
  const last = due.at(-1)
  return last === undefined ? undefined : { through: last.seq, operationIds: due.map(({ id }) => id) }
}

type CursorStep = Extract<OperationsInput, { type: 'AdvanceOperationCursor' }>

/**
 * Steps that advance the readers' cursors on the completions. The agent's: the announced completions are in the
 * conversation, because their input passed a boundary or (`heard`) was consumed in this very step. The runtime's: the owner
 * has nothing more to report of the ended operations; during a run that is decided at its next boundary.
 */
export function cursorSteps(state: CoreFacts, heard: boolean): readonly CursorStep[] {
  const { cursors, completions, announcement } = state.operations
  const steps: CursorStep[] = []
  if (announcement !== undefined && cursors.agentApplied < cursors.runtimeInjected) {
    const isInConversation = heard || entryOf(state.ledger, announcement)?.status === 'applied'
    if (isInConversation) steps.push(advanced('agentApplied', cursors.runtimeInjected))
  }
  if (cursors.runtimeObserved < completions && state.registration.phase === 'active' && allReported(state))
    steps.push(advanced('runtimeObserved', completions))
  return steps
}

function advanced(cursor: CursorStep['cursor'], through: number): CursorStep {
  return { type: 'AdvanceOperationCursor', cursor, through }
}

function allReported({ run, turn, operations }: CoreFacts): boolean {
  if (run.phase === 'bound' && turn.phase !== 'drainingBoundary') return false
  const reported = Math.max(operations.cursors.agentApplied, operations.cursors.runtimeInjected)
  if (operations.newestWaking <= reported) return true
  return completionsAfter(operations, reported).every(({ kind, taken }) => !wakes(kind) || taken === true)
}
