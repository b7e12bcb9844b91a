/** What a run does to the ledger: it stages inputs, steers join it, and its end ends or returns them. */
import type { RollbackCause } from '../effects.ts'
import type { InputId, RunId } from '../ids.ts'
import type { MeerkatInput, MeerkatState } from '../machine.ts'
import { emptyMap, mapDelete, mapGet, mapSet } from '../persistent-map.ts'
import { EMPTY_LANE, inOrder } from './lane.ts'
import {
  dequeue,
  enqueue,
  factsOf,
  type Ledger,
  type LedgerEntry,
  MAX_ATTEMPTS,
  selectBatch,
} from './ledger-entries.ts'

/** The inputs of the bound run, head first. */
export function contributorsOf(state: MeerkatState): readonly InputId[] {
  return state.run.phase === 'bound' ? state.run.contributors : []
}

/** Whether waiting steers join at the boundary the run is at. A run that is being cancelled takes nothing in. */
export function joinsSteers(state: MeerkatState): boolean {
  return (
    state.turn.phase === 'drainingBoundary' &&
    state.run.phase === 'bound' &&
    state.run.cancel === 'none' &&
    state.ledger.steer.slots.size > 0
  )
}

/** Stages the next batch for the run. */
export function stage(slice: Ledger, input: { readonly runId: RunId }, state: MeerkatState): Ledger {
  return selectBatch(slice, state.registration.merge).reduce((ledger, id) => stageOne(ledger, id, input.runId), slice)
}

function stageOne(ledger: Ledger, id: InputId, runId: RunId): Ledger {
  const entry = mapGet(ledger.entries, id)
  if (entry === undefined) return ledger
  const next = entry.status === 'queued' ? dequeue(ledger, entry) : ledger
  return {
    ...next,
    entries: mapSet(next.entries, id, {
      ...factsOf(entry),
      attempts: entry.attempts + 1,
      carries: [],
      status: 'staged',
      runId,
    }),
  }
}

/** Marks what the run holds as applied and lets the waiting steers join. */
export function joinSteers(slice: Ledger, _: MeerkatInput, state: MeerkatState): Ledger {
  if (state.run.phase !== 'bound' || state.turn.phase !== 'drainingBoundary') return slice
  const { runId, contributors } = state.run
  const boundary = state.run.boundary + 1
  const joining = joinsSteers(state) ? [...inOrder(slice.steer)] : []
  let ledger = slice
  for (const id of joining) {
    const entry = mapGet(ledger.entries, id)
    if (entry?.status !== 'queued') continue
    ledger = dequeue(ledger, entry)
    for (const one of [id, ...entry.carries]) ledger = apply(ledger, one, runId, boundary, 1)
  }
  for (const id of contributors) ledger = apply(ledger, id, runId, boundary, 0)
  return ledger
}

function apply(ledger: Ledger, id: InputId, runId: RunId, boundary: number, attempt: 0 | 1): Ledger {
  const entry = mapGet(ledger.entries, id)
  if (entry === undefined || entry.status === 'applied') return ledger
  const facts = { ...factsOf(entry), attempts: entry.attempts + attempt, carries: [] }
  return { ...ledger, entries: mapSet(ledger.entries, id, { ...facts, status: 'applied', runId, boundary }) }
}

/** The run's inputs reached their end. */
export function endContributors(slice: Ledger, _: MeerkatInput, state: MeerkatState): Ledger {
  const entries = contributorsOf(state).reduce((map, id) => mapDelete(map, id), slice.entries)
  return { ...slice, entries }
}

/**
 * The run's inputs wait again, or are given up after their last attempt. What reached a boundary is one work with one
 * journal: the head carries the rest. A failed attempt goes behind the backlog; every other cause keeps its place.
 */
export function rollBack(
  slice: Ledger,
  input: { readonly type: string; readonly cause?: RollbackCause },
  state: MeerkatState,
): Ledger {
  if (state.run.phase !== 'bound') return slice
  const cause = input.cause ?? 'recovered'
  const { contributors, progressed } = state.run
  const groups = progressed ? [contributors] : contributors.map(id => [id])
  const ordered = cause === 'attempt-failed' ? groups : groups.toReversed()
  return ordered.reduce((ledger, group) => returnGroup(ledger, group, cause, progressed), slice)
}

function returnGroup(ledger: Ledger, group: readonly InputId[], cause: RollbackCause, progressed: boolean): Ledger {
  const [head, ...rest] = group
  const entry = head === undefined ? undefined : mapGet(ledger.entries, head)
  if (entry === undefined) return ledger
  const counts = cause === 'attempt-failed' || cause === 'recovered'
  if (counts && entry.attempts >= MAX_ATTEMPTS) {
    return { ...ledger, entries: group.reduce((map, id) => mapDelete(map, id), ledger.entries) }
  }
  const uncounted = (e: LedgerEntry): number => Math.max(0, e.attempts - (counts ? 0 : 1))
  let next = ledger
  for (const id of rest) {
    const carried = mapGet(next.entries, id)
    if (carried === undefined) continue
    const facts = { ...factsOf(carried), attempts: uncounted(carried), carries: [] }
    next = { ...next, entries: mapSet(next.entries, id, { ...facts, status: 'carried', carrier: entry.id }) }
  }
  const facts = { ...factsOf(entry), attempts: uncounted(entry), carries: rest, ...(progressed && { progressed }) }
  return enqueue(next, facts, cause === 'attempt-failed' ? 'back' : 'front')
}

/** Whether the input still waits after a rollback. */
export function returnsToLane(after: MeerkatState, id: InputId): boolean {
  return mapGet(after.ledger.entries, id) !== undefined
}

/** Nothing is owed any more. */
export function abandonAll(slice: Ledger, _: MeerkatInput, __: MeerkatState): Ledger {
  if (slice.entries.size === 0) return slice
  return { entries: emptyMap(), queue: EMPTY_LANE, steer: EMPTY_LANE, waking: 0, keyed: emptyMap() }
}
