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
  /** Whoever refreshes has something to do. */
  | { readonly type: 'WakeRefreshLoop' }
  | {
      readonly type: 'CancelOAuthFlowsForRelease'
      readonly browser: readonly OAuthFlowId[]
      readonly device: readonly OAuthFlowId[]
    }
