/**
 * The scheduler's one predicate, and the same facts in words.
 *
 * The loop may sleep only while `runnable` is false; `explain` names what holds it up. Both read `blockers`, so they
 * can't disagree.
 */
import type { InputId } from './ids.ts'
import type { MeerkatState } from './machine.ts'
import { type CallEntry, unsettledCallsOf } from './regions/calls.ts'
import { nextLeader } from './regions/ledger-entries.ts'

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
}

/** Whether the ledger holds work for a run that nothing but phase and executor stands in the way of. */
export function canPrepare(state: MeerkatState): boolean {
  if (state.ledger.waking === 0) return false
  return state.calls.unsettled === 0 || unsettledCallsOfNext(state).length === 0
}

/** Calls that the next run's work has to have settled first. */
function unsettledCallsOfNext(state: MeerkatState): readonly CallEntry[] {
  const leader = nextLeader(state.ledger)
  return leader === undefined ? [] : unsettledCallsOf(state.calls, leader)
}

/** Whether the loop has to start a run now. */
export function runnable(state: MeerkatState): boolean {
  const { lifecycle, registration } = state
  if (registration.phase !== 'active') return false
  if (lifecycle.phase === 'attached') return !lifecycle.stopDeferred && canPrepare(state)
  return lifecycle.phase === 'retired' && canPrepare(state)
}

/** Every unmet condition for the next run; empty exactly when `runnable` holds. */
export function blockers(state: MeerkatState): readonly Blocker[] {
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

function workBlockers(state: MeerkatState): readonly Blocker[] {
  if (state.ledger.waking === 0) return [{ guard: 'work-waiting', owner: 'caller' }]
  return unsettledCallsOfNext(state).map(call => ({
    guard: call.state === 'unknown' ? 'calls-resolved' : 'calls-approved',
    owner: 'operator',
    since: call.at,
    inputId: call.work,
  }))
}
