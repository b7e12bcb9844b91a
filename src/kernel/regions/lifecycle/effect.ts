/** The effects of the region `lifecycle`. */
import type { RuntimeEpochId, SessionId } from '../../ids.ts'

/** Effects about the session as a whole. */
export type SessionEffect =
  | { readonly type: 'RuntimeNotice'; readonly notice: 'Recover' | 'Reset' | 'Stop' | 'Exit' | 'Resume' }
  | { readonly type: 'RuntimeEffectFact'; readonly fact: 'StopRuntimeExecutor'; readonly reason: string }
  | { readonly type: 'RuntimeBound'; readonly runtimeId: string; readonly fence: number | undefined }
  | { readonly type: 'RuntimeRetired'; readonly runtimeId: string }
  | { readonly type: 'RuntimeDestroyed'; readonly runtimeId: string }
  | { readonly type: 'InitiateRecycle' }
  | { readonly type: 'SessionRegistered'; readonly sessionId: SessionId }
  | {
      readonly type: 'SessionRegistrationRejected'
      readonly reason: 'UnregisterTeardownInProgress' | 'RuntimeEpochConflict'
      /** Names of the drain obligations that are still open. */
      readonly open: readonly string[]
      readonly registeredEpoch: RuntimeEpochId | undefined
      readonly attemptedEpoch: RuntimeEpochId | undefined
    }
  | { readonly type: 'RequestRuntimeLoopStopForUnregister' }
  | { readonly type: 'RequestCommsDrainExitForUnregister' }
  | { readonly type: 'RequestCompletionWaiterResolutionForUnregister' }
