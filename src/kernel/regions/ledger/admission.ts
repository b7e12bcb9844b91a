/** How an accepted input gets its place, and what the world hears of the ledger's changes. */
import type { CoreEffect, CoreFacts, CoreInput } from '../../core.ts'
import type { InputId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { endingOf } from '../endings/table.ts'
import { isRegistered, notDraining } from '../guards.ts'
import { inOrder } from '../lane.ts'
import type { AcceptInput, ResolveAdmissionIdempotency } from './input.ts'
import { admissionPolicy, validationFault } from './policy.ts'
import { contributorsOf, joiningSteers, returnsToLane } from './runs.ts'
import { type AbandonReason, drop, type EntryFacts, enqueue, ephemeralInputs, type Ledger } from './state.ts'

function saysTheSame(_: CoreFacts, { seen }: ResolveAdmissionIdempotency): boolean {
  return seen.sameContent
}
function isFaulty(_: CoreFacts, input: AcceptInput): boolean {
  return validationFault(input) !== undefined
}
function isNew(state: CoreFacts, input: AcceptInput): boolean {
  const { ledger, endings } = state
  return mapGet(ledger.entries, input.inputId) === undefined && endingOf(endings, input.inputId) === undefined
}
/** What waits is bounded by whoever offers it; what takes the place of another makes it no more. */
function isFull(state: CoreFacts, input: AcceptInput): boolean {
  const { mostUnfinished } = input
  if (mostUnfinished === undefined || state.ledger.entries.size < mostUnfinished) return false
  return replacedBy(state.ledger, input).length === 0
}
function isConsumedOnAccept(state: CoreFacts, input: AcceptInput): boolean {
  return admissionPolicy(input, state.run.phase === 'bound', false).consumedOnAccept
}

/** A session that was retired during a run admits nothing any more, though the run goes on. */
export function notRetiring({ lifecycle }: CoreFacts): boolean {
  return lifecycle.phase !== 'running' || lifecycle.preRun !== 'retired'
}

/** The guards of the rows that admit. */
export const admissionGuards = { saysTheSame, isFaulty, isFull, isNew, isConsumedOnAccept }

/** Whether the row that takes the input in is the one that decides on it. */
export function isEnqueued(state: CoreFacts, input: AcceptInput): boolean {
  const refused = isFaulty(state, input) || isFull(state, input) || !isNew(state, input)
  return (
    !refused && !isConsumedOnAccept(state, input) && isRegistered(state) && notDraining(state) && notRetiring(state)
  )
}

/** Admits: ends what it replaces, then takes its place behind its lane. */
export function accept(slice: Ledger, input: AcceptInput, state: CoreFacts): Ledger {
  const { inputId: id, at, kind = 'prompt', supersessionKey, durability } = input
  const silent = isSilent(state, input)
  const { lane, wake } = admissionPolicy(input, state.run.phase === 'bound', silent)
  const facts: EntryFacts = { id, kind, lane, wake, attempts: 0, at, carries: [] }
  if (supersessionKey === undefined && !silent && durability !== 'ephemeral') return enqueue(slice, facts, 'back')
  const more: Partial<EntryFacts> = {
    ...(supersessionKey !== undefined && { supersessionKey }),
    ...(silent && { silent }),
    ...(durability === 'ephemeral' && { ephemeral: true }),
  }
  return enqueue(withoutReplaced(slice, input), { ...facts, ...more }, 'back')
}

/** Many may wait under one key: it names those that stay at once, rather than one less for each that goes. */
function withoutReplaced(slice: Ledger, input: AcceptInput): Ledger {
  const { supersessionKey: key } = input
  const replaced = new Set(replacedBy(slice, input))
  if (key === undefined || replaced.size === 0) return slice
  const stay = (mapGet(slice.keyed, key) ?? []).filter(id => !replaced.has(id))
  const cleared = [...replaced].reduce(drop, { ...slice, keyed: mapDelete(slice.keyed, key) })
  return stay.length === 0 ? cleared : { ...cleared, keyed: mapSet(cleared.keyed, key, stay) }
}

function isSilent(state: CoreFacts, input: AcceptInput): boolean {
  return (
    input.kind === 'peer-request' &&
    input.intent !== undefined &&
    state.registration.silentIntents.includes(input.intent)
  )
}

/** Waiting inputs that this one replaces: of its key, if it says so; an update of progress replaces only older updates. */
export function replacedBy(slice: Ledger, input: AcceptInput): readonly InputId[] {
  if (input.supersessionKey === undefined) return []
  const waiting = mapGet(slice.keyed, input.supersessionKey) ?? []
  if (input.mode === 'supersede') return waiting
  if (input.kind !== 'peer-response-progress') return []
  return waiting.filter(id => mapGet(slice.entries, id)?.kind === 'peer-response-progress')
}

type WithInput = { readonly inputId: InputId }

const withCarried = (ledger: Ledger, id: InputId): readonly InputId[] => [
  id,
  ...(mapGet(ledger.entries, id)?.carries ?? []),
]
const attemptsOf = (state: CoreFacts, id: InputId): number => mapGet(state.ledger.entries, id)?.attempts ?? 0

function ended(
  before: CoreFacts,
  ids: Iterable<InputId>,
  terminal: Extract<CoreEffect, { type: 'InputTerminated' }>['terminal'],
): readonly CoreEffect[] {
  return [...ids].map(inputId => ({
    type: 'InputTerminated',
    inputId,
    terminal,
    attempts: attemptsOf(before, inputId),
  }))
}

function accepted(_: CoreFacts, input: AcceptInput, before: CoreFacts): readonly CoreEffect[] {
  const policy = admissionPolicy(input, before.run.phase === 'bound', isSilent(before, input))
  const acceptedEffect: CoreEffect = { type: 'InputAccepted', inputId: input.inputId, lane: policy.lane }
  const signal: readonly CoreEffect[] =
    policy.signal === 'None' ? [] : [{ type: 'PostAdmissionSignal', signal: policy.signal }]
  if (input.supersessionKey === undefined) return [acceptedEffect, ...signal]
  const by = input.inputId
  const replaced = replacedBy(before.ledger, input).flatMap(id => withCarried(before.ledger, id))
  const terminal =
    input.mode === 'supersede' ? ({ status: 'superseded', by } as const) : ({ status: 'coalesced', by } as const)
  return [acceptedEffect, ...ended(before, replaced, terminal), ...signal]
}

function staged(after: CoreFacts): readonly CoreEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, contributors } = after.run
  return contributors.map(inputId => ({ type: 'InputStaged', inputId, runId, attempt: attemptsOf(after, inputId) }))
}

function steered(after: CoreFacts, input: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, boundary } = after.run
  return joiningSteers(before, input).map(inputId => ({ type: 'InputSteered', inputId, runId, boundary }))
}

function rolledBack(after: CoreFacts, _: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  if (before.run.phase !== 'bound') return []
  const { runId } = before.run
  return contributorsOf(before).map(inputId =>
    returnsToLane(after, inputId)
      ? { type: 'InputRequeued', inputId, runId, attempts: attemptsOf(after, inputId) }
      : {
          type: 'InputTerminated',
          inputId,
          terminal: { status: 'abandoned', reason: 'max-attempts' },
          attempts: attemptsOf(before, inputId),
        },
  )
}

const abandoned =
  (reason: AbandonReason) =>
  (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] => {
    if (before.ledger.entries.size === 0) return []
    const ids = [...mapValues(before.ledger.entries)]
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      .map(e => e.id)
    return ended(before, ids, { status: 'abandoned', reason })
  }

/** What the world hears of the ledger, by occasion. */
export const ledgerEffects = {
  deduplicated: (_: CoreFacts, { inputId, seen }: ResolveAdmissionIdempotency): CoreEffect => ({
    type: 'AdmissionDeduplicated',
    inputId,
    existing: seen.inputId,
  }),
  conflict: (_: CoreFacts, { inputId, seen }: ResolveAdmissionIdempotency): CoreEffect => ({
    type: 'IdempotencyConflicted',
    inputId,
    existing: seen.inputId,
  }),
  rejected: (_: CoreFacts, input: AcceptInput): CoreEffect => ({
    type: 'AdmissionRejected',
    inputId: input.inputId,
    reason: validationFault(input) ?? 'unknown',
  }),
  overloaded: (_: CoreFacts, { inputId }: AcceptInput): CoreEffect => ({
    type: 'AdmissionRejected',
    inputId,
    reason: 'overloaded',
  }),
  consumedOnAccept: (_: CoreFacts, input: AcceptInput): readonly CoreEffect[] => [
    { type: 'InputAccepted', inputId: input.inputId, lane: 'queue' },
    { type: 'InputTerminated', inputId: input.inputId, terminal: { status: 'consumed' }, attempts: 0 },
  ],
  accepted,
  staged,
  steered,
  rolledBack,
  abandoned,
  withdrawn: (_: CoreFacts, input: WithInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(before, withCarried(before.ledger, input.inputId), { status: 'withdrawn' }),
  dropped: (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(
      before,
      [...inOrder(before.ledger.steer), ...inOrder(before.ledger.queue)].flatMap(id => withCarried(before.ledger, id)),
      { status: 'abandoned', reason: 'cancelled' },
    ),
  forgotten: (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(before, ephemeralInputs(before.ledger), { status: 'abandoned', reason: 'owner-lost' }),
  consumed: (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(before, contributorsOf(before), { status: 'consumed' }),
  cancelled: (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(before, contributorsOf(before), { status: 'abandoned', reason: 'cancelled' }),
  cutOff: (_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] =>
    ended(before, contributorsOf(before), { status: 'abandoned', reason: 'stopped' }),
}
