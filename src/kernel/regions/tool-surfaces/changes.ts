/** Changes of the slice `toolSurfaces`. */
import type { SurfaceId } from '../../ids.ts'
import { mapEntries, mapGet, mapSet, type PersistentMap } from '../../persistent-map.ts'
import type { SurfaceInputOf, WithGeneration, WithSurface } from './rules.ts'
import type { Sees } from './sees.ts'
import type {
  AwaitedSurface,
  RetiringGeneration,
  Surface,
  SurfaceDeltaPhase,
  SurfaceGeneration,
  SurfaceIn,
  SurfaceOperation,
  ToolSurfaces,
} from './state.ts'

type Change<Input, About = Surface> = (slice: ToolSurfaces, input: Input, _: Sees, surface: About) => ToolSurfaces

function put(slice: ToolSurfaces, surface: Surface): ToolSurfaces {
  return { ...slice, surfaces: mapSet(slice.surfaces, surface.id, surface) }
}
/** What is offered is another from here on. */
function offer(slice: ToolSurfaces, surface: Surface): ToolSurfaces {
  return put({ ...slice, snapshotEpoch: slice.snapshotEpoch + 1 }, surface)
}
const absent = (id: SurfaceId): Surface => ({ id, base: { state: 'Absent' }, retiring: [] })

export function register(slice: ToolSurfaces, { surfaceId: id }: WithSurface): ToolSurfaces {
  return mapGet(slice.surfaces, id) === undefined ? put(slice, absent(id)) : slice
}

export const stage =
  (operation: SurfaceOperation) =>
  (slice: ToolSurfaces, { surfaceId: id }: WithSurface): ToolSurfaces => {
    const sequence = slice.stagedSequence + 1
    const surface = mapGet(slice.surfaces, id) ?? absent(id)
    return put({ ...slice, stagedSequence: sequence }, { ...surface, staged: { operation, sequence } })
  }

export const unstage: Change<WithSurface> = (slice, _, __, { staged: ___, ...surface }) => put(slice, surface)

export const connect =
  (operation: 'Add' | 'Reload'): Change<SurfaceInputOf<'SurfaceApplyBoundary'>> =>
  (slice, { stagedIntentSequence: lineage }, _, { staged: __, ...surface }) => {
    const sequence = slice.taskSequence + 1
    return offer(
      { ...slice, taskSequence: sequence },
      { ...surface, pending: { operation, sequence, lineage }, lastDelta: { operation, phase: 'Pending' } },
    )
  }

export const drain: Change<SurfaceInputOf<'SurfaceApplyBoundary'>, SurfaceIn<'Active'>> = (
  slice,
  input,
  _,
  surface,
) => {
  const { nowMs: drainingSinceMs, appliedAtTurn } = input
  const { staged: __, base, ...rest } = surface
  const timeoutAtMs = drainingSinceMs + slice.removalTimeoutMs
  return offer(slice, {
    ...rest,
    base: { state: 'Removing', serving: base.serving, drainingSinceMs, timeoutAtMs, appliedAtTurn },
    lastDelta: { operation: 'Remove', phase: 'Draining' },
  })
}

/** Makes the new connection the serving one; the replaced one keeps its calls until they end. */
export const install: Change<SurfaceInputOf<'SurfaceMarkPendingSucceeded'>, AwaitedSurface> = (
  slice,
  { nowMs, tools },
  _,
  { pending, base, ...rest },
) => {
  const serving: SurfaceGeneration = { generation: pending.sequence, tools, inflight: 0 }
  const replaced = base.state === 'Active' && base.serving.inflight > 0 ? [base.serving] : []
  const timeoutAtMs = nowMs + slice.removalTimeoutMs
  return offer(slice, {
    ...rest,
    base: { state: 'Active', since: base.state === 'Active' ? base.since : pending.sequence, serving },
    retiring: [
      ...rest.retiring,
      ...replaced.map(({ generation, inflight }) => ({ generation, inflight, timeoutAtMs })),
    ],
    lastDelta: { operation: pending.operation, phase: 'Applied' },
  })
}

export const giveUp: Change<WithSurface, AwaitedSurface> = (slice, _, __, { pending, ...rest }) =>
  put(slice, { ...rest, lastDelta: { operation: pending.operation, phase: 'Failed' } })

/** Changes the call count of the serving connection. */
export const countServing =
  (by: 1 | -1): Change<WithSurface, SurfaceIn<'Active' | 'Removing'>> =>
  (slice, _, __, surface) => {
    const { base } = surface
    const serving = { ...base.serving, inflight: base.serving.inflight + by }
    return put(slice, { ...surface, base: { ...base, serving } })
  }

/** Changes the call count of a replaced connection. */
export const countRetiring =
  (by: 1 | -1): Change<WithGeneration> =>
  (slice, { generation }, _, surface) => {
    const counted = (one: RetiringGeneration) =>
      one.generation === generation ? { ...one, inflight: one.inflight + by } : one
    return put(slice, { ...surface, retiring: surface.retiring.map(counted) })
  }

export const dropRetiring: Change<WithGeneration> = (slice, { generation }, _, surface) =>
  put(slice, { ...surface, retiring: surface.retiring.filter(one => one.generation !== generation) })

export const remove =
  (phase: SurfaceDeltaPhase): Change<WithSurface> =>
  (slice, _, __, surface) =>
    offer(slice, {
      ...surface,
      base: { state: 'Removed' },
      retiring: [],
      lastDelta: { operation: 'Remove', phase },
    })

/** Drops staged and pending changes; active surfaces stay, so that their calls can end. */
export function shutDown(slice: ToolSurfaces): ToolSurfaces {
  let surfaces: PersistentMap<SurfaceId, Surface> = slice.surfaces
  for (const [id, { staged: _, pending: __, ...rest }] of mapEntries(slice.surfaces)) {
    surfaces = mapSet(surfaces, id, rest)
  }
  return { ...slice, phase: 'shutdown', surfaces }
}
