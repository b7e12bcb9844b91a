/** The inputs that the region `tool-surfaces` decides on. */
import type { SurfaceId } from '../../ids.ts'
import type { SurfaceFailureCause } from './state.ts'

export type OfSurface<Type extends string, More = unknown> = {
  readonly type: Type
  readonly surfaceId: SurfaceId
} & More

/** A report of the host that makes the connection. */
export interface OfPending {
  readonly pendingTaskSequence: number
  /** The staged change it comes from. */
  readonly stagedIntentSequence: number
}

export type ToolSurfacesInput =
  | OfSurface<'SurfaceRegister'>
  /** How long the calls of a removed or replaced connection may take to end. */
  | { readonly type: 'SurfaceSetRemovalTimeout'; readonly timeoutMs: number }
  | OfSurface<'SurfaceStageAdd'>
  | OfSurface<'SurfaceStageRemove'>
  | OfSurface<'SurfaceStageReload'>
  | OfSurface<
      'SurfaceApplyBoundary',
      {
        /** Now, ms since the epoch. */
        readonly nowMs: number
        readonly stagedIntentSequence: number
        readonly appliedAtTurn: number
      }
    >
  /** The connection is made. Reported at a boundary, when no call of the model's last answer is still to begin. */
  | OfSurface<
      'SurfaceMarkPendingSucceeded',
      OfPending & {
        /** Now, ms since the epoch. */
        readonly nowMs: number
        /** The names of its tools, without duplicates. */
        readonly tools: readonly string[]
      }
    >
  | OfSurface<'SurfaceMarkPendingFailed', OfPending & { readonly cause: SurfaceFailureCause }>
  /** `generation`: the one in the turn's catalogue; absent: the serving one. */
  | OfSurface<'SurfaceCallStarted', { readonly generation?: number }>
  /** `generation`: the one that the call was admitted to; absent: the serving one. */
  | OfSurface<'SurfaceCallFinished', { readonly generation?: number }>
  | OfSurface<'SurfaceFinalizeRemovalClean'>
  /** The removal timed out. `generation`: only this replaced connection. */
  | OfSurface<'SurfaceFinalizeRemovalForced', { readonly generation?: number }>
  /** Reports that the published list of tools shows this epoch. */
  | { readonly type: 'SurfaceSnapshotAligned'; readonly epoch: number }
  | { readonly type: 'SurfaceShutdown' }
