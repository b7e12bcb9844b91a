/** The effects of the region `operations`. */
import type { OperationId, RunId, WaitId } from '../../ids.ts'
import type { OperationKind, OperationTerminal } from './state.ts'

/** Effects about operations and waits. */
export type OperationEffect =
  /** A member child can be reached. */
  | { readonly type: 'ExposeOperationPeer'; readonly operationId: OperationId }
  | {
      readonly type: 'OperationEnded'
      readonly operationId: OperationId
      readonly kind: OperationKind
      readonly status: OperationTerminal
      /** Its number among the ended operations of this session, from 1. */
      readonly seq: number
      /** Why it was terminated: `owner-lost`, `owner-retired`, or the caller's words. */
      readonly reason?: string
    }
  /** The registration was rolled back, because no caller ever got its id. */
  | { readonly type: 'UnreturnedOperationRolledBack'; readonly operationId: OperationId }
  /** Every operation of the wait has ended; the waiting run has their results. */
  | {
      readonly type: 'WaitAllSatisfied'
      readonly waitId: WaitId
      readonly runId: RunId
      readonly operationIds: readonly OperationId[]
    }
