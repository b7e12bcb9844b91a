/** The inputs that the region `operations` decides on. */
import type { InputId, OperationId, RunId, WaitId } from '../../ids.ts'
import type { OperationCursors, OperationNature } from './state.ts'

type OfOperation<Type extends string> = { readonly type: Type; readonly operationId: OperationId }

export type OperationsInput =
  | ({
      readonly type: 'RegisterOperation'
      readonly operationId: OperationId
      readonly at: number
      readonly displayName?: string
      /** Refuse the registration if it would make more unfinished operations than this. Absent: no limit. */
      readonly maxConcurrent?: number
    } & OperationNature)
  | OfOperation<'StartOperation'>
  | OfOperation<'CompleteOperation'>
  /** `reason`: why its owner gave it up, if it did not fail by itself. */
  | (OfOperation<'FailOperation'> & { readonly reason?: 'timed-out' })
  | OfOperation<'CancelOperation'>
  /** Ends one that has not started. */
  | OfOperation<'AbortOperation'>
  /** A member child can be reached. */
  | OfOperation<'OperationPeerReady'>
  | OfOperation<'OperationProgress'>
  /**
   * A process that did not begin the operation is about to wait for it. An operation that was taken up `mostCrashes` times,
   * each time by a process that soon ended, is given up: it counts as the cause.
   */
  | (OfOperation<'TakeUpOperation'> & { readonly mostCrashes: number })
  /** The process that took it up went on for a while, or closed in good order. */
  | OfOperation<'OperationLasted'>
  | OfOperation<'RequestOperationRetire'>
  /** It has retired. */
  | OfOperation<'RetireOperation'>
  /** Ends all of them. */
  | { readonly type: 'TerminateOwnerOperations'; readonly reason: string }
  /** Rolls back a registration whose id no caller ever got. */
  | OfOperation<'RollbackUnreturnedOperation'>
  | {
      readonly type: 'WaitAllOperations'
      readonly waitId: WaitId
      readonly runId: RunId
      readonly operationIds: readonly OperationId[]
    }
  | { readonly type: 'CancelWaitAll'; readonly waitId: WaitId; readonly runId: RunId }
  | {
      readonly type: 'AdvanceOperationCursor'
      readonly cursor: keyof OperationCursors
      readonly through: number
      /** With `runtimeInjected`: the input that reports them. No further batch is due while it waits. */
      readonly inputId?: InputId
    }
