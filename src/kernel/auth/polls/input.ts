/** The inputs that the region `polls` decides on. */
import type { OAuthFlowId } from '../flows/state.ts'

export interface OfFlow {
  readonly flowId: OAuthFlowId
}

export type PollsInput =
  | ({ readonly type: 'BeginOAuthDevicePoll' } & OfFlow)
  | ({ readonly type: 'FinishOAuthDevicePoll' } & OfFlow)
