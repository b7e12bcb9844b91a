/** The effects of the region `routing`. */
import type { ImageOperation, ImageTerminal, ModelTarget, ProviderTextDisposition, RoutingTerminal } from './state.ts'

export type RoutingEffect =
  | { readonly type: 'ModelRoutingStatusChanged'; readonly epoch: number }
  | { readonly type: 'SwitchTurnFiniteOverrideActivated'; readonly requestId: string; readonly target: ModelTarget }
  | {
      readonly type: 'SwitchTurnPersistentReconfigureRequested'
      readonly requestId: string
      readonly target: ModelTarget
    }
  /** A requested approval was denied. */
  | {
      readonly type: 'ModelRoutingApprovalTerminalized'
      readonly parent: RoutingTerminal['type']
      readonly id: string
      readonly reason: string
    }
  | {
      readonly type: 'ImageOperationPhaseChanged'
      readonly operationId: string
      readonly phase: ImageOperation['phase']
    }
  | {
      readonly type: 'ImageOperationTerminalClassified'
      readonly operationId: string
      readonly terminal: ImageTerminal
      readonly providerText: ProviderTextDisposition
    }
  /** A switch or an image operation ended. Emitted once. */
  | { readonly type: 'ModelRoutingTerminated'; readonly end: RoutingTerminal }
