/** The inputs that the region `registration` decides on. */
import type { RuntimeEpochId, SessionId } from '../../ids.ts'
import type { BindingTuple } from '../binding/input.ts'

export type RegistrationInput =
  | {
      readonly type: 'RegisterSession'
      readonly sessionId: SessionId
      readonly epochId?: RuntimeEpochId
      readonly merge?: boolean
      readonly silentIntents?: readonly string[]
    }
  | { readonly type: 'SetSilentIntents'; readonly sessionId: SessionId; readonly intents: readonly string[] }
  | { readonly type: 'BeginUnregisterSession'; readonly sessionId: SessionId; readonly binding: BindingTuple }
  | { readonly type: 'RuntimeLoopStoppedForUnregister'; readonly sessionId: SessionId; readonly forcedAbort: boolean }
  | { readonly type: 'CommsDrainExitedForUnregister'; readonly sessionId: SessionId; readonly forcedAbort: boolean }
  | { readonly type: 'CompletionWaitersResolvedForUnregister'; readonly sessionId: SessionId }
  | { readonly type: 'UnregisterSession'; readonly sessionId: SessionId; readonly binding: BindingTuple }
