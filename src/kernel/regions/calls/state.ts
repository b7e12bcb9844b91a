/** The slice of the region `calls`, and the functions that change it. table.ts says when they apply. */
import type { CallId, InputId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** What happens to a call whose outcome was lost; declared by its tool. */
export type CallPolicy = 'retry' | 'ask' | 'fail'

export type CallState =
  | 'awaitingApproval'
  /** The executor has to dispatch it (again). */
  | 'owed'
  | 'dispatched'
  | 'succeeded'
  | 'failed'
  /** Dispatched, outcome lost, policy `ask`. */
  | 'unknown'

export interface CallEntry {
  readonly id: CallId
  /** The input whose work it belongs to. */
  readonly work: InputId
  readonly tool: string
  readonly policy: CallPolicy
  readonly state: CallState
  /** When it entered this state, if the input had a time. */
  readonly at: number
  /** For a call with the policy `retry`: how many processes ended while it was in flight. */
  readonly crashes?: number
  /** A boundary was passed while it waits for a person, and no run has parked since, so its work needs a run meanwhile. */
  readonly passed?: true
  /** The decision that applies without a person, and when. */
  readonly expiry?: { readonly at: number; readonly decision: 'allow' | 'deny' }
}

export interface Calls {
  readonly open: PersistentMap<CallId, CallEntry>
  /** Calls that wait for a person: unknown or awaiting approval. */
  readonly unsettled: number
}

/** Calls of one work that wait for a person. */
export function unsettledCallsOf(calls: Calls, work: InputId): readonly CallEntry[] {
  if (calls.unsettled === 0) return []
  return [...mapValues(calls.open)].filter(call => call.work === work && isUnsettled(call.state))
}

/** Calls of one work, in no promised order. */
export function callsOf(calls: Calls, work: InputId): readonly CallEntry[] {
  return calls.open.size === 0 ? [] : [...mapValues(calls.open)].filter(call => call.work === work)
}

/** Whether a call in this state waits for a person. */
export function isUnsettled(state: CallState): boolean {
  return state === 'unknown' || state === 'awaitingApproval'
}

/** Adds or replaces a call. */
export function put(calls: Calls, entry: CallEntry): Calls {
  const old = mapGet(calls.open, entry.id)
  const before = old !== undefined && isUnsettled(old.state) ? 1 : 0
  const after = isUnsettled(entry.state) ? 1 : 0
  return { open: mapSet(calls.open, entry.id, entry), unsettled: calls.unsettled - before + after }
}

/** Moves a call into another state. */
export function change(calls: Calls, id: CallId, state: CallState, at: number): Calls {
  const old = mapGet(calls.open, id)
  return old === undefined ? calls : put(calls, { ...old, state, at })
}

/** Removes a call. */
export function forget(calls: Calls, call: CallEntry): Calls {
  return { open: mapDelete(calls.open, call.id), unsettled: calls.unsettled - (isUnsettled(call.state) ? 1 : 0) }
}
