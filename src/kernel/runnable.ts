/**
 * The scheduler's one predicate, and the same facts in words.
 *
 * The loop may sleep only while `runnable` is false; `explain` names what holds it up. Both read `blockers`, so they
 * can't disagree.
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

/** Something that keeps the session from starting its next run. */
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
  /** Who can meet it. */
  readonly owner: 'caller' | 'executor' | 'operator' | 'host'
  /** Since when, ms since the epoch, where the kernel knows. */
  readonly since?: number
  /** The input that waits because of it. */
  readonly inputId?: InputId
  /** The call that a person has to settle. */
  readonly callId?: CallId
}

/** Whether the ledger holds work for a run that nothing but phase and executor stands in the way of. */
export function canPrepare(state: CoreFacts): boolean {
  if (state.ledger.waking === 0) return false
  return state.calls.unsettled === 0 || unsettledCallsOfNext(state).length === 0
}

/**
 * Whether work that waits for a person has something to hear meanwhile: steers wait behind it, or have joined it and were
 * not heard. A run may start then whose executor goes on without the calls that are not decided.
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

/** Calls that the next run's work has to have settled first. */
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

/** Whether a run may start now that hears steers while calls of its work wait for a person. */
export function hearable(state: CoreFacts): boolean {
  const { lifecycle, registration } = state
  if (registration.phase !== 'active' || !canHear(state)) return false
  return lifecycle.phase === 'attached' ? !lifecycle.stopDeferred : lifecycle.phase === 'retired'
}

/** How old the work is that nothing stands in the way of but, at most, that somebody serves the session. */
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

/** Completions that one input is to tell of. */
export interface CompletionBatch {
  /** Where `runtimeInjected` stands when it was accepted. */
  readonly through: number
  /** In the order of their ends. */
  readonly operationIds: readonly OperationId[]
}

/**
 * The completions that the session has to be told of now, as one input. While a run goes on that is at its next boundary,
 * where the input joins it: what ends until then is told together. Where that boundary is its last, after it.
 */
export function completionBatchDue(state: CoreFacts): CompletionBatch | undefined {
  const { run, turn } = state
  if (run.phase === 'bound' && (turn.phase !== 'drainingBoundary' || run.cancel !== 'none')) return undefined
  return completionsUntold(state)
}

/**
 * The completions that the session has not been told of: background tools and jobs that ended and that neither the
 * conversation nor a run that waited for them knows. Nothing where an input would not be admitted or not be kept, while a
 * run waits (its own result comes first), and while the input of an earlier batch waits: what ends meanwhile makes one
 * batch after it.
 */
export function completionsUntold(state: CoreFacts): CompletionBatch | undefined {
  const { cursors, newestWaking, wait, announcement } = state.operations
  const told = Math.max(cursors.agentApplied, cursors.runtimeInjected)
  if (newestWaking <= told || wait !== undefined || !admitsWork(state)) return undefined
  if (announcement !== undefined && entryOf(state.ledger, announcement)?.status === 'queued') return undefined
  const due = completionsAfter(state.operations, told).filter(({ kind, taken }) => wakes(kind) && taken !== true)
  const last = due.at(-1)
  return last === undefined ? undefined : { through: last.seq, operationIds: due.map(({ id }) => id) }
}

type CursorStep = Extract<OperationsInput, { type: 'AdvanceOperationCursor' }>

/**
 * How far the readers of the completions have come, where that is further than is noted. The agent's: what was announced is
 * in the conversation, for its input passed a boundary or, `heard`, ended as consumed in this very step. The runtime's:
 * whoever serves the session has nothing more to tell of what ended; while a run goes on that is at its next boundary.
 */
export function cursorSteps(state: CoreFacts, heard: boolean): readonly CursorStep[] {
  const { cursors, completions, announcement } = state.operations
  const steps: CursorStep[] = []
  if (announcement !== undefined && cursors.agentApplied < cursors.runtimeInjected) {
    const isInConversation = heard || entryOf(state.ledger, announcement)?.status === 'applied'
    if (isInConversation) steps.push(advanced('agentApplied', cursors.runtimeInjected))
  }
  if (cursors.runtimeObserved < completions && state.registration.phase === 'active' && nothingUntold(state))
    steps.push(advanced('runtimeObserved', completions))
  return steps
}

function advanced(cursor: CursorStep['cursor'], through: number): CursorStep {
  return { type: 'AdvanceOperationCursor', cursor, through }
}

function nothingUntold({ run, turn, operations }: CoreFacts): boolean {
  if (run.phase === 'bound' && turn.phase !== 'drainingBoundary') return false
  const told = Math.max(operations.cursors.agentApplied, operations.cursors.runtimeInjected)
  if (operations.newestWaking <= told) return true
  return completionsAfter(operations, told).every(({ kind, taken }) => !wakes(kind) || taken === true)
}
