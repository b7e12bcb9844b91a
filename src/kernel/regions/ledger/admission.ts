/** How an accepted input gets its place, and the ledger's effects. */
import type { CoreEffect, CoreFacts, CoreInput } from '../../core.ts'
import type { InputId, RunId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { endingOf } from '../endings/table.ts'
import { inOrder } from '../lane.ts'
import type { AcceptInput, ResolveAdmissionIdempotency } from './input.ts'
import { type Admission, admissionPolicy, validationFault } from './policy.ts'
import { contributorsOf } from './runs.ts'
import { type AbandonReason, drop, type EntryFacts, enqueue, ephemeralInputs, type Ledger } from './state.ts'

function saysTheSame(_: CoreFacts, { seen }: ResolveAdmissionIdempotency): boolean {
  return seen.sameContent
}
function isFaulty(_: CoreFacts, __: AcceptInput, { fault }: Admission): boolean {
  return fault !== undefined
}
function isNew(state: CoreFacts, input: AcceptInput): boolean {
  const { ledger, endings } = state
  return mapGet(ledger.entries, input.inputId) === undefined && endingOf(endings, input.inputId) === undefined
}
/** Whether the sender's limit of unfinished inputs is reached. An input that replaces another one does not add to them. */
function isFull({ ledger }: CoreFacts, { mostUnfinished }: AcceptInput, { replaced }: Admission): boolean {
  return mostUnfinished !== undefined && ledger.entries.size >= mostUnfinished && replaced.length === 0
}
function isConsumedOnAccept(_: CoreFacts, __: AcceptInput, { consumedOnAccept }: Admission): boolean {
  return consumedOnAccept
}

/** A session that was retired during a run admits nothing, although the run goes on. */
export function notRetiring({ lifecycle }: CoreFacts): boolean {
  return lifecycle.phase !== 'running' || lifecycle.preRun !== 'retired'
}

/** The guards of the rows that admit. */
export const admissionGuards = { saysTheSame, isFaulty, isFull, isNew, isConsumedOnAccept }

/** The verdict on an offered input, for all rows and their followers. */
export function admissionOf(state: CoreFacts, input: AcceptInput): Admission {
  const silent = isSilent(state, input)
  const { lane, wake, signal, consumedOnAccept, coalesces } = admissionPolicy(
    input,
    state.run.phase === 'bound',
    silent,
  )
  const replaced = replacedBy(state.ledger, input)
  return { fault: validationFault(input), lane, wake, signal, consumedOnAccept, coalesces, silent, replaced }
}

const NO_INPUTS: readonly InputId[] = []

/** Admits the input: removes those that it replaces, and puts it at the back of its lane. */
export function accept(slice: Ledger, input: AcceptInput, _: CoreFacts, admission: Admission): Ledger {
  const { inputId: id, at, kind = 'prompt', supersessionKey, durability } = input
  const { lane, wake, silent, replaced } = admission
  const facts: EntryFacts = { id, kind, lane, wake, attempts: 0, at, carries: NO_INPUTS }
  if (supersessionKey === undefined && !silent && durability !== 'ephemeral') return enqueue(slice, facts, 'back')
  const more: Partial<EntryFacts> = {
    ...(supersessionKey !== undefined && { supersessionKey }),
    ...(silent && { silent }),
    ...(durability === 'ephemeral' && { ephemeral: true }),
  }
  return enqueue(withoutReplaced(slice, supersessionKey, new Set(replaced)), { ...facts, ...more }, 'back')
}

/** Removes replaced inputs from a key's list in one pass, because many may wait under one key. */
function withoutReplaced(slice: Ledger, key: string | undefined, replaced: ReadonlySet<InputId>): Ledger {
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

/** The waiting inputs that this one replaces: those of its supersession key; for a progress update only older updates. */
function replacedBy(slice: Ledger, input: AcceptInput): readonly InputId[] {
  if (input.supersessionKey === undefined) return NO_INPUTS
  const waiting = mapGet(slice.keyed, input.supersessionKey) ?? []
  if (input.mode === 'supersede') return waiting
  if (input.kind !== 'peer-response-progress') return NO_INPUTS
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
  ids: readonly InputId[],
  terminal: Extract<CoreEffect, { type: 'InputTerminated' }>['terminal'],
): readonly CoreEffect[] {
  return ids.map(inputId => ({ type: 'InputTerminated', inputId, terminal, attempts: attemptsOf(before, inputId) }))
}

function accepted(
  _: CoreFacts,
  input: AcceptInput,
  before: CoreFacts,
  { lane, signal: said, replaced }: Admission,
): readonly CoreEffect[] {
  const acceptedEffect: CoreEffect = { type: 'InputAccepted', inputId: input.inputId, lane }
  const signal: CoreEffect | undefined = said === 'None' ? undefined : { type: 'PostAdmissionSignal', signal: said }
  if (replaced.length === 0) return signal === undefined ? [acceptedEffect] : [acceptedEffect, signal]
  const by = input.inputId
  const gone = replaced.flatMap(id => withCarried(before.ledger, id))
  const terminal =
    input.mode === 'supersede' ? ({ status: 'superseded', by } as const) : ({ status: 'coalesced', by } as const)
  return [acceptedEffect, ...ended(before, gone, terminal), ...(signal === undefined ? [] : [signal])]
}

function staged(
  after: CoreFacts,
  { runId }: { readonly runId: RunId },
  _: CoreFacts,
  batch: readonly InputId[],
): readonly CoreEffect[] {
  return batch.map(inputId => ({ type: 'InputStaged', inputId, runId, attempt: attemptsOf(after, inputId) }))
}

function steered(after: CoreFacts, _: CoreInput, __: CoreFacts, joined: readonly InputId[]): readonly CoreEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, boundary } = after.run
  return joined.map(inputId => ({ type: 'InputSteered', inputId, runId, boundary }))
}

function rolledBack(
  after: CoreFacts,
  _: CoreInput,
  before: CoreFacts,
  givenUp: readonly InputId[],
): readonly CoreEffect[] {
  if (before.run.phase !== 'bound') return []
  const { runId, contributors } = before.run
  return contributors.map(inputId =>
    givenUp.includes(inputId)
      ? {
          type: 'InputTerminated',
          inputId,
          terminal: { status: 'abandoned', reason: 'max-attempts' },
          attempts: attemptsOf(before, inputId),
        }
      : { type: 'InputRequeued', inputId, runId, attempts: attemptsOf(after, inputId) },
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

/** The ledger's effects, by occasion. */
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
  rejected: (_: CoreFacts, { inputId }: AcceptInput, __: CoreFacts, { fault = 'unknown' }: Admission): CoreEffect => ({
    type: 'AdmissionRejected',
    inputId,
    reason: fault,
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
