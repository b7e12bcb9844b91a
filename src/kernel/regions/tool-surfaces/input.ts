/** What the region `tool-surfaces` decides on. */
import type { SurfaceId } from '../../ids.ts'
import type { SurfaceFailureCause } from './state.ts'

export type OfSurface<Type extends string, More = unknown> = {
  readonly type: Type
  readonly surfaceId: SurfaceId
} & More

/** The word of whoever makes the connection. */
export interface OfPending {
  readonly pendingTaskSequence: number
  /** The staged change it comes from. */
  readonly stagedIntentSequence: number
}

export type ToolSurfacesInput =
  | OfSurface<'SurfaceRegister'>
  /** How long calls may take to end once their connection is to go. */
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
  /** The connection is made. To be said at a boundary: the calls of the model's last answer are under way then. */
  | OfSurface<
      'SurfaceMarkPendingSucceeded',
      OfPending & {
        /** Now, ms since the epoch. */
        readonly nowMs: number
        /** Their names, each once. */
        readonly tools: readonly string[]
      }
    >
  | OfSurface<'SurfaceMarkPendingFailed', OfPending & { readonly cause: SurfaceFailureCause }>
  /** `generation`: the one that the turn's catalogue names; absent: the one that serves. */
  | OfSurface<'SurfaceCallStarted', { readonly generation?: number }>
  /** `generation`: the one that the call was admitted to; absent: the one that serves. */
  | OfSurface<'SurfaceCallFinished', { readonly generation?: number }>
  | OfSurface<'SurfaceFinalizeRemovalClean'>
  /** Its time is up. `generation`: only this one, which another has replaced. */
  | OfSurface<'SurfaceFinalizeRemovalForced', { readonly generation?: number }>
  /** The published list of tools shows this epoch. */
  | { readonly type: 'SurfaceSnapshotAligned'; readonly epoch: number }
  | { readonly type: 'SurfaceShutdown' }
