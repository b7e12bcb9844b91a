/** The inputs that the region `routing` decides on. */
import type { ImagePlanDenial, ImageTerminal, ModelTarget, ProviderTextDisposition } from './state.ts'
/** Whether an approval was required, and the decision. */
export type RoutingApproval =
  | { readonly type: 'notRequired' }
  | { readonly type: 'approved' }
  | { readonly type: 'unavailable' }
  | { readonly type: 'denied'; readonly reason: string }

export interface Asked {
  readonly target: ModelTarget
  /** Absent: not required. */
  readonly approval?: RoutingApproval
  /** Whether the session's realtime transport, if it has one, may be detached for this. */
  readonly realtimeTransport?: 'detachable' | 'required'
}

type OfSwitch<Type extends string> = { readonly type: Type; readonly requestId: string }

type OfImage<Type extends string> = { readonly type: Type; readonly operationId: string }

export type RoutingInput =
  | { readonly type: 'SetModelRoutingBaseline'; readonly target: ModelTarget }
  /** Requests another model for `turns` assistant turns. */
  | (OfSwitch<'RequestFiniteSwitchTurn'> & Asked & { readonly turns: number })
  /** Requests another model from now on. */
  | (OfSwitch<'RequestUntilChangedSwitchTurn'> & Asked)
  /** Reports that the session was reconfigured. */
  | OfSwitch<'CompleteUntilChangedSwitchTurnReconfigure'>
  /** An assistant turn begins: a waiting switch takes effect, and a switch in effect has one turn less. */
  | {
      readonly type: 'AdmitModelRoutingAssistantTurn'
      /** Names the turn: one that is admitted again, after a crash or an unusable answer, counts once. */
      readonly turn?: string
    }
  | (OfImage<'BeginImageOperation'> & Asked & { readonly requiresScopedOverride: boolean })
  | (OfImage<'DenyImageOperationPlan'> & { readonly denial: ImagePlanDenial; readonly payload?: string })
  | (OfImage<'ActivateImageOperationOverride'> & { readonly target: ModelTarget })
  | (OfImage<'ClassifyImageOperationTerminal'> & {
      readonly observation: ImageObservation
      readonly providerText: ProviderTextDisposition
    })
  | (OfImage<'CompleteImageOperation'> & { readonly terminal: ImageTerminal; readonly payload?: string })
  | OfImage<'RestoreImageOperationOverride'>

export type ImageObservation =
  | { readonly type: 'generated' }
  | { readonly type: 'emptyResult' }
  | { readonly type: 'executionFailed' }
  /** The image was made and could not be stored. */
  | { readonly type: 'blobCommitFailed' }
  | { readonly type: 'providerHttpError'; readonly httpStatus: number; readonly code?: ImageErrorCode }
  /** An error of the provider without an HTTP status. */
  | { readonly type: 'providerNativeError'; readonly code?: ImageErrorCode }

/** Provider error codes that decide how the operation ended. */
export type ImageErrorCode =
  | 'geminiDeadlineExceeded'
  | 'openAiContentFilter'
  | 'geminiSafety'
  | 'openAiModelRefusal'
  | 'geminiModelRefusal'
