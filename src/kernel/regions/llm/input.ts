/** What the region `llm` decides on. */

import type { RunId } from '../../ids.ts'
import type { RequestedModel, SessionLlm, SessionLlmCapabilitySurface } from './state.ts'

/** Whose abilities a surface lists. */
export interface ModelProfile {
  readonly provider: string
  readonly model: string
}

export type LlmInput =
  /** How the session was built. */
  | ({ readonly type: 'HydrateSessionLlmState' } & SessionLlm)
  | ({
      readonly type: 'ReconfigureSessionLlmIdentity'
      /** What whoever asks takes the model to be. Absent: none. */
      readonly previous?: SessionLlm
      readonly surface: SessionLlmCapabilitySurface
    } & SessionLlm)
  /** The model failed, another one answered, and stays. */
  | ({
      readonly type: 'CommitStickyModelFallback'
      readonly runId: RunId
      /** The attempt after which it was chosen. */
      readonly retryAttempt: number
      readonly previous?: SessionLlm
      /** The catalogue entry that the surface is from; absent together with it. */
      readonly profile?: ModelProfile
    } & SessionLlm)
  | { readonly type: 'ClearSessionLlmState' }
  /** A request goes to this model, be it the session's own or another one for as long as something else has the say. */
  | ({ readonly type: 'ModelRequested' } & RequestedModel)
