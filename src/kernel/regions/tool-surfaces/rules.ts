/** The guards of the region `tool-surfaces`. */

import type { SurfaceId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import type { OfPending, ToolSurfacesInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { AwaitedSurface, Surface, SurfaceBase, SurfaceIn } from './state.ts'

export type SurfaceInputOf<Type extends ToolSurfacesInput['type']> = Extract<ToolSurfacesInput, { readonly type: Type }>
export type WithSurface = { readonly surfaceId: SurfaceId }
export type WithGeneration = WithSurface & { readonly generation?: number }

export function knownSurface({ toolSurfaces }: Sees, { surfaceId }: WithSurface): Surface | undefined {
  return mapGet(toolSurfaces.surfaces, surfaceId)
}

const isIn = <State extends SurfaceBase['state']>(surface: Surface, state: State): surface is SurfaceIn<State> =>
  surface.base.state === state

export function activeSurface(state: Sees, input: WithSurface): SurfaceIn<'Active'> | undefined {
  const surface = knownSurface(state, input)
  return surface && isIn(surface, 'Active') ? surface : undefined
}
export function removingSurface(state: Sees, input: WithSurface): SurfaceIn<'Removing'> | undefined {
  const surface = knownSurface(state, input)
  return surface && isIn(surface, 'Removing') ? surface : undefined
}
export function servingSurface(state: Sees, input: WithSurface): SurfaceIn<'Active' | 'Removing'> | undefined {
  return activeSurface(state, input) ?? removingSurface(state, input)
}
export function isActiveSurface(state: Sees, input: WithSurface): boolean {
  return activeSurface(state, input) !== undefined
}
export function isRemovingSurface(state: Sees, input: WithSurface): boolean {
  return removingSurface(state, input) !== undefined
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
  return knownSurface(state, input)?.staged?.sequence === input.stagedIntentSequence
}
export function hasNothingPending(state: Sees, input: WithSurface): boolean {
  return knownSurface(state, input)?.pending === undefined
}
export function isStagedAdd(state: Sees, input: WithSurface): boolean {
  return knownSurface(state, input)?.staged?.operation === 'Add'
}
export function isStagedReload(state: Sees, input: WithSurface): boolean {
  return knownSurface(state, input)?.staged?.operation === 'Reload'
}
export function isStagedRemove(state: Sees, input: WithSurface): boolean {
  return knownSurface(state, input)?.staged?.operation === 'Remove'
}

/** The report is about the pending connection, not about an abandoned one. */
export function awaitedSurface(state: Sees, input: WithSurface & OfPending): AwaitedSurface | undefined {
  const surface = knownSurface(state, input)
  return surface && isPending(surface) && isNamed(surface, input) ? surface : undefined
}
function isPending(surface: Surface): surface is AwaitedSurface {
  return surface.pending !== undefined
}
function isNamed({ pending }: AwaitedSurface, { pendingTaskSequence, stagedIntentSequence }: OfPending): boolean {
  return pending.sequence === pendingTaskSequence && pending.lineage === stagedIntentSequence
}

/** The call is for the serving connection. */
export function isForServing(state: Sees, input: WithGeneration): boolean {
  const serving = servingSurface(state, input)
  if (serving === undefined) return false
  return input.generation === undefined || input.generation === serving.base.serving.generation
}
/** The surface with the replaced connection that the call is for, which still has calls. */
export function surfaceOfRetiring(state: Sees, input: WithGeneration): Surface | undefined {
  const surface = knownSurface(state, input)
  return surface?.retiring.some(one => one.generation === input.generation) ? surface : undefined
}
export function isForRetiring(state: Sees, input: WithGeneration): boolean {
  return surfaceOfRetiring(state, input) !== undefined
}
export function hasCallInFlight(state: Sees, input: WithSurface): boolean {
  return (servingSurface(state, input)?.base.serving.inflight ?? 0) > 0
}
export function surfaceOfLastCall(state: Sees, input: WithGeneration): Surface | undefined {
  const surface = surfaceOfRetiring(state, input)
  return surface?.retiring.some(one => one.generation === input.generation && one.inflight === 1) ? surface : undefined
}
/** No call is under way on any of its connections. */
export function hasNoCalls(state: Sees, input: WithSurface): boolean {
  return !hasCallInFlight(state, input) && knownSurface(state, input)?.retiring.length === 0
}
type Aligned = SurfaceInputOf<'SurfaceSnapshotAligned'>
export function isNotOlderEpoch({ toolSurfaces }: Sees, { epoch }: Aligned): boolean {
  return epoch >= toolSurfaces.alignedEpoch
}
export function isReachedEpoch({ toolSurfaces }: Sees, { epoch }: Aligned): boolean {
  return epoch <= toolSurfaces.snapshotEpoch
}
