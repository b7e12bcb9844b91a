/** How an accepted input gets its place, and what the world hears of the ledger's changes. */

import type { MeerkatEffect } from '../../effects.ts'
import type { InputId } from '../../ids.ts'
import type { MeerkatInput } from '../../inputs.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import type { MeerkatFacts } from '../../state.ts'
import { endingOf } from '../endings/table.ts'
import { isRegistered, notDraining } from '../guards.ts'
import { inOrder } from '../lane.ts'
import type { AcceptInput, ResolveAdmissionIdempotency } from './input.ts'
import { admissionPolicy, validationFault } from './policy.ts'
import { contributorsOf, joiningSteers, returnsToLane } from './runs.ts'
import { type AbandonReason, drop, type EntryFacts, enqueue, ephemeralInputs, type Ledger } from './state.ts'

function saysTheSame(_: MeerkatFacts, { seen }: ResolveAdmissionIdempotency): boolean {
  return seen.sameContent
}
function isFaulty(_: MeerkatFacts, input: AcceptInput): boolean {
  return validationFault(input) !== undefined
}
function isNew(state: MeerkatFacts, input: AcceptInput): boolean {
  const { ledger, endings } = state
  return mapGet(ledger.entries, input.inputId) === undefined && endingOf(endings, input.inputId) === undefined
}
/** What waits is bounded by whoever offers it; what takes the place of another makes it no more. */
function isFull(state: MeerkatFacts, input: AcceptInput): boolean {
  const { mostUnfinished } = input
  if (mostUnfinished === undefined || state.ledger.entries.size < mostUnfinished) return false
  return replacedBy(state.ledger, input).length === 0
}
function isConsumedOnAccept(state: MeerkatFacts, input: AcceptInput): boolean {
  return admissionPolicy(input, state.run.phase === 'bound', false).consumedOnAccept
}

/** A session that was retired during a run admits nothing any more, though the run goes on. */
export function notRetiring({ lifecycle }: MeerkatFacts): boolean {
  return lifecycle.phase !== 'running' || lifecycle.preRun !== 'retired'
}

/** The guards of the rows that admit. */
export const admissionGuards = { saysTheSame, isFaulty, isFull, isNew, isConsumedOnAccept }

/** Whether the row that takes the input in is the one that decides on it. */
export function isEnqueued(state: MeerkatFacts, input: AcceptInput): boolean {
  const refused = isFaulty(state, input) || isFull(state, input) || !isNew(state, input)
  return (
    !refused && !isConsumedOnAccept(state, input) && isRegistered(state) && notDraining(state) && notRetiring(state)
  )
}

/** Admits: ends what it replaces, then takes its place behind its lane. */
export function accept(slice: Ledger, input: AcceptInput, state: MeerkatFacts): Ledger {
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
  const cleared = replacedBy(slice, input).reduce(drop, slice)
  return enqueue(cleared, { ...facts, ...more }, 'back')
}

function isSilent(state: MeerkatFacts, input: AcceptInput): boolean {
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
const attemptsOf = (state: MeerkatFacts, id: InputId): number => mapGet(state.ledger.entries, id)?.attempts ?? 0

function ended(
  before: MeerkatFacts,
  ids: Iterable<InputId>,
  terminal: Extract<MeerkatEffect, { type: 'InputTerminated' }>['terminal'],
): readonly MeerkatEffect[] {
  return [...ids].map(inputId => ({
    type: 'InputTerminated',
    inputId,
    terminal,
    attempts: attemptsOf(before, inputId),
  }))
}

function accepted(_: MeerkatFacts, input: AcceptInput, before: MeerkatFacts): readonly MeerkatEffect[] {
  const policy = admissionPolicy(input, before.run.phase === 'bound', isSilent(before, input))
  const acceptedEffect: MeerkatEffect = { type: 'InputAccepted', inputId: input.inputId, lane: policy.lane }
  const signal: readonly MeerkatEffect[] =
    policy.signal === 'None' ? [] : [{ type: 'PostAdmissionSignal', signal: policy.signal }]
  if (input.supersessionKey === undefined) return [acceptedEffect, ...signal]
  const by = input.inputId
  const replaced = replacedBy(before.ledger, input).flatMap(id => withCarried(before.ledger, id))
  const terminal =
    input.mode === 'supersede' ? ({ status: 'superseded', by } as const) : ({ status: 'coalesced', by } as const)
  return [acceptedEffect, ...ended(before, replaced, terminal), ...signal]
}

function staged(after: MeerkatFacts): readonly MeerkatEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, contributors } = after.run
  return contributors.map(inputId => ({ type: 'InputStaged', inputId, runId, attempt: attemptsOf(after, inputId) }))
}

function steered(after: MeerkatFacts, input: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, boundary } = after.run
  return joiningSteers(before, input).map(inputId => ({ type: 'InputSteered', inputId, runId, boundary }))
}

function rolledBack(after: MeerkatFacts, _: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] {
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
  (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] => {
    if (before.ledger.entries.size === 0) return []
    const ids = [...mapValues(before.ledger.entries)]
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      .map(e => e.id)
    return ended(before, ids, { status: 'abandoned', reason })
  }

/** What the world hears of the ledger, by occasion. */
export const ledgerEffects = {
  deduplicated: (_: MeerkatFacts, { inputId, seen }: ResolveAdmissionIdempotency): MeerkatEffect => ({
    type: 'AdmissionDeduplicated',
    inputId,
    existing: seen.inputId,
  }),
  conflict: (_: MeerkatFacts, { inputId, seen }: ResolveAdmissionIdempotency): MeerkatEffect => ({
    type: 'IdempotencyConflicted',
    inputId,
    existing: seen.inputId,
  }),
  rejected: (_: MeerkatFacts, input: AcceptInput): MeerkatEffect => ({
    type: 'AdmissionRejected',
    inputId: input.inputId,
    reason: validationFault(input) ?? 'unknown',
  }),
  overloaded: (_: MeerkatFacts, { inputId }: AcceptInput): MeerkatEffect => ({
    type: 'AdmissionRejected',
    inputId,
    reason: 'overloaded',
  }),
  consumedOnAccept: (_: MeerkatFacts, input: AcceptInput): readonly MeerkatEffect[] => [
    { type: 'InputAccepted', inputId: input.inputId, lane: 'queue' },
    { type: 'InputTerminated', inputId: input.inputId, terminal: { status: 'consumed' }, attempts: 0 },
  ],
  accepted,
  staged,
  steered,
  rolledBack,
  abandoned,
  withdrawn: (_: MeerkatFacts, input: WithInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(before, withCarried(before.ledger, input.inputId), { status: 'withdrawn' }),
  dropped: (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(
      before,
      [...inOrder(before.ledger.steer), ...inOrder(before.ledger.queue)].flatMap(id => withCarried(before.ledger, id)),
      { status: 'abandoned', reason: 'cancelled' },
    ),
  forgotten: (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(before, ephemeralInputs(before.ledger), { status: 'abandoned', reason: 'owner-lost' }),
  consumed: (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(before, contributorsOf(before), { status: 'consumed' }),
  cancelled: (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(before, contributorsOf(before), { status: 'abandoned', reason: 'cancelled' }),
  cutOff: (_: MeerkatFacts, __: MeerkatInput, before: MeerkatFacts): readonly MeerkatEffect[] =>
    ended(before, contributorsOf(before), { status: 'abandoned', reason: 'stopped' }),
}
