/** The tool-effect ledger's data and the few ways to change it. The region (calls.ts) says when, this says how. */
import type { CallId, InputId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** What a tool declares for a call whose outcome was lost. */
export type CallPolicy = 'retry' | 'ask' | 'fail'

export type CallState =
  | 'awaitingApproval'
  /** To be dispatched (again). */
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
  /** When it came into this state, as far as the input said. */
  readonly at: number
  /** Of a call that is repeated when lost: how many processes ended while it was in flight. */
  readonly crashes?: number
  /** A boundary went by while it waits for a person, and no run has parked since: its work is owed a run meanwhile. */
  readonly passed?: true
  /** What counts as decided, and from when on, where nobody decides about it. */
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

/** It waits for a person. */
export function isUnsettled(state: CallState): boolean {
  return state === 'unknown' || state === 'awaitingApproval'
}

/** The ledger with this call in it, whatever it was before. */
export function put(calls: Calls, entry: CallEntry): Calls {
  const old = mapGet(calls.open, entry.id)
  const before = old !== undefined && isUnsettled(old.state) ? 1 : 0
  const after = isUnsettled(entry.state) ? 1 : 0
  return { open: mapSet(calls.open, entry.id, entry), unsettled: calls.unsettled - before + after }
}

/** The ledger with a call in another state. */
export function change(calls: Calls, id: CallId, state: CallState, at: number): Calls {
  const old = mapGet(calls.open, id)
  return old === undefined ? calls : put(calls, { ...old, state, at })
}

/** The ledger without a call. */
export function forget(calls: Calls, call: CallEntry): Calls {
  return { open: mapDelete(calls.open, call.id), unsettled: calls.unsettled - (isUnsettled(call.state) ? 1 : 0) }
}
