/**
 * Admission policy: lane, wake and replacement of an input, decided before it gets a place.
 *
 * Pure verdicts over the input and two facts of the session (is it busy, is the intent silenced). The policy is a
 * table, so that every kind and mode has one line and the docs can print it.
 */

import type { InputId } from '../../ids.ts'
import type { PostAdmissionSignal } from './effect.ts'
import type { AcceptInput } from './input.ts'
import type { InputKind, Lane } from './state.ts'

/** Where an admitted input waits and what it may do there. */
export interface AdmissionPolicy {
  readonly lane: Lane
  /** Whether it may start a turn by itself. */
  readonly wake: boolean
  readonly signal: PostAdmissionSignal
  /** Reports of operations are only recorded: they are consumed when they are accepted. */
  readonly consumedOnAccept: boolean
  /** Whether a newer one of the same supersession key replaces a waiting older one. */
  readonly coalesces: boolean
}

/** The ledger's verdict on an offered input, admitted or not. */
export interface Admission extends AdmissionPolicy {
  /** Why it is malformed, if it is. */
  readonly fault: string | undefined
  /** It never starts a turn, not even after `WakeQueued`. */
  readonly silent: boolean
  /** The waiting inputs that it replaces. */
  readonly replaced: readonly InputId[]
}

/** Why an input is malformed, in the order in which it is checked; undefined when it is sound. */
export function validationFault(input: AcceptInput): string | undefined {
  const kind = input.kind ?? 'prompt'
  const origin = input.origin ?? 'operator'
  if (input.durability === 'derived') {
    if (origin === 'operator' || origin === 'peer' || origin === 'external')
      return 'external-derived-durability-forbidden'
    if (!DERIVABLE.has(kind)) return 'derived-durability-forbidden-for-kind'
  }
  if (kind === 'peer-response-progress' && input.mode !== undefined) return 'peer-handling-mode-invalid'
  if (input.mode === 'steer' && input.injectsContext === true) return 'peer-handling-mode-invalid'
  if (input.malformedTerminal === true) return 'peer-response-terminal-invalid'
  if (input.mode === 'supersede' && input.supersessionKey === undefined) return 'supersession-key-missing'
  return undefined
}

const DERIVABLE: ReadonlySet<InputKind> = new Set([
  'continuation',
  'operation',
  'peer-response-progress',
  'external-event',
])

/** The policy for a sound input. `busy` is whether a run is current; `silent` whether its intent is silenced. */
export function admissionPolicy(input: AcceptInput, busy: boolean, silent: boolean): AdmissionPolicy {
  const kind = input.kind ?? 'prompt'
  const lane = laneOf(input, kind)
  const passive = input.withoutWake === true || silent || kind === 'peer-response-progress' || kind === 'operation'
  return {
    lane,
    wake: !passive,
    signal: passive ? 'None' : signalOf(input, kind, lane, busy),
    consumedOnAccept: kind === 'operation',
    coalesces: kind === 'peer-response-progress',
  }
}

function laneOf(input: AcceptInput, kind: InputKind): Lane {
  if (input.mode !== undefined) return input.mode === 'steer' ? 'steer' : 'queue'
  if (kind === 'peer-response-progress') return 'steer'
  return kind === 'continuation' && input.continuation !== 'workgraph-attention' ? 'steer' : 'queue'
}

function signalOf(input: AcceptInput, kind: InputKind, lane: Lane, busy: boolean): PostAdmissionSignal {
  if (input.mode === 'steer') return 'RequestImmediateProcessing'
  if (!busy) return 'WakeLoop'
  if (kind === 'peer-response-terminal') return 'WakeLoop'
  if (lane === 'steer') return 'InterruptYielding'
  const peer = kind === 'peer-message' || kind === 'peer-request'
  return peer && input.mode === undefined ? 'InterruptYielding' : 'None'
}
