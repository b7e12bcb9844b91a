/** What leaves the region `operations`. */
import type { OperationId, RunId, WaitId } from '../../ids.ts'
import type { OperationKind, OperationTerminal } from './state.ts'

/** An operation's way, and who waits for it. */
export type OperationEffect =
  /** A member child can be reached. */
  | { readonly type: 'ExposeOperationPeer'; readonly operationId: OperationId }
  | {
      readonly type: 'OperationEnded'
      readonly operationId: OperationId
      readonly kind: OperationKind
      readonly status: OperationTerminal
      /** Its number among all that ended in this session, from 1. */
      readonly seq: number
      /** Why it was terminated: `owner-lost`, `owner-retired`, or the caller's words. */
      readonly reason?: string
    }
  /** Registered, but never handed to anybody: it leaves nothing. */
  | { readonly type: 'UnreturnedOperationRolledBack'; readonly operationId: OperationId }
  /** Every operation of the wait has ended; the run that waited has their results. */
  | {
      readonly type: 'WaitAllSatisfied'
      readonly waitId: WaitId
      readonly runId: RunId
      readonly operationIds: readonly OperationId[]
    }
