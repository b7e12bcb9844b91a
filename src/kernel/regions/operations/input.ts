/** What the region `operations` decides on. */
import type { InputId, OperationId, RunId, WaitId } from '../../ids.ts'
import type { OperationCursors, OperationNature } from './state.ts'

type OfOperation<Type extends string> = { readonly type: Type; readonly operationId: OperationId }

export type OperationsInput =
  | ({
      readonly type: 'RegisterOperation'
      readonly operationId: OperationId
      readonly at: number
      readonly displayName?: string
      /** How many operations may be unfinished at once, this one included. Absent: any number. */
      readonly maxConcurrent?: number
    } & OperationNature)
  | OfOperation<'StartOperation'>
  | OfOperation<'CompleteOperation'>
  /** `reason`: why it is given up, where it did not fail by itself. */
  | (OfOperation<'FailOperation'> & { readonly reason?: 'timed-out' })
  | OfOperation<'CancelOperation'>
  /** Ends one that has not started. */
  | OfOperation<'AbortOperation'>
  /** A member child can be reached. */
  | OfOperation<'OperationPeerReady'>
  | OfOperation<'OperationProgress'>
  /**
   * A process is about to wait for it that has not begun it. One that is taken up `mostCrashes` times without having lasted is
   * given up: it is what ends the processes.
   */
  | (OfOperation<'TakeUpOperation'> & { readonly mostCrashes: number })
  /** Its process took it up and went on, or left it in good order. */
  | OfOperation<'OperationLasted'>
  | OfOperation<'RequestOperationRetire'>
  /** It has retired. */
  | OfOperation<'RetireOperation'>
  /** Ends all of them. */
  | { readonly type: 'TerminateOwnerOperations'; readonly reason: string }
  /** Takes back a registration whose id was never handed to anybody. */
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
      /** With `runtimeInjected`: the input that tells of them. Nothing more is due while it waits. */
      readonly inputId?: InputId
    }
