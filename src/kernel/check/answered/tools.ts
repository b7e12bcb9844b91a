/** Inputs about models, tools and servers that may not be refused. */
import type { SurfaceId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import { LEFT, OPEN, SERVED } from '../../regions/phases.ts'
import type { Surface } from '../../regions/tool-surfaces/state.ts'
import type { MeerkatState } from '../../state.ts'
import type { Answers } from './rule.ts'

const isServed = ({ lifecycle: { phase } }: MeerkatState): boolean => SERVED.includes(phase)
const isOpen = ({ lifecycle: { phase } }: MeerkatState): boolean => OPEN.includes(phase)
const isRegistered = ({ registration }: MeerkatState): boolean => registration.sessionId !== undefined
const isHere = (state: MeerkatState): boolean => isServed(state) && isRegistered(state)
const isLateOrHere = (state: MeerkatState): boolean =>
  isHere(state) || (!isRegistered(state) && LEFT.includes(state.lifecycle.phase))
const operates = (state: MeerkatState): boolean =>
  isOpen(state) && isRegistered(state) && state.toolSurfaces.phase === 'operating'

const surfaceOf = (
  { toolSurfaces }: MeerkatState,
  { surfaceId }: { readonly surfaceId: SurfaceId },
): Surface | undefined => mapGet(toolSurfaces.surfaces, surfaceId)
const inflightOf = (surface: Surface | undefined, generation: number | undefined): number => {
  if (surface === undefined) return 0
  const serving = 'serving' in surface.base ? surface.base.serving : undefined
  if (generation === undefined || generation === serving?.generation) return serving?.inflight ?? 0
  return surface.retiring.find(one => one.generation === generation)?.inflight ?? 0
}

export const toolAnswers: Answers = {
  // Reports of a process about its servers are accepted, also late ones.
  McpServerConnectPending: isLateOrHere,
  McpServerConnected: isLateOrHere,
  McpServerFailed: isLateOrHere,
  McpServerDisconnected: isLateOrHere,
  McpServerReload: isLateOrHere,
  SurfaceRegister: state => isOpen(state) && isRegistered(state),
  SurfaceSetRemovalTimeout: operates,
  SurfaceStageAdd: operates,
  SurfaceStageRemove: operates,
  SurfaceStageReload: (state, input) => operates(state) && surfaceOf(state, input)?.base.state === 'Active',
  // A call is admitted or rejected with a cause, and an admitted call can end.
  SurfaceCallStarted: ({ lifecycle: { phase } }) => phase === 'attached' || phase === 'running',
  SurfaceCallFinished: (state, input) => isServed(state) && inflightOf(surfaceOf(state, input), input.generation) > 0,
  SurfaceMarkPendingFailed: (state, input) => {
    const pending = surfaceOf(state, input)?.pending
    return (
      isServed(state) &&
      pending?.sequence === input.pendingTaskSequence &&
      pending.lineage === input.stagedIntentSequence
    )
  },
  SurfaceShutdown: isHere,
  SurfaceSnapshotAligned: (state, { epoch }) =>
    isServed(state) && epoch >= state.toolSurfaces.alignedEpoch && epoch <= state.toolSurfaces.snapshotEpoch,
  ClearTurnToolOverlay: isHere,
  SyncVisibilityRevisions: isHere,
  HydrateSessionLlmState: state => isRegistered(state) && (isOpen(state) || state.lifecycle.phase === 'retired'),
  ClearSessionLlmState: state => isRegistered(state) && isOpen(state),
  ModelRequested: isHere,
  SetModelRoutingBaseline: state => isRegistered(state) && (isOpen(state) || state.lifecycle.phase === 'retired'),
  CompleteUntilChangedSwitchTurnReconfigure: (state, { requestId }) =>
    isOpen(state) &&
    state.routing.pending?.phase === 'applyingPersistentReconfigure' &&
    state.routing.pending.requestId === requestId,
  ClassifyImageOperationTerminal: (state, { operationId }) =>
    isOpen(state) && mapGet(state.routing.images, operationId) !== undefined && !isRestoring(state, operationId),
  RestoreImageOperationOverride: (state, { operationId }) =>
    isOpen(state) && state.routing.imageOverride === operationId && isRestoring(state, operationId),
}
function isRestoring({ routing }: MeerkatState, operationId: string): boolean {
  return mapGet(routing.images, operationId)?.phase === 'restoringScopedOverride'
}
