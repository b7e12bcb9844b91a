/** The inputs that the region `llm` decides on. */

import type { RunId } from '../../ids.ts'
import type { RequestedModel, SessionLlm, SessionLlmCapabilitySurface } from './state.ts'

/** The catalogue entry from which a capability surface was taken. */
export interface ModelProfile {
  readonly provider: string
  readonly model: string
}

export type LlmInput =
  /** Sets the session's model, without a check of the previous one. */
  | ({ readonly type: 'HydrateSessionLlmState' } & SessionLlm)
  | ({
      readonly type: 'ReconfigureSessionLlmIdentity'
      /** The caller's view of the present model. Absent: none. */
      readonly previous?: SessionLlm
      readonly surface: SessionLlmCapabilitySurface
    } & SessionLlm)
  /** The model failed, and another one that answered replaces it. */
  | ({
      readonly type: 'CommitStickyModelFallback'
      readonly runId: RunId
      /** The retry attempt after which it was chosen. */
      readonly retryAttempt: number
      readonly previous?: SessionLlm
      /** The catalogue entry of `surface`; absent together with it. */
      readonly profile?: ModelProfile
    } & SessionLlm)
  | { readonly type: 'ClearSessionLlmState' }
  /** A request goes to this model, be it the session's own or another one for as long as something else has the say. */
  | ({ readonly type: 'ModelRequested' } & RequestedModel)
