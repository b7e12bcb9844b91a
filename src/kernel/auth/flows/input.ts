/** The inputs that the region `flows` decides on. */
import type { OAuthFlowId } from './state.ts'

export interface OfFlow {
  readonly flowId: OAuthFlowId
}

export interface Admission extends OfFlow {
  readonly provider: string
  readonly expiresAt: number
  /** How many flows all leases together have without this one. */
  readonly observedGlobal: number
  /** At most `OAUTH_FLOW_CAPACITY`. */
  readonly capacity: number
}

export interface Use extends OfFlow {
  readonly provider: string
  readonly now: number
}

export interface BrowserUse extends Use {
  readonly redirectUri: string
}

export type FlowsInput =
  | ({ readonly type: 'AdmitOAuthBrowserFlow'; readonly redirectUri: string } & Admission)
  | ({ readonly type: 'VerifyOAuthBrowserFlow' } & BrowserUse)
  | ({ readonly type: 'ConsumeOAuthBrowserFlow' } & BrowserUse)
  | ({ readonly type: 'ExpireOAuthBrowserFlow' } & OfFlow)
  | ({ readonly type: 'AdmitOAuthDeviceFlow' } & Admission)
  | ({ readonly type: 'VerifyOAuthDeviceFlow' } & Use)
  | ({ readonly type: 'ConsumeOAuthDeviceFlow' } & Use)
  | ({ readonly type: 'ExpireOAuthDeviceFlow' } & OfFlow)
  /** A new flow is on disk; `observedGlobal` counts the flows of all processes, this one included. */
  | ({
      readonly type: 'ConfirmOAuthDurableAdmission'
      readonly durableGlobal: number
      readonly capacity: number
    } & OfFlow)
