/** When the effects of the input ledger and of the call ledger are emitted. */
import type { CallId, InputId } from '../../ids.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { type CallEntry, callsOf } from '../../regions/calls/state.ts'
import { validationFault } from '../../regions/ledger/policy.ts'
import { type AbandonReason, entryOf, type LedgerEntry, type Terminal } from '../../regions/ledger/state.ts'
import type { MeerkatState } from '../../state.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

/** Inputs in the ledger of which `is` holds after the step and did not before. */
function newly({ before, after }: Stepped, is: (entry: LedgerEntry | undefined) => boolean): readonly LedgerEntry[] {
  if (before.ledger.entries === after.ledger.entries) return []
  return [...mapValues(after.ledger.entries)].filter(entry => is(entry) && !is(entryOf(before.ledger, entry.id)))
}
const isInRun = (entry: LedgerEntry | undefined): boolean => entry?.status === 'staged' || entry?.status === 'applied'
const byRun = ({ run: bound }: MeerkatState): readonly InputId[] => (bound.phase === 'bound' ? bound.contributors : [])
const ofRun = (ids: readonly InputId[], entries: readonly LedgerEntry[]): readonly LedgerEntry[] =>
  ids.flatMap(id => entries.find(entry => entry.id === id) ?? [])

export const ledgerRules: Rules<
  | 'InputAccepted'
  | 'AdmissionDeduplicated'
  | 'IdempotencyConflicted'
  | 'AdmissionRejected'
  | 'InputStaged'
  | 'InputSteered'
  | 'InputRequeued'
  | 'InputTerminated'
  | 'PostAdmissionSignal'
> = {
  InputTerminated: {
    when: 'exactly once for each input that ends, as the step that ends it has it',
    expected: ({ before, input, after }) => {
      if (input.type === 'AcceptInput' && !isHeld(after, input.inputId) && isHeld(before, input.inputId)) return []
      const isGone = ({ id }: LedgerEntry): boolean => !isHeld(after, id)
      const consumed =
        input.type === 'AcceptInput' && input.kind === 'operation' && isNewTo(before, after, input.inputId)
      const ended = [...(consumed ? [undefined] : []), ...heldIn(before).filter(isGone)]
      return ended.map(() => terminalOf(input))
    },
  },
  PostAdmissionSignal: {
    when: 'with an input that may wake the session, if the loop has to hear of it at once',
    expected: step => {
      const { input, before, after } = step
      if (input.type !== 'AcceptInput') return []
      const entry = entryOf(after.ledger, input.inputId)
      if (
        entry === undefined ||
        entryOf(before.ledger, input.inputId) !== undefined ||
        !('wake' in entry) ||
        !entry.wake
      )
        return []
      if (input.mode === 'steer') return [{ signal: 'RequestImmediateProcessing' }]
      if (before.run.phase === 'none' || entry.kind === 'peer-response-terminal') return [{ signal: 'WakeLoop' }]
      const isPeer = entry.kind === 'peer-message' || entry.kind === 'peer-request'
      return once(entry.lane === 'steer' || (isPeer && input.mode === undefined), () => ({
        signal: 'InterruptYielding',
      }))
    },
  },
  InputAccepted: {
    when: 'exactly when an input is taken into the ledger, or consumed as it is accepted',
    expected: step => {
      const accepted = given(step, 'AcceptInput')
      if (accepted === undefined) return []
      const entry = entryOf(step.after.ledger, accepted.inputId)
      const isNew = entryOf(step.before.ledger, accepted.inputId) === undefined
      if (entry !== undefined && isNew)
        return [{ inputId: accepted.inputId, ...('lane' in entry && { lane: entry.lane }) }]
      return once(isNew && !isRefused(step), () => ({ inputId: accepted.inputId }))
    },
  },
  AdmissionRejected: {
    when: 'exactly when an input is malformed, or one too many, with the reason',
    expected: step => {
      const offered = given(step, 'AcceptInput')
      if (offered === undefined || !isRefused(step)) return []
      return [{ inputId: offered.inputId, reason: validationFault(offered) ?? 'overloaded' }]
    },
  },
  AdmissionDeduplicated: {
    when: 'when an idempotency key is bound to the same content',
    expected: step => {
      const asked = given(step, 'ResolveAdmissionIdempotency')
      return asked?.seen.sameContent === true ? [{ inputId: asked.inputId, existing: asked.seen.inputId }] : []
    },
  },
  IdempotencyConflicted: {
    when: 'when an idempotency key is bound to other content',
    expected: step => {
      const asked = given(step, 'ResolveAdmissionIdempotency')
      return asked?.seen.sameContent === false ? [{ inputId: asked.inputId, existing: asked.seen.inputId }] : []
    },
  },
  InputStaged: {
    when: 'for each input that a run begins with, in the order of the run, with the number of its attempt',
    expected: step => {
      const { before, after } = step
      if (before.run.phase === 'bound' || after.run.phase === 'none') return []
      const { runId } = after.run
      return ofRun(byRun(after), newly(step, isInRun)).map(({ id, attempts }) => ({
        inputId: id,
        runId,
        attempt: attempts,
      }))
    },
  },
  InputSteered: {
    when: 'for each input that joins a run at a boundary, with the boundary',
    expected: step => {
      const { before, after } = step
      if (before.run.phase === 'none' || after.run.phase === 'none') return []
      const { runId, boundary } = after.run
      return ofRun(byRun(after), newly(step, isInRun)).map(({ id }) => ({ inputId: id, runId, boundary }))
    },
  },
  InputRequeued: {
    when: 'for each input that goes back to its lane, in the order of its run, with the attempts made',
    expected: ({ before, after }) => {
      if (before.run.phase === 'none' || after.run.phase === 'bound') return []
      const { runId } = before.run
      const left = byRun(before).flatMap(id => entryOf(after.ledger, id) ?? [])
      return left.map(({ id, attempts }) => ({ inputId: id, runId, attempts }))
    },
  },
}

/** Inputs that have not ended: those in the ledger, and abandoned ones whose end was not emitted yet. */
function heldIn({ ledger: { entries }, endings }: MeerkatState): readonly LedgerEntry[] {
  return [entries, ...endings.groups.map(group => group.entries)].flatMap(some => mapValues(some))
}
function isHeld({ ledger: { entries }, endings }: MeerkatState, id: InputId): boolean {
  return mapGet(entries, id) !== undefined || endings.groups.some(group => mapGet(group.entries, id) !== undefined)
}
const isNewTo = (before: MeerkatState, after: MeerkatState, id: InputId): boolean =>
  !isHeld(before, id) && !isHeld(after, id)

/** The end of inputs by this step, if it follows from the step's input alone. */
function terminalOf(input: Stepped['input']): { readonly terminal?: Terminal } {
  switch (input.type) {
    case 'Commit':
    case 'Fail':
      return { terminal: { status: 'consumed' } }
    case 'WithdrawInput':
      return { terminal: { status: 'withdrawn' } }
    case 'AcceptInput':
      if (input.kind === 'operation') return { terminal: { status: 'consumed' } }
      return { terminal: { status: input.mode === 'supersede' ? 'superseded' : 'coalesced', by: input.inputId } }
    case 'EndGivenUp':
      return {}
    default: {
      const reason = REASONS[input.type]
      return reason === undefined ? {} : { terminal: { status: 'abandoned', reason } }
    }
  }
}
const REASONS: Readonly<Record<string, AbandonReason>> = {
  CancelRun: 'cancelled',
  DropQueued: 'cancelled',
  RollbackRun: 'max-attempts',
  Recover: 'max-attempts',
  Reset: 'reset',
  Retire: 'retired',
  Destroy: 'destroyed',
  UnregisterSession: 'unregistered',
  StopRuntimeExecutor: 'stopped',
  RuntimeExecutorExited: 'stopped',
  DropEphemeral: 'owner-lost',
}

/** Whether the offered input was rejected as malformed or for lack of room. */
function isRefused(step: Stepped): boolean {
  const offered = given(step, 'AcceptInput')
  if (offered === undefined || step.before.ledger !== step.after.ledger) return false
  const { mostUnfinished = Number.POSITIVE_INFINITY } = offered
  return validationFault(offered) !== undefined || step.before.ledger.entries.size >= mostUnfinished
}

/** Calls in flight of the current run. */
function inFlight({ run: bound, calls }: MeerkatState): readonly CallEntry[] {
  const head = bound.phase === 'bound' ? bound.contributors[0] : undefined
  return head === undefined ? [] : callsOf(calls, head).filter(({ state }) => state === 'dispatched')
}
function namedCalls({ input }: Stepped): readonly CallId[] {
  switch (input.type) {
    case 'RecordCallIntents':
      return input.calls.map(({ callId }) => callId)
    case 'DispatchCalls':
      return input.callIds
    case 'RecordCallOutcomes':
      return input.outcomes.map(({ callId }) => callId)
    case 'ResolveCall':
    case 'DecideApproval':
      return [input.callId]
    default:
      return []
  }
}

export const callRules: Rules<'CallChanged'> = {
  CallChanged: {
    when: 'for each call that comes into another state, and for each that was in flight when its run ended without an answer',
    expected: step => {
      const { before, after } = step
      const told = namedCalls(step).flatMap(id => mapGet(after.calls.open, id) ?? [])
      if (told.length > 0) return told.map(({ id, state, tool }) => ({ callId: id, state, tool }))
      if (before.run.phase === 'none' || after.run.phase === 'bound') return []
      return inFlight(before).map(({ id, tool, policy }) => {
        const state = mapGet(after.calls.open, id)?.state ?? 'unknown'
        const reason = policy === 'retry' ? ('crashed-process' as const) : ('outcome-lost' as const)
        return { callId: id, tool, state, ...(state === 'failed' && { reason }) }
      })
    },
  },
}
