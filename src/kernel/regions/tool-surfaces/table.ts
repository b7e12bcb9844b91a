/**
 * Tool surfaces: the external servers that offer tools to the session; how they are added, replaced and removed.
 *
 * Enforces: changes are staged, and a boundary applies the newest one; a connection that is no longer pending is refused;
 * a replaced or removed one takes no new call and closes after its last call, or by force when its time is up; of two tools
 * with one name the older keeps the name and the other has its qualified name. What has begun can be ended in every phase
 * of the session.
 */

import type { ConditionSatellite } from '../../core.ts'
import { emptyMap, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { ATTENDED, OPEN, SERVED } from '../phases.ts'
import {
  connect,
  countRetiring,
  countServing,
  drain,
  dropRetiring,
  giveUp,
  install,
  register,
  remove,
  shutDown,
  stage,
  unstage,
} from './changes.ts'
import type { ToolSurfaceEffect } from './effect.ts'
import type { ToolSurfacesInput } from './input.ts'
import { toolSurfacesInWords } from './key.ts'
import {
  activeSurface,
  awaitedSurface,
  hasCallInFlight,
  hasNoCalls,
  hasNothingPending,
  isActiveSurface,
  isForRetiring,
  isForServing,
  isNewestStaged,
  isNotActiveSurface,
  isNotOlderEpoch,
  isNotRemovingSurface,
  isReachedEpoch,
  isRemovingSurface,
  isStagedAdd,
  isStagedReload,
  isStagedRemove,
  knownSurface,
  removingSurface,
  type SurfaceInputOf,
  servingSurface,
  surfaceOfLastCall,
  surfaceOfRetiring,
  type WithGeneration,
  type WithSurface,
} from './rules.ts'
import type { Sees } from './sees.ts'
import {
  type AwaitedSurface,
  hasPendingOrStaged,
  type Surface,
  type SurfaceDeltaPhase,
  type SurfaceFailureCause,
  type SurfaceIn,
  type SurfaceOperation,
  type ToolSurfaces,
} from './state.ts'

function refreshed({ toolSurfaces: { snapshotEpoch } }: Sees): ToolSurfaceEffect {
  return { type: 'RefreshVisibleSurfaceSet', snapshotEpoch }
}
const delta =
  (operation: SurfaceOperation, phase: SurfaceDeltaPhase) =>
  (_: Sees, { surfaceId }: WithSurface): ToolSurfaceEffect => ({
    type: 'EmitExternalToolDelta',
    surfaceId,
    operation,
    phase,
  })
/** The effect for the outcome of a pending change. */
const cameOut =
  (phase: 'Applied' | 'Failed') =>
  (
    _: Sees,
    { surfaceId, cause }: WithSurface & { readonly cause?: SurfaceFailureCause },
    __: Sees,
    { pending: { operation } }: AwaitedSurface,
  ): ToolSurfaceEffect => ({ type: 'EmitExternalToolDelta', surfaceId, operation, phase, ...(cause && { cause }) })
const scheduled =
  (operation: 'Add' | 'Reload') =>
  (
    { toolSurfaces: { taskSequence: pendingTaskSequence } }: Sees,
    { surfaceId, stagedIntentSequence, appliedAtTurn }: SurfaceInputOf<'SurfaceApplyBoundary'>,
  ): ToolSurfaceEffect => {
    const sequences = { pendingTaskSequence, stagedIntentSequence }
    return { type: 'ScheduleSurfaceCompletion', surfaceId, operation, ...sequences, appliedAtTurn }
  }
function admitted(
  _: Sees,
  { surfaceId, generation }: WithGeneration,
  __: Sees,
  { base: { serving } }: SurfaceIn<'Active'>,
): ToolSurfaceEffect {
  return { type: 'SurfaceCallAdmitted', surfaceId, generation: generation ?? serving.generation }
}
const rejected =
  (cause: SurfaceFailureCause) =>
  (_: Sees, { surfaceId }: WithSurface): ToolSurfaceEffect => ({ type: 'RejectSurfaceCall', surfaceId, cause })

/** The connections of a surface, the serving one first. */
function generationsOf(surface: Surface | undefined): readonly number[] {
  if (surface === undefined) return []
  const { base, retiring } = surface
  const serving = base.state === 'Active' || base.state === 'Removing' ? [base.serving.generation] : []
  return [...serving, ...retiring.map(({ generation }) => generation)]
}
/** Effects that ask to close each connection that the step removed. */
function closed(after: Sees, input: WithSurface, _: Sees, surface: Surface): readonly ToolSurfaceEffect[] {
  const { surfaceId } = input
  const left = generationsOf(knownSurface(after, input))
  return generationsOf(surface)
    .filter(generation => !left.includes(generation))
    .map(generation => ({ type: 'CloseSurfaceConnection', surfaceId, generation }))
}

const INITIAL: ToolSurfaces = {
  phase: 'operating',
  surfaces: emptyMap(),
  stagedSequence: 0,
  taskSequence: 0,
  snapshotEpoch: 0,
  alignedEpoch: 0,
  removalTimeoutMs: 30_000,
}
const ALL = ['operating', 'shutdown'] as const
const OPERATING = ['operating'] as const

const staged = (operation: SurfaceOperation) => [
  {
    name: 'staged',
    from: OPERATING,
    during: OPEN,
    when: [isRegistered, ...(operation === 'Reload' ? [isActiveSurface] : [])],
    then: stage(operation),
  },
]

const aboutSurface = rowsAbout<Sees, ToolSurfaces, ToolSurfaceEffect, ToolSurfaces['phase']>()

/** Where a staged change is applied. While a server is being removed, its addition waits. */
const applied = { from: OPERATING, during: OPEN } as const
/** What was begun can be ended in every phase. */
const settling = { from: ALL, during: SERVED } as const
const connecting = (operation: 'Add' | 'Reload') => ({
  ...applied,
  then: connect(operation),
  emit: [scheduled(operation), delta(operation, 'Pending')],
})

function isBusy({ base, retiring, pending }: Surface): boolean {
  return base.state === 'Active' || base.state === 'Removing' || retiring.length > 0 || pending !== undefined
}
function isCalled({ base, retiring }: Surface): boolean {
  if (retiring.length > 0) return true
  return (base.state === 'Active' || base.state === 'Removing') && base.serving.inflight > 0
}
function atRest(slice: ToolSurfaces): boolean {
  const all = [...mapValues(slice.surfaces)]
  if (slice.phase === 'shutdown') return !all.some(isCalled)
  return !hasPendingOrStaged(slice) && !all.some(isBusy)
}

export const toolSurfaces: ConditionSatellite<
  Sees,
  ToolSurfacesInput,
  ToolSurfaceEffect,
  'toolSurfaces',
  ToolSurfaces['phase']
> = {
  name: 'toolSurfaces',
  about:
    'The external servers that offer tools: staged and applied changes, connections in the making, calls under way.',
  initial: INITIAL,
  condition: { atRest },
  key: toolSurfacesInWords,
  phaseOf: state => state.toolSurfaces.phase,
  phases: ALL,
  on: {
    SurfaceRegister: [{ name: 'known', from: ALL, during: OPEN, when: [isRegistered], then: register }],
    SurfaceSetRemovalTimeout: [
      {
        name: 'set',
        from: OPERATING,
        during: OPEN,
        when: [isRegistered],
        then: (slice, { timeoutMs: removalTimeoutMs }) => ({ ...slice, removalTimeoutMs }),
      },
    ],
    SurfaceStageAdd: staged('Add'),
    SurfaceStageRemove: staged('Remove'),
    SurfaceStageReload: staged('Reload'),
    SurfaceApplyBoundary: [
      aboutSurface({
        name: 'add',
        about: knownSurface,
        when: [isNewestStaged, hasNothingPending, isStagedAdd, isNotRemovingSurface],
        ...connecting('Add'),
      }),
      aboutSurface({
        name: 'reload',
        about: activeSurface,
        when: [isNewestStaged, hasNothingPending, isStagedReload],
        ...connecting('Reload'),
      }),
      aboutSurface({
        name: 'drain',
        about: activeSurface,
        when: [isNewestStaged, hasNothingPending, isStagedRemove],
        ...applied,
        then: drain,
        emit: [refreshed, delta('Remove', 'Draining')],
      }),
      aboutSurface({
        name: 'nothing',
        about: knownSurface,
        when: [isNewestStaged, hasNothingPending, isStagedRemove, isNotActiveSurface],
        ...applied,
        then: unstage,
      }),
    ],
    SurfaceMarkPendingSucceeded: [
      aboutSurface({
        name: 'installed',
        from: OPERATING,
        during: SERVED,
        about: awaitedSurface,
        then: install,
        emit: [closed, refreshed, cameOut('Applied')],
      }),
    ],
    SurfaceMarkPendingFailed: [
      aboutSurface({
        name: 'failed',
        from: OPERATING,
        during: SERVED,
        about: awaitedSurface,
        then: giveUp,
        emit: [cameOut('Failed')],
      }),
    ],
    SurfaceCallStarted: [
      aboutSurface({
        name: 'started',
        from: OPERATING,
        during: ATTENDED,
        about: activeSurface,
        when: [isForServing],
        then: countServing(1),
        emit: [admitted],
      }),
      aboutSurface({
        name: 'pinned',
        from: OPERATING,
        during: ATTENDED,
        about: activeSurface,
        when: [isForRetiring],
        then: countRetiring(1),
        emit: [admitted],
      }),
      {
        name: 'draining',
        from: ALL,
        during: ATTENDED,
        when: [isRemovingSurface],
        emit: [rejected('surface_draining')],
      },
      { name: 'unavailable', from: ALL, during: ATTENDED, emit: [rejected('surface_unavailable')] },
    ],
    SurfaceCallFinished: [
      aboutSurface({
        name: 'finished',
        ...settling,
        about: servingSurface,
        when: [isForServing, hasCallInFlight],
        then: countServing(-1),
      }),
      aboutSurface({ name: 'last', ...settling, about: surfaceOfLastCall, then: dropRetiring, emit: [closed] }),
      aboutSurface({ name: 'pinned', ...settling, about: surfaceOfRetiring, then: countRetiring(-1) }),
    ],
    SurfaceFinalizeRemovalClean: [
      aboutSurface({
        name: 'clean',
        ...settling,
        about: removingSurface,
        when: [hasNoCalls],
        then: remove('Applied'),
        emit: [closed, refreshed, delta('Remove', 'Applied')],
      }),
    ],
    SurfaceFinalizeRemovalForced: [
      aboutSurface({ name: 'generation', ...settling, about: surfaceOfRetiring, then: dropRetiring, emit: [closed] }),
      aboutSurface({
        name: 'forced',
        ...settling,
        about: removingSurface,
        when: [isForServing],
        then: remove('Forced'),
        emit: [closed, refreshed, delta('Remove', 'Forced')],
      }),
    ],
    SurfaceSnapshotAligned: [
      {
        name: 'aligned',
        from: ALL,
        during: SERVED,
        when: [isNotOlderEpoch, isReachedEpoch],
        then: (slice, { epoch: alignedEpoch }) => ({ ...slice, alignedEpoch }),
      },
    ],
    SurfaceShutdown: [
      { name: 'shut', from: OPERATING, during: SERVED, when: [isRegistered], to: ['shutdown'], then: shutDown },
      { name: 'again', from: ['shutdown'], during: SERVED, when: [isRegistered] },
    ],
  },
  lives: { process: resetTo<ToolSurfaces, ToolSurfaces['phase']>(INITIAL, ['shutdown']) },
  follow: {},
  invariants: [
    {
      id: 'surfaces-need-a-registered-session',
      text: 'an unregistered or destroyed session has no tool surface',
      holds: s => s.toolSurfaces.surfaces.size === 0 || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
    {
      id: 'surface-aligned-epoch-was-reached',
      text: 'no list of tools was published that shows more than there was',
      holds: ({ toolSurfaces: { alignedEpoch, snapshotEpoch } }) => alignedEpoch <= snapshotEpoch,
    },
    {
      id: 'surface-shutdown-begins-nothing',
      text: 'after a shutdown of the tool surfaces no change is staged or pending',
      holds: ({ toolSurfaces: slice }) => slice.phase === 'operating' || !hasPendingOrStaged(slice),
    },
    {
      id: 'surface-removal-has-no-successor',
      text: 'a surface that is being removed waits for no new connection',
      holds: ({ toolSurfaces: { surfaces } }) => everySurface(surfaces, isNotSucceeded),
    },
    {
      id: 'surface-generations-retire-with-calls',
      text: 'a connection that was replaced is there for the calls it has, and goes with its surface',
      holds: ({ toolSurfaces: { surfaces } }) => everySurface(surfaces, retiresSoundly),
    },
  ],
}

function everySurface(surfaces: ToolSurfaces['surfaces'], holds: (surface: Surface) => boolean): boolean {
  for (const surface of mapValues(surfaces)) if (!holds(surface)) return false
  return true
}
function isNotSucceeded({ base, pending }: Surface): boolean {
  return base.state !== 'Removing' || pending === undefined
}
function retiresSoundly(surface: Surface): boolean {
  const { base, retiring } = surface
  const generations = generationsOf(surface)
  if (new Set(generations).size !== generations.length || retiring.some(({ inflight }) => inflight < 1)) return false
  return retiring.length === 0 || base.state === 'Active' || base.state === 'Removing'
}
