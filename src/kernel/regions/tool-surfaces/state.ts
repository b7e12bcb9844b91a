/** The slice of the region `tool-surfaces`: the servers outside the runtime that offer tools to the session. */
import type { SurfaceId } from '../../ids.ts'
import { mapValues, type PersistentMap } from '../../persistent-map.ts'

export type SurfaceOperation = 'Add' | 'Remove' | 'Reload'
/** The phase of a surface's newest change. */
export type SurfaceDeltaPhase = 'Pending' | 'Applied' | 'Draining' | 'Failed' | 'Forced'
/** Why a change or a call failed. */
export type SurfaceFailureCause = 'pending_failed' | 'surface_draining' | 'surface_unavailable'

/** One connection, with the tools that it offers. */
export interface SurfaceGeneration {
  /** The task sequence of the change that made it. */
  readonly generation: number
  readonly tools: readonly string[]
  readonly inflight: number
}

/** A replaced connection that still has calls. */
export interface RetiringGeneration {
  readonly generation: number
  readonly inflight: number
  /** When it may be closed by force, ms since the epoch. */
  readonly timeoutAtMs: number
}

export type SurfaceBase =
  | { readonly state: 'Absent' }
  /** `since`: the generation with which it became active; of two surfaces with a tool of one name, the older has precedence. */
  | { readonly state: 'Active'; readonly since: number; readonly serving: SurfaceGeneration }
  | {
      readonly state: 'Removing'
      readonly serving: SurfaceGeneration
      /** ms since the epoch */
      readonly drainingSinceMs: number
      /** When it may be closed by force, ms since the epoch. */
      readonly timeoutAtMs: number
      readonly appliedAtTurn: number
    }
  | { readonly state: 'Removed' }

export interface Surface {
  readonly id: SurfaceId
  readonly base: SurfaceBase
  readonly retiring: readonly RetiringGeneration[]
  /** The change that the next boundary applies; a later one replaces it. */
  readonly staged?: { readonly operation: SurfaceOperation; readonly sequence: number }
  /** The connection that is being made, and the staged change that it comes from. */
  readonly pending?: { readonly operation: 'Add' | 'Reload'; readonly sequence: number; readonly lineage: number }
  readonly lastDelta?: { readonly operation: SurfaceOperation; readonly phase: SurfaceDeltaPhase }
}

/** A surface in some states of it. */
export type SurfaceIn<State extends SurfaceBase['state']> = Surface & {
  readonly base: Extract<SurfaceBase, { readonly state: State }>
}
/** A surface to which a connection is being made. */
export type AwaitedSurface = Surface & Required<Pick<Surface, 'pending'>>

export interface ToolSurfaces {
  /** After a shutdown nothing new begins. */
  readonly phase: 'operating' | 'shutdown'
  /** Every surface that was ever registered or staged. */
  readonly surfaces: PersistentMap<SurfaceId, Surface>
  readonly stagedSequence: number
  readonly taskSequence: number
  /** Rises with each change of the offered tools. */
  readonly snapshotEpoch: number
  /** The newest epoch that the published list of tools shows. */
  readonly alignedEpoch: number
  readonly removalTimeoutMs: number
}

function surfacesWhere(slice: ToolSurfaces, holds: (surface: Surface) => boolean): readonly SurfaceId[] {
  return [...mapValues(slice.surfaces)].flatMap(one => (holds(one) ? [one.id] : [])).sort()
}

/** The surfaces whose tools are offered, by id. */
export function visibleSurfaces(slice: ToolSurfaces): readonly SurfaceId[] {
  return surfacesWhere(slice, ({ base }) => base.state === 'Active')
}
/** The surfaces that are being removed and still have calls, by id. */
export function removingSurfaces(slice: ToolSurfaces): readonly SurfaceId[] {
  return surfacesWhere(slice, ({ base }) => base.state === 'Removing')
}
/** The surfaces to which a connection is being made, by id. */
export function pendingSurfaces(slice: ToolSurfaces): readonly SurfaceId[] {
  return surfacesWhere(slice, ({ pending }) => pending !== undefined)
}
export function hasPendingOrStaged(slice: ToolSurfaces): boolean {
  for (const { pending, staged } of mapValues(slice.surfaces)) {
    if (pending !== undefined || staged !== undefined) return true
  }
  return false
}
/** Whether the published list of tools shows the newest epoch. */
export function isSnapshotAligned({ snapshotEpoch, alignedEpoch }: ToolSurfaces): boolean {
  return snapshotEpoch === alignedEpoch
}

/** A tool that a surface offers. */
export interface SurfaceTool {
  readonly name: string
  readonly surfaceId: SurfaceId
  /** The connection that a turn pins for its calls. */
  readonly generation: number
  /** The surface whose tool has the bare name; this tool can only be called by its qualified name. */
  readonly shadowedBy?: SurfaceId
}

/** All offered tools, the surface that is active longest first: of several tools with one name the first has the bare name. */
export function surfaceTools(slice: ToolSurfaces): readonly SurfaceTool[] {
  const active = [...mapValues(slice.surfaces)].flatMap(({ id, base }) =>
    base.state === 'Active' ? [{ id, since: base.since, serving: base.serving }] : [],
  )
  const owners = new Map<string, SurfaceId>()
  return active
    .sort((a, b) => a.since - b.since)
    .flatMap(({ id, serving: { generation, tools } }) =>
      tools.map((name): SurfaceTool => {
        const owner = owners.get(name)
        if (owner === undefined) owners.set(name, id)
        return { name, surfaceId: id, generation, ...(owner !== undefined && { shadowedBy: owner }) }
      }),
    )
}

/** The name by which a tool can always be called. */
export function qualifiedToolName({ name, surfaceId }: SurfaceTool): string {
  return `${surfaceId}.${name}`
}
