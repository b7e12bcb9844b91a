/** The inputs that the region `ledger` decides on. */
import type { InputId } from '../../ids.ts'
import type { AbandonReason, InputKind, Lane } from './state.ts'

export const INPUT_ORIGINS = ['operator', 'peer', 'flow', 'system', 'external'] as const
export type InputOrigin = (typeof INPUT_ORIGINS)[number]
export const INPUT_DURABILITIES = ['durable', 'ephemeral', 'derived'] as const
export type InputDurability = (typeof INPUT_DURABILITIES)[number]

export type InputMode = 'queue' | 'steer' | 'supersede'

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
  /** Passive: recorded, but starts no turn by itself. */
  readonly withoutWake?: boolean
  /** The peer carried context to inject, which a steer can't. */
  readonly injectsContext?: boolean
  /** Refuse the input if this many are unfinished, unless it replaces one of them. Absent: no limit. */
  readonly mostUnfinished?: number
  /** A terminal response whose correlation or identity is malformed. */
  readonly malformedTerminal?: boolean
}

/** Asks for the verdict on an input whose idempotency key is bound already. Answered in every phase, as it admits nothing. */
export interface ResolveAdmissionIdempotency {
  readonly type: 'ResolveAdmissionIdempotency'
  readonly inputId: InputId
  /** The input that the key is bound to, as the driver found it in the store. */
  readonly seen: { readonly inputId: InputId; readonly sameContent: boolean }
}

export type LedgerInput =
  | { readonly type: 'WithdrawInput'; readonly inputId: InputId }
  | { readonly type: 'ChangeLane'; readonly inputId: InputId; readonly lane: Lane }
  | { readonly type: 'PrioritizeInput'; readonly inputId: InputId }
  | { readonly type: 'DeferInputBehindBacklog'; readonly inputId: InputId }
  /** Abandons all waiting inputs; a current run is not touched. */
  | { readonly type: 'DropQueued'; readonly reason: 'cancelled' }
  /** Abandons all waiting inputs, as `DropQueued` does, but their ends follow in later steps (`endings`). */
  | { readonly type: 'GiveUpQueued'; readonly reason: AbandonReason }
  /** Abandons ephemeral inputs whose process is gone. */
  | { readonly type: 'DropEphemeral' }
  /** Lets passive inputs start a turn, except silent ones, because no later input will take them along. */
  | { readonly type: 'WakeQueued' }
