/** The inputs that the region `lifecycle` decides on. */
import type { RunId, RuntimeEpochId, SessionId } from '../../ids.ts'
import type { RollbackCause } from '../run/effect.ts'

interface Preparation {
  readonly runId: RunId
  readonly at: number
  /** Set on runs of records before version 3, in which passive inputs went along with the one that started the run. */
  readonly passives?: 'along'
}

export interface Stopping {
  /** Set on stops of records before version 3, which abandoned waiting inputs. */
  readonly queued?: 'abandoned'
}

export type LifecycleInput =
  | { readonly type: 'Initialize' }
  | { readonly type: 'EnsureSessionWithExecutor'; readonly sessionId: SessionId }
  /** Starts a run over the next batch of waiting inputs. */
  | ({ readonly type: 'Prepare' } & Preparation)
  /** The same in `retired`, where no new input is admitted but waiting ones are answered. */
  | ({ readonly type: 'DrainQueuedRun' } & Preparation)
  /** The run's turn completed: its inputs are consumed. `messages` join the transcript. */
  | { readonly type: 'Commit'; readonly runId: RunId; readonly messages?: number }
  /** The run's turn failed for good: its inputs are consumed by the failure. */
  | { readonly type: 'Fail'; readonly runId: RunId; readonly messages?: number }
  | { readonly type: 'CancelRun'; readonly runId: RunId; readonly messages?: number }
  /** The run ended without an outcome: its inputs wait again, or are abandoned after their last attempt. */
  | { readonly type: 'RollbackRun'; readonly runId: RunId; readonly cause: RollbackCause }
  | { readonly type: 'Retire' }
  /** `epochId`: the epoch that begins; operations of the old epoch end. */
  | { readonly type: 'Reset'; readonly epochId?: RuntimeEpochId }
  | { readonly type: 'Recycle' }
  /** A process took the session over: conditions of the former owner end. */
  /** `mostCrashes`: a call that was in flight at the end of this many processes is not repeated; absent in older logs. */
  | { readonly type: 'Recover'; readonly mostCrashes?: number }
  /** Waiting inputs then wait until the session is resumed. */
  | ({ readonly type: 'StopRuntimeExecutor'; readonly reason: string } & Stopping)
  /** A run that goes on ends with its executor. */
  | ({ readonly type: 'RuntimeExecutorExited' } & Stopping)
  /** Revives a stopped session. */
  | { readonly type: 'Resume' }
  | { readonly type: 'Destroy' }
