/** How runs change the ledger: a run stages inputs, steers join it, and its end ends or returns them. */
import type { CoreFacts, CoreInput } from '../../core.ts'
import type { InputId, RunId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapOf, mapSet } from '../../persistent-map.ts'
import { EMPTY_LANE, inOrder } from '../lane.ts'
import type { RollbackCause } from '../run/effect.ts'
import { selectBatch } from './batch.ts'
import {
  appliedAs,
  dequeue,
  enqueue,
  factsOf,
  type Ledger,
  type LedgerEntry,
  MAX_ATTEMPTS,
  stagedAs,
  withEntries,
} from './state.ts'

/** The inputs of the bound run, head first. */
export function contributorsOf(state: CoreFacts): readonly InputId[] {
  return state.run.phase === 'bound' ? state.run.contributors : []
}

/**
 * The waiting steers that join at the run's present boundary. None if the run is being cancelled; work with a journal of
 * its own joins no other work; and passive steers alone do not prolong a turn that would end.
 */
export function joiningSteers(state: CoreFacts, input: { readonly type: string }): readonly InputId[] {
  const { ledger, run, turn } = state
  if (ledger.steer.slots.size === 0 || turn.phase !== 'drainingBoundary') return []
  if (run.phase !== 'bound' || run.cancel !== 'none') return []
  const joining: InputId[] = []
  let waking = false
  for (const id of inOrder(ledger.steer)) {
    const entry = mapGet(ledger.entries, id)
    if (entry === undefined || entry.progressed === true) continue
    joining.push(id)
    waking ||= entry.wake
  }
  return waking || input.type === 'BoundaryContinue' ? joining : []
}

type Preparing = { readonly runId: RunId; readonly passives?: 'along' }

/** The inputs for the run that is being prepared. */
export function batchFor({ ledger, registration: { merge } }: CoreFacts, { passives }: Preparing): readonly InputId[] {
  return selectBatch(ledger, { merge, passivesAlong: passives === 'along' })
}

/** Stages the batch for the run. */
export function stage(slice: Ledger, input: Preparing, _: CoreFacts, batch: readonly InputId[]): Ledger {
  let ledger = slice
  for (const id of batch) ledger = stageOne(ledger, id, input)
  return ledger
}

function stageOne(ledger: Ledger, id: InputId, { runId, passives }: Preparing): Ledger {
  const entry = mapGet(ledger.entries, id)
  if (entry === undefined) return ledger
  const next = entry.status === 'queued' ? dequeue(ledger, entry) : ledger
  // Work that has begun may start further runs, so that it is finished even if its first attempt fails.
  const wake = passives === 'along' ? entry.wake : true
  return putEntry(next, stagedAs(entry, wake, runId))
}

/** Marks the run's inputs as applied and lets the waiting steers join. */
export function joinSteers(slice: Ledger, _: CoreInput, state: CoreFacts, joined: readonly InputId[]): Ledger {
  if (state.run.phase !== 'bound') return slice
  const { runId, contributors } = state.run
  const boundary = state.run.boundary + 1
  const attempts = attemptsOf(slice, contributors[0])
  let ledger = slice
  for (const id of joined) {
    const entry = mapGet(ledger.entries, id)
    if (entry?.status !== 'queued') continue
    ledger = putEntry(dequeue(ledger, entry), appliedAs(entry, attempts, runId, boundary))
  }
  for (const id of contributors) {
    const entry = mapGet(ledger.entries, id)
    if (entry?.status === 'staged') ledger = putEntry(ledger, appliedAs(entry, entry.attempts, runId, boundary))
  }
  return ledger
}

function putEntry(ledger: Ledger, entry: LedgerEntry): Ledger {
  return withEntries(ledger, mapSet(ledger.entries, entry.id, entry))
}

function attemptsOf(ledger: Ledger, id: InputId | undefined): number {
  return id === undefined ? 0 : (mapGet(ledger.entries, id)?.attempts ?? 0)
}

/** Removes the run's inputs: they have ended. */
export function endContributors(slice: Ledger, _: CoreInput, state: CoreFacts): Ledger {
  let { entries } = slice
  for (const id of contributorsOf(state)) entries = mapDelete(entries, id)
  return entries === slice.entries ? slice : withEntries(slice, entries)
}

const countsAsAttempt = (cause: RollbackCause): boolean => cause === 'attempt-failed' || cause === 'recovered'

type WithCause = { readonly type: string; readonly cause?: RollbackCause }

/** The inputs that a rollback ends, for the run was their last attempt. Work with a journal ends as its head does. */
export function givenUpBy({ ledger, run }: CoreFacts, { cause = 'recovered' }: WithCause): readonly InputId[] {
  if (run.phase !== 'bound' || !countsAsAttempt(cause)) return NOTHING
  const { contributors, progressed } = run
  const isOver = (id: InputId | undefined): boolean => attemptsOf(ledger, id) >= MAX_ATTEMPTS
  if (progressed) return isOver(contributors[0]) ? contributors : NOTHING
  return contributors.filter(isOver)
}
const NOTHING: readonly InputId[] = []

/**
 * Returns what is not given up of the run to its lanes. Work with a journal stays together: its head carries the other
 * inputs. After a failed attempt it goes to the back; after any other cause to the front.
 */
export function rollBack(
  slice: Ledger,
  { cause = 'recovered' }: WithCause,
  { run }: CoreFacts,
  givenUp: readonly InputId[],
): Ledger {
  if (run.phase !== 'bound') return slice
  const { contributors, progressed } = run
  const left = contributors.filter(id => !givenUp.includes(id))
  const groups = progressed ? [left] : left.map(id => [id])
  const ordered = cause === 'attempt-failed' ? groups : groups.toReversed()
  const entries = givenUp.reduce((map, id) => mapDelete(map, id), slice.entries)
  return ordered.reduce((ledger, group) => returnGroup(ledger, group, cause, progressed), withEntries(slice, entries))
}

function returnGroup(ledger: Ledger, group: readonly InputId[], cause: RollbackCause, progressed: boolean): Ledger {
  const [head, ...rest] = group
  const entry = head === undefined ? undefined : mapGet(ledger.entries, head)
  if (entry === undefined) return ledger
  const attempts = entry.attempts - (countsAsAttempt(cause) ? 0 : 1)
  let { entries } = ledger
  for (const id of rest) {
    const other = mapGet(entries, id)
    if (other === undefined) continue
    entries = mapSet(entries, id, { ...factsOf(other), attempts, carries: [], status: 'carried', carrier: entry.id })
  }
  // A parked run has reported its cost; the cost of a run that was rolled back for another cause is unknown.
  const unreported = cause !== 'parked' && ({ unreported: true } as const)
  const facts = { ...factsOf(entry), attempts, carries: rest, ...(progressed && { progressed }), ...unreported }
  return enqueue(withEntries(ledger, entries), facts, cause === 'attempt-failed' ? 'back' : 'front')
}

/** The ledger with the run's inputs only. Costs as much as the run has inputs, however many wait. */
export function withoutQueued({ entries }: Ledger, _: CoreInput, state: CoreFacts): Ledger {
  const held = contributorsOf(state).flatMap(id => mapGet(entries, id) ?? [])
  return { ...EMPTY, entries: mapOf(held.map(entry => [entry.id, entry] as const)) }
}

const EMPTY: Ledger = { entries: emptyMap(), queue: EMPTY_LANE, steer: EMPTY_LANE, waking: 0, keyed: emptyMap() }

/** Removes all inputs. */
export function abandonAll(slice: Ledger, _: CoreInput, __: CoreFacts): Ledger {
  return slice.entries.size === 0 ? slice : EMPTY
}

/**
 * Whether a retiring session keeps its waiting inputs. With an executor (or a run) they are still answered; without, they
 * never would be. Once retired, a repeated `Retire` does not change that. Passive inputs alone are not kept: a retired
 * session admits no input that could take them along.
 */
export function drainsAfterRetire(state: CoreFacts): boolean {
  const { phase } = state.lifecycle
  if (phase === 'running') return true
  return state.ledger.waking > 0 && (state.registration.phase === 'active' || phase === 'retired')
}
