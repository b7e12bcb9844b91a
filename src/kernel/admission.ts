/**
 * Admission: what the kernel makes of an input before it gives it a place.
 *
 * Pure verdicts over the input and two facts of the session (is it busy, is the intent silenced). The policy is a
 * table, so that every kind and mode has one line and the docs can print it.
 */
import type { InputId } from './ids.ts'
import type { Lane } from './regions/ledger-entries.ts'

/** Who speaks. Everything comes through the same door. */
export const INPUT_KINDS = [
  'prompt',
  'peer-message',
  'peer-request',
  'peer-response-progress',
  'peer-response-terminal',
  'flow-step',
  'external-event',
  'continuation',
  'operation',
] as const
export type InputKind = (typeof INPUT_KINDS)[number]

export const INPUT_ORIGINS = ['operator', 'peer', 'flow', 'system', 'external'] as const
export type InputOrigin = (typeof INPUT_ORIGINS)[number]
export const INPUT_DURABILITIES = ['durable', 'ephemeral', 'derived'] as const
export type InputDurability = (typeof INPUT_DURABILITIES)[number]
export type InputMode = 'queue' | 'steer' | 'supersede'

/** A hint to the loop; order is strength. The loop is level-triggered and would find the work without it. */
export type PostAdmissionSignal = 'None' | 'WakeLoop' | 'InterruptYielding' | 'RequestImmediateProcessing'

/** Offers an input to the session. Absent fields have the value of a plain user prompt. */
export interface AcceptInput {
  readonly type: 'AcceptInput'
  readonly inputId: InputId
  /** Time of acceptance, ms since the epoch. */
  readonly at: number
  /** Default `prompt`. */
  readonly kind?: InputKind
  /** Default `operator`. */
  readonly origin?: InputOrigin
  /** Default `durable`. */
  readonly durability?: InputDurability
  /** Default by kind: `queue`, but `steer` for progress and ordinary continuations. */
  readonly mode?: InputMode
  readonly supersessionKey?: string
  /** Intent of a peer request; a silenced one is recorded but starts no turn. */
  readonly intent?: string
  /** `workgraph-attention` behaves like a prompt. Default `ordinary`. */
  readonly continuation?: 'ordinary' | 'workgraph-attention'
  /** Recorded, but starts no turn by itself. */
  readonly withoutWake?: boolean
  /** The peer carried context to inject, which a steer can't. */
  readonly injectsContext?: boolean
  /** Inputs that may be unfinished for it to be taken in, unless it replaces one of them. Absent: as many as there are. */
  readonly mostUnfinished?: number
  /** A terminal response whose correlation or identity is malformed. */
  readonly malformedTerminal?: boolean
}

/** Asks what becomes of an input whose idempotency key is bound already. Answered in every phase: it admits nothing. */
export interface ResolveAdmissionIdempotency {
  readonly type: 'ResolveAdmissionIdempotency'
  readonly inputId: InputId
  /** What the key is bound to, as the driver saw it. */
  readonly seen: { readonly inputId: InputId; readonly sameContent: boolean }
}

/** Where an admitted input goes and what it may do there. */
export interface AdmissionPolicy {
  readonly lane: Lane
  /** Whether it may start a turn by itself. */
  readonly wake: boolean
  readonly signal: PostAdmissionSignal
  /** Operations are facts for the record: consumed where they are accepted. */
  readonly consumedOnAccept: boolean
  /** A newer one of the same supersession key replaces a waiting older one. */
  readonly coalesces: boolean
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
