/** What the region `lifecycle` decides on. */
import type { RunId, RuntimeEpochId, SessionId } from '../../ids.ts'
import type { RollbackCause } from '../run/effect.ts'

interface Preparation {
  readonly runId: RunId
  readonly at: number
  /** Stands on runs of records before version 3: passive inputs went along with the one that woke the session. */
  readonly passives?: 'along'
}

export interface Stopping {
  /** Stands on stops of records before version 3: what waited was given up. */
  readonly queued?: 'abandoned'
}

export type LifecycleInput =
  | { readonly type: 'Initialize' }
  | { readonly type: 'EnsureSessionWithExecutor'; readonly sessionId: SessionId }
  /** Starts a run over the next batch of waiting inputs. */
  | ({ readonly type: 'Prepare' } & Preparation)
  /** The same from `retired`, where no new input is admitted but queued work drains. */
  | ({ readonly type: 'DrainQueuedRun' } & Preparation)
  /** The run's turn completed: its inputs are consumed. `messages` join the transcript. */
  | { readonly type: 'Commit'; readonly runId: RunId; readonly messages?: number }
  /** The run's turn failed for good: its inputs are consumed by the failure. */
  | { readonly type: 'Fail'; readonly runId: RunId; readonly messages?: number }
  | { readonly type: 'CancelRun'; readonly runId: RunId; readonly messages?: number }
  /** The run ended without an outcome: its inputs wait again, or are abandoned after their last attempt. */
  | { readonly type: 'RollbackRun'; readonly runId: RunId; readonly cause: RollbackCause }
  | { readonly type: 'Retire' }
  /** `epochId`: the one that begins with it; what waits on the one before ends. */
  | { readonly type: 'Reset'; readonly epochId?: RuntimeEpochId }
  | { readonly type: 'Recycle' }
  /** A process took the session over: conditions of the former owner end. */
  /** `mostCrashes`: a call in flight at the end of that many processes is not made again; absent in older logs. */
  | { readonly type: 'Recover'; readonly mostCrashes?: number }
  /** What waits then waits until the session is resumed. */
  | ({ readonly type: 'StopRuntimeExecutor'; readonly reason: string } & Stopping)
  /** A run that goes on ends with its executor. */
  | ({ readonly type: 'RuntimeExecutorExited' } & Stopping)
  /** Revives a stopped session. */
  | { readonly type: 'Resume' }
  | { readonly type: 'Destroy' }
