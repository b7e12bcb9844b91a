/** The guards of the region `tool-surfaces`. */

import type { SurfaceId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import type { OfPending, ToolSurfacesInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Surface } from './state.ts'

export type SurfaceInputOf<Type extends ToolSurfacesInput['type']> = Extract<ToolSurfacesInput, { readonly type: Type }>
export type WithSurface = { readonly surfaceId: SurfaceId }
export type WithGeneration = WithSurface & { readonly generation?: number }

export function toolSurfaceOf({ toolSurfaces }: Sees, { surfaceId }: WithSurface): Surface | undefined {
  return mapGet(toolSurfaces.surfaces, surfaceId)
}

export function isActiveSurface(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.base.state === 'Active'
}
export function isRemovingSurface(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.base.state === 'Removing'
}
export function isNotActiveSurface(state: Sees, input: WithSurface): boolean {
  return !isActiveSurface(state, input)
}
export function isNotRemovingSurface(state: Sees, input: WithSurface): boolean {
  return !isRemovingSurface(state, input)
}

type Apply = SurfaceInputOf<'SurfaceApplyBoundary'>
/** Nothing newer was staged since the caller read the state. */
export function isNewestStaged(state: Sees, input: Apply): boolean {
  return toolSurfaceOf(state, input)?.staged?.sequence === input.stagedIntentSequence
}
export function hasNothingPending(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.pending === undefined
}
export function isStagedAdd(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Add'
}
export function isStagedReload(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Reload'
}
export function isStagedRemove(state: Sees, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Remove'
}

/** The report is about the pending connection, not about an abandoned one. */
export function isAwaited(state: Sees, input: WithSurface & OfPending): boolean {
  const pending = toolSurfaceOf(state, input)?.pending
  return pending?.sequence === input.pendingTaskSequence && pending.lineage === input.stagedIntentSequence
}

/** The call is for the serving connection. */
export function isForServing(state: Sees, input: WithGeneration): boolean {
  const base = toolSurfaceOf(state, input)?.base
  if (base?.state !== 'Active' && base?.state !== 'Removing') return false
  return input.generation === undefined || input.generation === base.serving.generation
}
/** The call is for a replaced connection that still has calls. */
export function isForRetiring(state: Sees, input: WithGeneration): boolean {
  return toolSurfaceOf(state, input)?.retiring.some(one => one.generation === input.generation) === true
}
export function hasCallInFlight(state: Sees, input: WithSurface): boolean {
  const base = toolSurfaceOf(state, input)?.base
  return (base?.state === 'Active' || base?.state === 'Removing') && base.serving.inflight > 0
}
export function isLastCall(state: Sees, input: WithGeneration): boolean {
  return (
    toolSurfaceOf(state, input)?.retiring.some(one => one.generation === input.generation && one.inflight === 1) ===
    true
  )
}
/** No call is under way on any of its connections. */
export function hasNoCalls(state: Sees, input: WithSurface): boolean {
  return !hasCallInFlight(state, input) && toolSurfaceOf(state, input)?.retiring.length === 0
}
type Aligned = SurfaceInputOf<'SurfaceSnapshotAligned'>
export function isNotOlderEpoch({ toolSurfaces }: Sees, { epoch }: Aligned): boolean {
  return epoch >= toolSurfaces.alignedEpoch
}
export function isReachedEpoch({ toolSurfaces }: Sees, { epoch }: Aligned): boolean {
  return epoch <= toolSurfaces.snapshotEpoch
}
