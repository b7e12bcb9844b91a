/** The effects of the region `flows`. */

import type { OfFlow } from './input.ts'
import type { OAuthFlow } from './state.ts'

export type OAuthFlowKind = OAuthFlow['kind']

export type FlowsEffect =
  | ({ readonly type: 'OAuthFlowAdmitted'; readonly kind: OAuthFlowKind } & OfFlow)
  | ({ readonly type: 'OAuthFlowConsumed'; readonly kind: OAuthFlowKind } & OfFlow)
  | ({ readonly type: 'OAuthFlowExpired'; readonly kind: OAuthFlowKind } & OfFlow)
