/**
 * The input ledger: every accepted input that has not ended, its lane, and its attempts.
 *
 * Enforces: an accepted input ends exactly once, in `consumed`, `superseded`, `coalesced`, `abandoned` or `withdrawn`,
 * and then leaves the state; a waiting input is in one lane or carried by the work that it joined; a lane is FIFO. The
 * region knows neither the content of inputs nor idempotency keys of ended ones (the store does).
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId } from '../../ids.ts'
import { emptyMap, mapGet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { isRegistered, notDraining } from '../guards.ts'
import { EMPTY_LANE, inOrder } from '../lane.ts'
import type { Stopping } from '../lifecycle/input.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { LASTING, OPEN, SERVED } from '../phases.ts'
import { accept, admissionGuards, admissionOf, ledgerEffects, notRetiring } from './admission.ts'
import { ledgerCodec } from './codec.ts'
import { ledgerInWords } from './key.ts'
import { abandonAll, endContributors, joinSteers, rollBack, stage, withoutQueued } from './runs.ts'
import {
  type AbandonReason,
  dequeue,
  drop,
  enqueue,
  ephemeralInputs,
  factsOf,
  type Lane,
  type Ledger,
  type LedgerEntry,
  MAX_ATTEMPTS,
  type QueuedEntry,
  wakeAll,
} from './state.ts'

function queuedInput({ ledger }: CoreFacts, { inputId }: { readonly inputId: InputId }): QueuedEntry | undefined {
  const entry = mapGet(ledger.entries, inputId)
  return entry?.status === 'queued' ? entry : undefined
}

/** Reasons for which all waiting inputs are abandoned. */
const DECISIONS: readonly AbandonReason[] = ['cancelled', 'reset', 'retired', 'destroyed', 'unregistered']
function isDecision(_: CoreFacts, { reason }: { readonly reason: AbandonReason }): boolean {
  return DECISIONS.includes(reason)
}
function someWait({ ledger: { queue, steer } }: CoreFacts): boolean {
  return queue.slots.size + steer.slots.size > 0
}

const requeue =
  (where: 'front' | 'back') =>
  (
    slice: Ledger,
    input: { readonly inputId: InputId; readonly lane?: Lane },
    _: CoreFacts,
    entry: QueuedEntry,
  ): Ledger =>
    enqueue(dequeue(slice, entry), { ...factsOf(entry), lane: input.lane ?? entry.lane }, where)

const { saysTheSame, isFaulty, isFull, isNew, isConsumedOnAccept } = admissionGuards

const aboutInput = rowsAbout<CoreFacts, Ledger, CoreEffect, LifecyclePhase>()

export const ledger: CoreRegion<'ledger', LifecyclePhase> = {
  name: 'ledger',
  about: 'Every accepted input until its one end: lanes, attempts, and which inputs share one work.',
  initial: { entries: emptyMap(), queue: EMPTY_LANE, steer: EMPTY_LANE, waking: 0, keyed: emptyMap() },
  codec: ledgerCodec,
  key: ledgerInWords,
  phaseOf: state => state.lifecycle.phase,
  phases: LASTING,
  decides: { AcceptInput: admissionOf },
  on: {
    // A repeated send of an accepted input is answered in every phase of the session.
    ResolveAdmissionIdempotency: [
      { name: 'deduplicated', from: LASTING, when: [saysTheSame], emit: [ledgerEffects.deduplicated] },
      { name: 'conflict', from: LASTING, emit: [ledgerEffects.conflict] },
    ],
    AcceptInput: [
      { name: 'invalid', from: OPEN, when: [isFaulty], emit: [ledgerEffects.rejected] },
      { name: 'overloaded', from: OPEN, when: [isFull], emit: [ledgerEffects.overloaded] },
      {
        name: 'consumed-on-accept',
        from: OPEN,
        when: [isConsumedOnAccept, isRegistered, notRetiring, isNew],
        emit: [ledgerEffects.consumedOnAccept],
      },
      {
        name: 'enqueued',
        from: OPEN,
        when: [isRegistered, notDraining, notRetiring, isNew],
        then: accept,
        emit: [ledgerEffects.accepted],
      },
    ],
    // Also in a stopped session, whose inputs wait for its resume.
    WithdrawInput: [
      aboutInput({
        name: 'withdrawn',
        from: SERVED,
        about: queuedInput,
        then: (slice, input) => drop(slice, input.inputId),
        emit: [ledgerEffects.withdrawn],
      }),
    ],
    ChangeLane: [aboutInput({ name: 'moved', from: SERVED, about: queuedInput, then: requeue('back') })],
    PrioritizeInput: [aboutInput({ name: 'first', from: SERVED, about: queuedInput, then: requeue('front') })],
    DeferInputBehindBacklog: [aboutInput({ name: 'last', from: SERVED, about: queuedInput, then: requeue('back') })],
    DropQueued: [
      {
        name: 'dropped',
        from: SERVED,
        then: slice => [...inOrder(slice.steer), ...inOrder(slice.queue)].reduce(drop, slice),
        emit: [ledgerEffects.dropped],
      },
    ],
    GiveUpQueued: [{ name: 'given-up', from: SERVED, when: [isDecision, someWait], then: withoutQueued }],
    DropEphemeral: [
      {
        name: 'dropped',
        from: SERVED,
        then: slice => ephemeralInputs(slice).reduce(drop, slice),
        emit: [ledgerEffects.forgotten],
      },
    ],
    WakeQueued: [{ name: 'woken', from: SERVED, then: wakeAll }],
  },
  follow: {
    Prepare: { then: stage, emit: [ledgerEffects.staged] },
    DrainQueuedRun: { then: stage, emit: [ledgerEffects.staged] },
    BoundaryContinue: { then: joinSteers, emit: [ledgerEffects.steered] },
    BoundaryComplete: { then: joinSteers, emit: [ledgerEffects.steered] },
    Commit: { then: endContributors, emit: [ledgerEffects.consumed] },
    Fail: { then: endContributors, emit: [ledgerEffects.consumed] },
    CancelRun: { then: endContributors, emit: [ledgerEffects.cancelled] },
    RollbackRun: { then: rollBack, emit: [ledgerEffects.rolledBack] },
    Recover: { then: rollBack, emit: [ledgerEffects.rolledBack] },
    Reset: { then: abandonAll, emit: [ledgerEffects.abandoned('reset')] },
    RuntimeExecutorExited: {
      then: (slice, input, before) => (input.queued ? abandonAll : endContributors)(slice, input, before),
      emit: [
        (after, input, before) =>
          (input.queued ? ledgerEffects.abandoned('stopped') : ledgerEffects.cutOff)(after, input, before),
      ],
    },
    'StopRuntimeExecutor/inline': {
      then: (slice, input, before) => (givesUp(input) ? abandonAll(slice, input, before) : slice),
      emit: [
        (after, input, before) => (givesUp(input) ? ledgerEffects.abandoned('stopped')(after, input, before) : []),
      ],
    },
    Retire: {
      then: (slice, input, before, keeps) => (keeps ? slice : abandonAll(slice, input, before)),
      emit: [(after, input, before, keeps) => (keeps ? [] : ledgerEffects.abandoned('retired')(after, input, before))],
    },
    Destroy: { then: abandonAll, emit: [ledgerEffects.abandoned('destroyed')] },
    UnregisterSession: { then: abandonAll, emit: [ledgerEffects.abandoned('unregistered')] },
  },
  invariants: [
    {
      id: 'lanes-hold-queued-inputs',
      text: 'the lanes hold exactly the queued inputs, each in its slot',
      holds: ({ ledger: l }) => lanesAgree(l),
    },
    {
      id: 'staged-inputs-belong-to-the-run',
      text: 'exactly the contributors of the bound run are staged or applied',
      holds: s => stagedAgree(s),
    },
    {
      id: 'carried-inputs-have-a-carrier',
      text: 'a carried input and the waiting input that carries it name each other',
      holds: ({ ledger: l }) => [...mapValues(l.entries)].every(e => carriesAgree(l, e)),
    },
    {
      id: 'waking-counts-queued-work',
      text: 'the waking count is the number of queued inputs that may start a turn',
      holds: ({ ledger: l }) =>
        l.waking === [...mapValues(l.entries)].filter(e => e.status === 'queued' && e.wake).length,
    },
    {
      id: 'attempts-are-bounded',
      text: 'no unfinished input was staged more often than the limit',
      holds: ({ ledger: l }) => [...mapValues(l.entries)].every(e => e.attempts <= MAX_ATTEMPTS),
    },
  ],
}

/** Whether the stop is of an old record, when a stop abandoned waiting inputs. */
function givesUp({ queued }: Stopping): boolean {
  return queued === 'abandoned'
}

function lanesAgree(l: Ledger): boolean {
  const queued = [...mapValues(l.entries)].filter(e => e.status === 'queued')
  return (
    queued.length === l.queue.slots.size + l.steer.slots.size &&
    queued.every(e => mapGet(l[e.lane].slots, e.slot) === e.id)
  )
}

function carriesAgree(l: Ledger, entry: LedgerEntry): boolean {
  if (entry.status === 'carried') return mapGet(l.entries, entry.carrier)?.carries.includes(entry.id) === true
  return entry.carries.every(id => {
    const carried = mapGet(l.entries, id)
    return carried?.status === 'carried' && carried.carrier === entry.id
  })
}

function stagedAgree(s: CoreFacts): boolean {
  const inRun = [...mapValues(s.ledger.entries)].filter(e => e.status === 'staged' || e.status === 'applied')
  if (s.run.phase === 'none') return inRun.length === 0
  const { contributors, runId } = s.run
  return inRun.length === contributors.length && inRun.every(e => e.runId === runId && contributors.includes(e.id))
}
