/** Changes of the slice `toolSurfaces`. */
import type { SurfaceId } from '../../ids.ts'
import { mapEntries, mapGet, mapSet, type PersistentMap } from '../../persistent-map.ts'
import type { SurfaceInputOf, WithGeneration, WithSurface } from './rules.ts'
import type {
  RetiringGeneration,
  Surface,
  SurfaceDeltaPhase,
  SurfaceGeneration,
  SurfaceOperation,
  ToolSurfaces,
} from './state.ts'

type Change<Input> = (slice: ToolSurfaces, input: Input) => ToolSurfaces

function put(slice: ToolSurfaces, surface: Surface): ToolSurfaces {
  return { ...slice, surfaces: mapSet(slice.surfaces, surface.id, surface) }
}
function change(slice: ToolSurfaces, id: SurfaceId, to: (surface: Surface) => Surface): ToolSurfaces {
  const surface = mapGet(slice.surfaces, id)
  return surface === undefined ? slice : put(slice, to(surface))
}
const offered = (slice: ToolSurfaces): ToolSurfaces => ({ ...slice, snapshotEpoch: slice.snapshotEpoch + 1 })

export function register(slice: ToolSurfaces, { surfaceId: id }: WithSurface): ToolSurfaces {
  if (mapGet(slice.surfaces, id) !== undefined) return slice
  return put(slice, { id, base: { state: 'Absent' }, retiring: [] })
}

export const stage =
  (operation: SurfaceOperation): Change<WithSurface> =>
  (slice, input) => {
    const sequence = slice.stagedSequence + 1
    const known = register({ ...slice, stagedSequence: sequence }, input)
    return change(known, input.surfaceId, surface => ({ ...surface, staged: { operation, sequence } }))
  }

export function unstage(slice: ToolSurfaces, { surfaceId }: WithSurface): ToolSurfaces {
  return change(slice, surfaceId, ({ staged: _, ...rest }) => rest)
}

export const connect =
  (operation: 'Add' | 'Reload'): Change<SurfaceInputOf<'SurfaceApplyBoundary'>> =>
  (slice, { surfaceId, stagedIntentSequence: lineage }) => {
    const sequence = slice.taskSequence + 1
    return change(offered({ ...slice, taskSequence: sequence }), surfaceId, ({ staged: _, ...rest }) => ({
      ...rest,
      pending: { operation, sequence, lineage },
      lastDelta: { operation, phase: 'Pending' },
    }))
  }

export function drain(slice: ToolSurfaces, input: SurfaceInputOf<'SurfaceApplyBoundary'>): ToolSurfaces {
  const { surfaceId, nowMs: drainingSinceMs, appliedAtTurn } = input
  return change(offered(slice), surfaceId, surface => {
    const { staged: _, base, ...rest } = surface
    if (base.state !== 'Active') return surface
    const timeoutAtMs = drainingSinceMs + slice.removalTimeoutMs
    return {
      ...rest,
      base: { state: 'Removing', serving: base.serving, drainingSinceMs, timeoutAtMs, appliedAtTurn },
      lastDelta: { operation: 'Remove', phase: 'Draining' },
    }
  })
}

/** Makes the new connection the serving one; the replaced one keeps its calls until they end. */
export function install(slice: ToolSurfaces, input: SurfaceInputOf<'SurfaceMarkPendingSucceeded'>): ToolSurfaces {
  const { surfaceId, nowMs, tools } = input
  return change(offered(slice), surfaceId, surface => {
    const { pending, base, ...rest } = surface
    if (pending === undefined) return surface
    const serving: SurfaceGeneration = { generation: pending.sequence, tools, inflight: 0 }
    const replaced = base.state === 'Active' && base.serving.inflight > 0 ? [base.serving] : []
    const timeoutAtMs = nowMs + slice.removalTimeoutMs
    return {
      ...rest,
      base: { state: 'Active', since: base.state === 'Active' ? base.since : pending.sequence, serving },
      retiring: [
        ...surface.retiring,
        ...replaced.map(({ generation, inflight }) => ({ generation, inflight, timeoutAtMs })),
      ],
      lastDelta: { operation: pending.operation, phase: 'Applied' },
    }
  })
}

export function giveUp(slice: ToolSurfaces, { surfaceId }: WithSurface): ToolSurfaces {
  return change(slice, surfaceId, ({ pending, ...rest }) =>
    pending === undefined ? rest : { ...rest, lastDelta: { operation: pending.operation, phase: 'Failed' } },
  )
}

/** Changes the call count of the serving connection. */
export const countServing =
  (by: 1 | -1): Change<WithSurface> =>
  (slice, { surfaceId }) =>
    change(slice, surfaceId, surface => {
      const { base } = surface
      if (base.state !== 'Active' && base.state !== 'Removing') return surface
      const serving = { ...base.serving, inflight: base.serving.inflight + by }
      return { ...surface, base: { ...base, serving } }
    })

/** Changes the call count of a replaced connection. */
export const countRetiring =
  (by: 1 | -1): Change<WithGeneration> =>
  (slice, { surfaceId, generation }) => {
    const counted = (one: RetiringGeneration) =>
      one.generation === generation ? { ...one, inflight: one.inflight + by } : one
    return change(slice, surfaceId, surface => ({ ...surface, retiring: surface.retiring.map(counted) }))
  }

export function dropRetiring(slice: ToolSurfaces, { surfaceId, generation }: WithGeneration): ToolSurfaces {
  return change(slice, surfaceId, surface => ({
    ...surface,
    retiring: surface.retiring.filter(one => one.generation !== generation),
  }))
}

export const remove =
  (phase: SurfaceDeltaPhase): Change<WithSurface> =>
  (slice, { surfaceId }) =>
    change(offered(slice), surfaceId, surface => ({
      ...surface,
      base: { state: 'Removed' },
      retiring: [],
      lastDelta: { operation: 'Remove', phase },
    }))

/** Drops staged and pending changes; active surfaces stay, so that their calls can end. */
export function shutDown(slice: ToolSurfaces): ToolSurfaces {
  let surfaces: PersistentMap<SurfaceId, Surface> = slice.surfaces
  for (const [id, { staged: _, pending: __, ...rest }] of mapEntries(slice.surfaces)) {
    surfaces = mapSet(surfaces, id, rest)
  }
  return { ...slice, phase: 'shutdown', surfaces }
}
