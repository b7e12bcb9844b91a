import type { OAuthFlowId } from '../flows/state.ts'
import type { AuthInput } from '../inputs.ts'
import type { AuthLeasePhase } from './state.ts'

export type LeaseEffect =
  | {
      readonly type: 'AuthLifecycleChanged'
      readonly action: AuthInput['type']
      readonly fromPhase: AuthLeasePhase
      readonly toPhase: AuthLeasePhase
    }
  /** Tells the refresh loop that a credential may need a refresh. */
  | { readonly type: 'WakeRefreshLoop' }
  | {
      readonly type: 'CancelOAuthFlowsForRelease'
      readonly browser: readonly OAuthFlowId[]
      readonly device: readonly OAuthFlowId[]
    }
