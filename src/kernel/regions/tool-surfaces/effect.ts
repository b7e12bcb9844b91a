/** The effects of the region `tool-surfaces`. */
import type { OfPending, OfSurface } from './input.ts'
import type { SurfaceDeltaPhase, SurfaceFailureCause, SurfaceOperation } from './state.ts'

export type ToolSurfaceEffect =
  | OfSurface<
      'ScheduleSurfaceCompletion',
      OfPending & { readonly operation: 'Add' | 'Reload'; readonly appliedAtTurn: number }
    >
  | { readonly type: 'RefreshVisibleSurfaceSet'; readonly snapshotEpoch: number }
  | OfSurface<
      'EmitExternalToolDelta',
      {
        readonly operation: SurfaceOperation
        readonly phase: SurfaceDeltaPhase
        readonly cause?: SurfaceFailureCause
      }
    >
  | OfSurface<'CloseSurfaceConnection', { readonly generation: number }>
  | OfSurface<'SurfaceCallAdmitted', { readonly generation: number }>
  | OfSurface<'RejectSurfaceCall', { readonly cause: SurfaceFailureCause }>
