/** The connections to external tool servers (tool surfaces), as the code that holds them reports and reads them. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SurfaceId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import type { ToolSurfaceEffect } from '../kernel/regions/tool-surfaces/effect.ts'
import type { ToolSurfacesInput } from '../kernel/regions/tool-surfaces/input.ts'
import {
  hasPendingOrStaged,
  pendingSurfaces,
  removingSurfaces,
  type Surface,
  type SurfaceBase,
  type SurfaceDeltaPhase,
  type SurfaceFailureCause,
  type SurfaceOperation,
  type SurfaceTool,
  surfaceTools,
  type ToolSurfaces,
  visibleSurfaces,
} from '../kernel/regions/tool-surfaces/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'

type Named<Input> = Input extends { readonly type: `Surface${infer Name}` }
  ? Omit<Input, 'type'> & { readonly type: Name }
  : never

/** The inputs of a surface: `StageAdd`, `ApplyBoundary`, `MarkPendingSucceeded` and so on. */
export type ExternalToolSurfaceInput = Named<ToolSurfacesInput>
export type ExternalToolSurfaceEffect = ToolSurfaceEffect

/** The result of an input: whether new work may begin, and what the caller has to do. */
export interface ExternalToolSurfaceTransition {
  readonly phase: ToolSurfaces['phase']
  readonly effects: readonly ExternalToolSurfaceEffect[]
}

/** One surface. Fields without a value are absent. */
export interface SurfaceSnapshot {
  readonly surfaceId: SurfaceId
  readonly baseState: SurfaceBase['state']
  readonly stagedOp?: SurfaceOperation
  readonly stagedIntentSequence?: number
  readonly pendingOp?: 'Add' | 'Reload'
  readonly pendingTaskSequence?: number
  /** The staged change that the pending connection comes from. */
  readonly pendingLineageSequence?: number
  /** Calls under way, also those of replaced connections. */
  readonly inflightCalls: number
  readonly lastDeltaOperation?: SurfaceOperation
  readonly lastDeltaPhase?: SurfaceDeltaPhase
  /** The connection in use. */
  readonly servingGeneration?: number
  /** Replaced connections with calls still under way; `timeoutAtMs` in ms since the epoch. */
  readonly retiring: Surface['retiring']
  /** ms since the epoch */
  readonly removalDrainingSinceMs?: number
  /** From when on it may be closed by force, ms since the epoch. */
  readonly removalTimeoutAtMs?: number
  readonly removalAppliedAtTurn?: number
}

/** All surfaces. */
export interface SurfaceDiagnosticSnapshot {
  readonly surfacePhase: ToolSurfaces['phase']
  /** The ids of all surfaces ever named. */
  readonly known: readonly SurfaceId[]
  readonly visible: readonly SurfaceId[]
  readonly snapshotEpoch: number
  readonly snapshotAlignedEpoch: number
  readonly hasPendingOrStaged: boolean
  /** In the order of `known`. */
  readonly entries: readonly SurfaceSnapshot[]
}

/** Names a connection that is being made. */
export interface PendingSurfaceTask {
  readonly pendingTaskSequence: number
  readonly stagedIntentSequence: number
}

/**
 * Changes are staged, and take effect at a boundary. A connection that is not wanted any more is refused with
 * `guard-rejected`: the caller that made it closes it. A call that may not begin is no refusal: `RejectSurfaceCall` is
 * among the effects.
 */
export class ExternalToolSurfaceHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  /** Any input. Throws `DslTransitionError`. */
  applySurfaceInput(input: ExternalToolSurfaceInput): Promise<ExternalToolSurfaceTransition> {
    // TypeScript can't prove that the prefixed tags are those of the other union; `Named` was derived from them.
    const prefixed = { ...input, type: `Surface${input.type}` } as ToolSurfacesInput
    return this.#authority.applyInputWithEffectsAndSample(prefixed, (effects, { toolSurfaces: { phase } }) => ({
      phase,
      effects: effects.filter(isSurfaceEffect),
    }))
  }

  register(surfaceId: SurfaceId): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'Register', surfaceId })
  }
  /** How long calls may take to end once their connection is to be removed; default 30 s. */
  setRemovalTimeout(timeoutMs: number): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'SetRemovalTimeout', timeoutMs })
  }
  /** A newer staged change replaces the one before it. */
  stageAdd(surfaceId: SurfaceId): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'StageAdd', surfaceId })
  }
  stageRemove(surfaceId: SurfaceId): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'StageRemove', surfaceId })
  }
  stageReload(surfaceId: SurfaceId): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'StageReload', surfaceId })
  }

  /**
   * A turn's boundary: staged changes take effect, if they are still those that the caller saw. `nowMs`: since the
   * epoch. At the boundaries of an executor's run the runtime does this itself, and finalizes removals without calls.
   */
  applyBoundary(
    surfaceId: SurfaceId,
    at: { readonly nowMs: number; readonly stagedIntentSequence: number; readonly appliedAtTurn: number },
  ): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'ApplyBoundary', surfaceId, ...at })
  }
  /** The connection is made, and offers these tools. `nowMs`: since the epoch. */
  markPendingSucceeded(
    surfaceId: SurfaceId,
    made: PendingSurfaceTask & { readonly nowMs: number; readonly tools: readonly string[] },
  ): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'MarkPendingSucceeded', surfaceId, ...made })
  }
  /** The new connection failed; the one in use stays in use. */
  markPendingFailed(
    surfaceId: SurfaceId,
    failed: PendingSurfaceTask & { readonly cause: SurfaceFailureCause },
  ): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'MarkPendingFailed', surfaceId, ...failed })
  }

  /** `generation`: the connection that the turn's catalogue names; default: the one in use. */
  callStarted(surfaceId: SurfaceId, generation?: number): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'CallStarted', surfaceId, ...named(generation) })
  }
  /** `generation`: the connection that the call was admitted to. */
  callFinished(surfaceId: SurfaceId, generation?: number): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'CallFinished', surfaceId, ...named(generation) })
  }
  finalizeRemovalClean(surfaceId: SurfaceId): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'FinalizeRemovalClean', surfaceId })
  }
  /** Its time is over. `generation`: only this replaced connection. */
  finalizeRemovalForced(surfaceId: SurfaceId, generation?: number): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'FinalizeRemovalForced', surfaceId, ...named(generation) })
  }
  /** The published list of tools shows this epoch. */
  snapshotAligned(epoch: number): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'SnapshotAligned', epoch })
  }
  /** Nothing new begins; calls under way end. */
  shutdownSurface(): Promise<ExternalToolSurfaceTransition> {
    return this.applySurfaceInput({ type: 'Shutdown' })
  }

  /** Undefined: this surface was never named. */
  surfaceSnapshot(surfaceId: SurfaceId): SurfaceSnapshot | undefined {
    const surface = mapGet(this.#slice.surfaces, surfaceId)
    return surface && snapshotOf(surface)
  }
  diagnosticSnapshot(): SurfaceDiagnosticSnapshot {
    const slice = this.#slice
    const surfaces = [...mapValues(slice.surfaces)].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return {
      surfacePhase: slice.phase,
      known: surfaces.map(({ id }) => id),
      visible: visibleSurfaces(slice),
      snapshotEpoch: slice.snapshotEpoch,
      snapshotAlignedEpoch: slice.alignedEpoch,
      hasPendingOrStaged: hasPendingOrStaged(slice),
      entries: surfaces.map(snapshotOf),
    }
  }
  /**
   * All tools on offer. Of several with one name the first has the bare name; the others are `shadowedBy` its surface.
   */
  tools(): readonly SurfaceTool[] {
    return surfaceTools(this.#slice)
  }
  visibleSurfaces(): readonly SurfaceId[] {
    return visibleSurfaces(this.#slice)
  }
  removingSurfaces(): readonly SurfaceId[] {
    return removingSurfaces(this.#slice)
  }
  pendingSurfaces(): readonly SurfaceId[] {
    return pendingSurfaces(this.#slice)
  }
  hasPendingOrStaged(): boolean {
    return hasPendingOrStaged(this.#slice)
  }
  /** Rises with each change of what is offered. */
  snapshotEpoch(): number {
    return this.#slice.snapshotEpoch
  }
  /** The newest epoch that the published list of tools shows; the list is up to date where both are equal. */
  snapshotAlignedEpoch(): number {
    return this.#slice.alignedEpoch
  }

  get #slice(): ToolSurfaces {
    return this.#authority.snapshotState().toolSurfaces
  }
}
refuseUnreadable(ExternalToolSurfaceHandle)

const SURFACE_EFFECTS: { readonly [T in ToolSurfaceEffect['type']]: true } = {
  ScheduleSurfaceCompletion: true,
  RefreshVisibleSurfaceSet: true,
  EmitExternalToolDelta: true,
  CloseSurfaceConnection: true,
  SurfaceCallAdmitted: true,
  RejectSurfaceCall: true,
}
function isSurfaceEffect(effect: MeerkatEffect): effect is ToolSurfaceEffect {
  return effect.type in SURFACE_EFFECTS
}

function named(generation: number | undefined): { readonly generation?: number } {
  return generation === undefined ? {} : { generation }
}

function snapshotOf({ id, base, retiring, staged, pending, lastDelta }: Surface): SurfaceSnapshot {
  const serving = 'serving' in base ? base.serving : undefined
  const inflight = [...(serving ? [serving] : []), ...retiring].reduce((sum, one) => sum + one.inflight, 0)
  return {
    surfaceId: id,
    baseState: base.state,
    inflightCalls: inflight,
    retiring,
    ...(staged && { stagedOp: staged.operation, stagedIntentSequence: staged.sequence }),
    ...(pending && {
      pendingOp: pending.operation,
      pendingTaskSequence: pending.sequence,
      pendingLineageSequence: pending.lineage,
    }),
    ...(lastDelta && { lastDeltaOperation: lastDelta.operation, lastDeltaPhase: lastDelta.phase }),
    ...(serving && { servingGeneration: serving.generation }),
    ...(base.state === 'Removing' && {
      removalDrainingSinceMs: base.drainingSinceMs,
      removalTimeoutAtMs: base.timeoutAtMs,
      removalAppliedAtTurn: base.appliedAtTurn,
    }),
  }
}
