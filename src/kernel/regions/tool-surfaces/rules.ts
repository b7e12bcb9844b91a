/** The inputs of the tool surfaces, and the rules that decide on them. */
import type { SurfaceId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import type { MeerkatState } from '../../state.ts'
import type { OfPending, ToolSurfacesInput } from './input.ts'
import type { Surface } from './state.ts'

export type SurfaceInputOf<Type extends ToolSurfacesInput['type']> = Extract<ToolSurfacesInput, { readonly type: Type }>
export type WithSurface = { readonly surfaceId: SurfaceId }
export type WithGeneration = WithSurface & { readonly generation?: number }

export function toolSurfaceOf({ toolSurfaces }: MeerkatState, { surfaceId }: WithSurface): Surface | undefined {
  return mapGet(toolSurfaces.surfaces, surfaceId)
}

export function isActiveSurface(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.base.state === 'Active'
}
export function isRemovingSurface(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.base.state === 'Removing'
}
export function isNotActiveSurface(state: MeerkatState, input: WithSurface): boolean {
  return !isActiveSurface(state, input)
}
export function isNotRemovingSurface(state: MeerkatState, input: WithSurface): boolean {
  return !isRemovingSurface(state, input)
}

type Apply = SurfaceInputOf<'SurfaceApplyBoundary'>
/** Nothing newer was staged since the caller looked. */
export function isNewestStaged(state: MeerkatState, input: Apply): boolean {
  return toolSurfaceOf(state, input)?.staged?.sequence === input.stagedIntentSequence
}
export function hasNothingPending(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.pending === undefined
}
export function isStagedAdd(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Add'
}
export function isStagedReload(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Reload'
}
export function isStagedRemove(state: MeerkatState, input: WithSurface): boolean {
  return toolSurfaceOf(state, input)?.staged?.operation === 'Remove'
}

/** The connection is the one that is waited for, not one that was given up. */
export function isAwaited(state: MeerkatState, input: WithSurface & OfPending): boolean {
  const pending = toolSurfaceOf(state, input)?.pending
  return pending?.sequence === input.pendingTaskSequence && pending.lineage === input.stagedIntentSequence
}

/** The call is for the connection that serves. */
export function isForServing(state: MeerkatState, input: WithGeneration): boolean {
  const base = toolSurfaceOf(state, input)?.base
  if (base?.state !== 'Active' && base?.state !== 'Removing') return false
  return input.generation === undefined || input.generation === base.serving.generation
}
/** The call is for a connection that was replaced and still has calls to end. */
export function isForRetiring(state: MeerkatState, input: WithGeneration): boolean {
  return toolSurfaceOf(state, input)?.retiring.some(one => one.generation === input.generation) === true
}
export function hasCallInFlight(state: MeerkatState, input: WithSurface): boolean {
  const base = toolSurfaceOf(state, input)?.base
  return (base?.state === 'Active' || base?.state === 'Removing') && base.serving.inflight > 0
}
export function isLastCall(state: MeerkatState, input: WithGeneration): boolean {
  return (
    toolSurfaceOf(state, input)?.retiring.some(one => one.generation === input.generation && one.inflight === 1) ===
    true
  )
}
/** No call is under way on any of its connections. */
export function hasNoCalls(state: MeerkatState, input: WithSurface): boolean {
  return !hasCallInFlight(state, input) && toolSurfaceOf(state, input)?.retiring.length === 0
}
type Aligned = SurfaceInputOf<'SurfaceSnapshotAligned'>
export function isNotOlderEpoch({ toolSurfaces }: MeerkatState, { epoch }: Aligned): boolean {
  return epoch >= toolSurfaces.alignedEpoch
}
export function isReachedEpoch({ toolSurfaces }: MeerkatState, { epoch }: Aligned): boolean {
  return epoch <= toolSurfaces.snapshotEpoch
}
