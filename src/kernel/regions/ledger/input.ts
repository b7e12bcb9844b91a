/** What the region `ledger` decides on. */
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

export type LedgerInput =
  | { readonly type: 'WithdrawInput'; readonly inputId: InputId }
  | { readonly type: 'ChangeLane'; readonly inputId: InputId; readonly lane: Lane }
  | { readonly type: 'PrioritizeInput'; readonly inputId: InputId }
  | { readonly type: 'DeferInputBehindBacklog'; readonly inputId: InputId }
  /** Gives up everything that waits; a current run is not touched. */
  | { readonly type: 'DropQueued'; readonly reason: 'cancelled' }
  /** Gives up everything that waits, as `DropQueued` does; the end of each is said by and by (`endings`). */
  | { readonly type: 'GiveUpQueued'; readonly reason: AbandonReason }
  /** Gives up what was sent to a process that is gone and was not to outlast it. */
  | { readonly type: 'DropEphemeral' }
  /** Nothing else may come to take passive inputs along: they may start a turn themselves, but for silent ones. */
  | { readonly type: 'WakeQueued' }
