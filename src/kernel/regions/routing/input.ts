/** What the region `routing` decides on. */
import type { ImagePlanDenial, ImageTerminal, ModelTarget, ProviderTextDisposition } from './state.ts'
/** Whether somebody had to be asked, and what came of it. */
export type RoutingApproval =
  | { readonly type: 'notRequired' }
  | { readonly type: 'approved' }
  | { readonly type: 'unavailable' }
  | { readonly type: 'denied'; readonly reason: string }

export interface Asked {
  readonly target: ModelTarget
  /** Absent: not required. */
  readonly approval?: RoutingApproval
  /** The session's realtime transport, if it has one: whether it may be given up for this. */
  readonly realtimeTransport?: 'detachable' | 'required'
}

type OfSwitch<Type extends string> = { readonly type: Type; readonly requestId: string }

type OfImage<Type extends string> = { readonly type: Type; readonly operationId: string }

export type RoutingInput =
  | { readonly type: 'SetModelRoutingBaseline'; readonly target: ModelTarget }
  /** Another model for so many assistant turns. */
  | (OfSwitch<'RequestFiniteSwitchTurn'> & Asked & { readonly turns: number })
  /** Another model from now on. */
  | (OfSwitch<'RequestUntilChangedSwitchTurn'> & Asked)
  /** The session is changed over. */
  | OfSwitch<'CompleteUntilChangedSwitchTurnReconfigure'>
  /** An assistant turn begins: a switch that waits for it takes effect, one that is in effect has a turn less. */
  | {
      readonly type: 'AdmitModelRoutingAssistantTurn'
      /** Which turn: one that is admitted again (after a crash, or because its answer was no use) counts once. */
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
  /** It was made and could not be kept. */
  | { readonly type: 'blobCommitFailed' }
  | { readonly type: 'providerHttpError'; readonly httpStatus: number; readonly code?: ImageErrorCode }
  /** The provider's own error, without HTTP. */
  | { readonly type: 'providerNativeError'; readonly code?: ImageErrorCode }

/** Provider error codes that say more than that it failed. */
export type ImageErrorCode =
  | 'geminiDeadlineExceeded'
  | 'openAiContentFilter'
  | 'geminiSafety'
  | 'openAiModelRefusal'
  | 'geminiModelRefusal'
