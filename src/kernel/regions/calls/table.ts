/**
 * The tool-effect ledger: every tool call of unfinished work, from its intent to its outcome.
 *
 * Enforces: no call is dispatched without a recorded intent; a call in flight whose executor was lost is settled by the
 * policy that its tool declared (`retry`: owed again, `fail`: failed, `ask`: waits for a person), never by guess; a call
 * that was in flight when two processes ended counts as the cause and is not repeated; a call that needs approval is not
 * dispatched before the decision, even if the run goes on without it.
 */

import type { CoreEffect, CoreFacts, CoreInput, CoreRegion } from '../../core.ts'
import type { CallId, InputId } from '../../ids.ts'
import { emptyMap, mapGet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { isCurrentRun } from '../guards.ts'
import type { Admission } from '../ledger/policy.ts'
import { contributorsOf } from '../ledger/runs.ts'
import { entryOf } from '../ledger/state.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { RUNNING, SERVED } from '../phases.ts'
import type { RollbackCause } from '../run/effect.ts'
import type { TurnPhase } from '../turn/state.ts'
import { callsCodec } from './codec.ts'
import type { CallEffect } from './effect.ts'
import type { CallIntent, CallsInput } from './input.ts'
import { callsInWords } from './key.ts'
import {
  type CallEntry,
  type CallPolicy,
  type CallState,
  type Calls,
  callsOf,
  change,
  forget,
  isUnsettled,
  put,
} from './state.ts'

/** Guard: every call of the current run's work has an outcome. */
export function allCallsSettled(state: CoreFacts): boolean {
  return workCalls(state).every(call => call.state === 'succeeded' || call.state === 'failed')
}
/** Guard: no call of the current run's work is in flight, because its outcome would come after the model's next answer. */
export function noCallInFlight(state: CoreFacts): boolean {
  return workCalls(state).every(call => call.state !== 'dispatched')
}
/** Guard: a call of the current run's work waits for a person. */
export function hasUnsettledCalls(state: CoreFacts): boolean {
  return workCalls(state).some(call => isUnsettled(call.state))
}

function workCalls(state: CoreFacts): readonly CallEntry[] {
  const [work] = contributorsOf(state)
  return work === undefined ? [] : callsOf(state.calls, work)
}
function areNew(state: CoreFacts, input: { readonly calls: readonly CallIntent[] }): boolean {
  const ids = input.calls.map(call => call.callId)
  return new Set(ids).size === ids.length && ids.every(id => mapGet(state.calls.open, id) === undefined)
}
function areOwed(state: CoreFacts, input: { readonly callIds: readonly CallId[] }): boolean {
  const [work] = contributorsOf(state)
  return input.callIds.every(id => {
    const call = mapGet(state.calls.open, id)
    return call?.state === 'owed' && call.work === work
  })
}
/** Guard: the turn may still start calls; not if it ended or is being cancelled. */
function turnIsWorking({ turn }: CoreFacts): boolean {
  return IS_WORKING[turn.phase]
}
const IS_WORKING: Readonly<Record<TurnPhase, boolean>> = {
  ready: false,
  applyingPrimitive: true,
  callingLlm: true,
  waitingForOps: true,
  drainingBoundary: true,
  extracting: true,
  errorRecovery: true,
  cancelling: false,
  completed: false,
  failed: false,
  cancelled: false,
}
function areInFlight(state: CoreFacts, input: { readonly outcomes: readonly { readonly callId: CallId }[] }): boolean {
  return input.outcomes.every(({ callId }) => mapGet(state.calls.open, callId)?.state === 'dispatched')
}
function unknownCall({ calls: c }: CoreFacts, { callId }: WithCall): CallEntry | undefined {
  const call = mapGet(c.open, callId)
  return call?.state === 'unknown' ? call : undefined
}
function callAwaitingApproval({ calls: c }: CoreFacts, { callId }: WithCall): CallEntry | undefined {
  const call = mapGet(c.open, callId)
  return call?.state === 'awaitingApproval' ? call : undefined
}
type WithCall = { readonly callId: CallId }

function record(
  slice: Calls,
  input: { readonly calls: readonly CallIntent[]; readonly at: number },
  state: CoreFacts,
): Calls {
  const [work] = contributorsOf(state)
  if (work === undefined) return slice
  return input.calls.reduce(
    (calls, { callId: id, tool, policy, needsApproval, expiry }) =>
      put(calls, {
        id,
        work,
        tool,
        policy,
        state: needsApproval === true ? 'awaitingApproval' : 'dispatched',
        at: input.at,
        ...(needsApproval === true &&
          expiry !== undefined && { expiry: { at: input.at + expiry.afterMs, decision: expiry.decision } }),
      }),
    slice,
  )
}

/** Marks undecided calls as passed: the run goes on without them. */
function passBy(slice: Calls, _: CoreInput, state: CoreFacts): Calls {
  if (slice.unsettled === 0) return slice
  return waiting(slice, state).reduce(
    (calls, call) => (call.passed ? calls : put(calls, { ...call, passed: true })),
    slice,
  )
}
/** The run parks: its calls wait for decisions only. */
function park(slice: Calls, _: CoreInput, state: CoreFacts): Calls {
  return waiting(slice, state).reduce((calls, { passed, ...call }) => (passed ? put(calls, call) : calls), slice)
}
function waiting(slice: Calls, state: CoreFacts): readonly CallEntry[] {
  return slice.unsettled === 0 ? [] : workCalls(state).filter(call => isUnsettled(call.state))
}

/** The executor is gone: calls in flight are settled by policy. */
function lose(slice: Calls, _: CoreInput, state: CoreFacts): Calls {
  return inFlight(state).reduce((calls, call) => put(calls, { ...call, state: LOST[call.policy] }), slice)
}
/** The process is gone: calls in flight are settled by policy, unless they count as the cause. */
function crash(slice: Calls, { mostCrashes = Number.POSITIVE_INFINITY }: WithLimit, state: CoreFacts): Calls {
  return inFlight(state).reduce((calls, call) => {
    if (call.policy !== 'retry') return put(calls, { ...call, state: LOST[call.policy] })
    const crashes = (call.crashes ?? 0) + 1
    return put(calls, { ...call, crashes, state: crashes < mostCrashes ? 'owed' : 'failed' })
  }, slice)
}
type WithLimit = { readonly mostCrashes?: number }
const LOST: Readonly<Record<CallPolicy, CallState>> = { retry: 'owed', ask: 'unknown', fail: 'failed' }

function inFlight(state: CoreFacts): readonly CallEntry[] {
  return state.calls.open.size === 0 ? [] : workCalls(state).filter(call => call.state === 'dispatched')
}

/** The run's work ended: its calls leave the state. */
function close(slice: Calls, _: CoreInput, state: CoreFacts): Calls {
  return slice.open.size === 0 ? slice : workCalls(state).reduce(forget, slice)
}
function closeAll(slice: Calls): Calls {
  return slice.open.size === 0 ? slice : NONE
}
/** After a rollback that ended the work its calls leave the state; otherwise calls in flight are settled by policy. */
function afterRollback(
  slice: Calls,
  input: CoreInput & WithCause,
  state: CoreFacts,
  givenUp: readonly InputId[],
): Calls {
  if (input.cause === 'parked') return lose(park(slice, input, state), input, state)
  return (givenUp.length > 0 ? close : lose)(slice, input, state)
}
function afterCrash(slice: Calls, input: CoreInput & WithLimit, state: CoreFacts, givenUp: readonly InputId[]): Calls {
  return givenUp.length > 0 ? close(slice, input, state) : crash(slice, input, state)
}
/** Removes the calls of an input that ended outside a run. */
function closeWork(slice: Calls, input: { readonly inputId: InputId }): Calls {
  return callsOf(slice, input.inputId).reduce(forget, slice)
}
/** Removes the calls of all waiting inputs, which are dropped. */
function closeQueued(slice: Calls, _: CoreInput, { ledger }: CoreFacts): Calls {
  if (slice.open.size === 0) return slice
  return [...mapValues(slice.open)]
    .filter(call => entryOf(ledger, call.work)?.status === 'queued')
    .reduce(forget, slice)
}
/** Removes the calls of inputs that a newly accepted one replaces. */
function closeReplaced(slice: Calls, _: CoreInput, __: CoreFacts, { replaced }: Admission): Calls {
  return slice.open.size === 0 ? slice : replaced.reduce((calls, inputId) => closeWork(calls, { inputId }), slice)
}

type WithCause = { readonly cause?: RollbackCause }

const NONE: Calls = { open: emptyMap(), unsettled: 0 }

const changed = (call: CallEntry, state: CallState): CallEffect => ({
  type: 'CallChanged',
  callId: call.id,
  state,
  tool: call.tool,
})

function changedBy(ids: (input: never) => readonly CallId[]) {
  return (after: CoreFacts, input: unknown): readonly CoreEffect[] =>
    ids(input as never).flatMap(id => {
      const call = mapGet(after.calls.open, id)
      return call === undefined ? [] : [changed(call, call.state)]
    })
}
/** Effects for calls that were in flight before and are settled by policy now. */
function lost(after: CoreFacts, _: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  return inFlight(before).map(call => {
    const now = mapGet(after.calls.open, call.id)
    const effect = changed(call, now?.state ?? 'unknown')
    if (now?.state !== 'failed') return effect
    return { ...effect, reason: call.policy === 'retry' ? 'crashed-process' : 'outcome-lost' }
  })
}
/** Effects for calls that were in flight when their run was cut off: their outcome can't be known. */
function cutOff(_: CoreFacts, __: CoreInput, before: CoreFacts): readonly CoreEffect[] {
  return inFlight(before).map(call => changed(call, 'unknown'))
}

const aboutCall = rowsAbout<CoreFacts, Calls, CoreEffect, LifecyclePhase>()
/** What a person decided about a call that waited for it. */
const settles = <Input extends { readonly at: number }>(as: (input: Input) => CallState) => ({
  then: (slice: Calls, input: Input, _: CoreFacts, call: CallEntry): Calls =>
    put(slice, { ...call, state: as(input), at: input.at }),
  emit: [(_: CoreFacts, input: Input, __: CoreFacts, call: CallEntry): CallEffect => changed(call, as(input))],
})
type WithResolution = Extract<CallsInput, { readonly type: 'ResolveCall' }>
type WithDecision = Extract<CallsInput, { readonly type: 'DecideApproval' }>

export const calls: CoreRegion<'calls', LifecyclePhase> = {
  name: 'calls',
  about: 'The tool-effect ledger: intent before dispatch, outcome after, and what becomes of a lost outcome.',
  initial: NONE,
  codec: callsCodec,
  key: callsInWords,
  phaseOf: state => state.lifecycle.phase,
  // A person may decide on calls whether or not an executor serves the session.
  phases: SERVED,
  on: {
    RecordCallIntents: [
      {
        name: 'intended',
        from: RUNNING,
        when: [isCurrentRun, turnIsWorking, areNew],
        then: record,
        emit: [changedBy((input: { readonly calls: readonly CallIntent[] }) => input.calls.map(call => call.callId))],
      },
    ],
    DispatchCalls: [
      {
        name: 'dispatched',
        from: RUNNING,
        when: [isCurrentRun, turnIsWorking, areOwed],
        then: (slice, { callIds, at }) => callIds.reduce((calls, id) => change(calls, id, 'dispatched', at), slice),
        emit: [changedBy((input: { readonly callIds: readonly CallId[] }) => input.callIds)],
      },
    ],
    RecordCallOutcomes: [
      {
        name: 'recorded',
        from: RUNNING,
        when: [isCurrentRun, areInFlight],
        then: (slice, { outcomes, at }) =>
          outcomes.reduce((calls, { callId, ok }) => change(calls, callId, ok ? 'succeeded' : 'failed', at), slice),
        emit: [
          changedBy((input: { readonly outcomes: readonly { readonly callId: CallId }[] }) =>
            input.outcomes.map(({ callId }) => callId),
          ),
        ],
      },
    ],
    ResolveCall: [
      aboutCall({
        name: 'resolved',
        from: SERVED,
        about: unknownCall,
        ...settles((input: WithResolution) => (input.resolution === 'retry' ? 'owed' : input.resolution)),
      }),
    ],
    DecideApproval: [
      aboutCall({
        name: 'decided',
        from: SERVED,
        about: callAwaitingApproval,
        ...settles((input: WithDecision) => (input.decision === 'allow' ? 'owed' : 'failed')),
      }),
    ],
  },
  follow: {
    BoundaryContinue: { then: passBy },
    BoundaryComplete: { then: passBy },
    RollbackRun: { then: afterRollback, emit: [lost] },
    'Recover/mid-run': { then: afterCrash, emit: [lost] },
    Commit: { then: close },
    Fail: { then: close, emit: [cutOff] },
    CancelRun: { then: close, emit: [cutOff] },
    WithdrawInput: { then: closeWork },
    'AcceptInput/enqueued': { then: closeReplaced },
    DropQueued: { then: closeQueued },
    GiveUpQueued: { then: closeQueued },
    Reset: { then: closeAll },
    RuntimeExecutorExited: {
      then: (slice, input, before) => (input.queued ? closeAll(slice) : close(slice, input, before)),
      emit: [cutOff],
    },
    'StopRuntimeExecutor/inline': { then: (slice, { queued }) => (queued === undefined ? slice : closeAll(slice)) },
    Retire: { then: (slice, _, __, keeps) => (keeps ? slice : closeAll(slice)) },
    Destroy: { then: closeAll, emit: [cutOff] },
    UnregisterSession: { then: closeAll, emit: [cutOff] },
  },
  invariants: [
    {
      id: 'unsettled-counts-waiting-calls',
      text: 'the unsettled count is the number of calls that wait for a person',
      holds: ({ calls: c }) => c.unsettled === [...mapValues(c.open)].filter(call => isUnsettled(call.state)).length,
    },
    {
      id: 'dispatched-calls-belong-to-the-run',
      text: 'a call is in flight only for the work of the bound run',
      holds: s =>
        [...mapValues(s.calls.open)].every(
          call => call.state !== 'dispatched' || (s.run.phase === 'bound' && s.run.contributors[0] === call.work),
        ),
    },
    {
      id: 'calls-belong-to-unfinished-work',
      text: 'every open call belongs to an input that has not ended',
      holds: s => [...mapValues(s.calls.open)].every(call => mapGet(s.ledger.entries, call.work) !== undefined),
    },
  ],
}
