import {
  hasPendingOrStaged,
  isSnapshotAligned,
  type MeerkatInput,
  meerkat,
  pendingSurfaces,
  qualifiedToolName,
  removingSurfaces,
  type Surface,
  type SurfaceId,
  surfaceTools,
  type ToolSurfaces,
  type ToolSurfacesInput,
  visibleSurfaces,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { mapGet } from '../../src/kernel/persistent-map.ts'
import { all, outcomes } from './support/model-sessions.ts'
import { outcomesAfter } from './support/phase-table.ts'
import { attached, kinds, type Play } from './support/play.ts'

const surfaceId = 'files' as SurfaceId
const stage = (what: 'Add' | 'Remove' | 'Reload', id = 'files'): MeerkatInput => ({
  type: `SurfaceStage${what}`,
  surfaceId: id as SurfaceId,
})
const apply = (stagedIntentSequence: number, nowMs = 0, id = 'files'): MeerkatInput => ({
  type: 'SurfaceApplyBoundary',
  surfaceId: id as SurfaceId,
  stagedIntentSequence,
  nowMs,
  appliedAtTurn: 7,
})
const connected = (
  task: number,
  lineage: number,
  more: { tools?: readonly string[]; nowMs?: number; id?: string } = {},
): MeerkatInput => ({
  type: 'SurfaceMarkPendingSucceeded',
  surfaceId: (more.id ?? 'files') as SurfaceId,
  pendingTaskSequence: task,
  stagedIntentSequence: lineage,
  nowMs: more.nowMs ?? 0,
  tools: more.tools ?? ['read'],
})
const failed = (task: number, lineage: number): MeerkatInput => ({
  type: 'SurfaceMarkPendingFailed',
  surfaceId,
  pendingTaskSequence: task,
  stagedIntentSequence: lineage,
  cause: 'pending_failed',
})
const call = (generation?: number): MeerkatInput => ({
  type: 'SurfaceCallStarted',
  surfaceId,
  ...(generation !== undefined && { generation }),
})
const finish = (generation?: number): MeerkatInput => ({
  type: 'SurfaceCallFinished',
  surfaceId,
  ...(generation !== undefined && { generation }),
})
const CLEAN: MeerkatInput = { type: 'SurfaceFinalizeRemovalClean', surfaceId }
const FORCED: MeerkatInput = { type: 'SurfaceFinalizeRemovalForced', surfaceId }
const SHUTDOWN: MeerkatInput = { type: 'SurfaceShutdown' }
const ADDED = [stage('Add'), apply(1), connected(1, 1)] as const
const RELOADING = [...ADDED, stage('Reload'), apply(2)] as const

function played(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
const surface = (play: Play): Surface | undefined => mapGet(play.state.toolSurfaces.surfaces, surfaceId)
const deltas = (play: Play): readonly string[] =>
  play.said('EmitExternalToolDelta').map(({ operation, phase, cause = '' }) => `${operation} ${phase} ${cause}`.trim())
const closed = (play: Play): readonly number[] =>
  play.said('CloseSurfaceConnection').map(({ generation }) => generation)

describe('a surface that is added', () => {
  test('is staged, connected at a boundary and offered when the connection stands', () => {
    const play = played(stage('Add'))
    expect(hasPendingOrStaged(play.state.toolSurfaces)).toBe(true)
    play.do(apply(1))
    expect(play.said('ScheduleSurfaceCompletion')).toEqual([
      {
        type: 'ScheduleSurfaceCompletion',
        surfaceId,
        operation: 'Add',
        pendingTaskSequence: 1,
        stagedIntentSequence: 1,
        appliedAtTurn: 7,
      },
    ])
    expect(pendingSurfaces(play.state.toolSurfaces)).toEqual(['files'])
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual([])
    expect(kinds(play.do(connected(1, 1)))).toEqual(['RefreshVisibleSurfaceSet', 'EmitExternalToolDelta'])
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual(['files'])
    expect(deltas(play)).toEqual(['Add Pending', 'Add Applied'])
  })

  test('is as it was when the connection fails, and can be tried again', () => {
    const play = played(stage('Add'), apply(1), failed(1, 1))
    expect(deltas(play)).toEqual(['Add Pending', 'Add Failed pending_failed'])
    expect(surface(play)).toMatchObject({ base: { state: 'Absent' } })
    play.do(stage('Add'), apply(2), connected(2, 2))
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual(['files'])
  })

  test('follows the newest word: who staged before it finds its change gone', () => {
    const play = played(stage('Add'), stage('Remove'))
    expect(play.refused(apply(1)).reason).toContain('isNewestStaged')
    expect(play.do(apply(2))).toEqual([])
    expect(hasPendingOrStaged(play.state.toolSurfaces)).toBe(false)
  })

  test('takes one change at a time', () => {
    const play = played(stage('Add'), apply(1), stage('Remove'))
    expect(play.refused(apply(2)).reason).toContain('hasNothingPending')
    play.do(connected(1, 1), apply(2))
    expect(removingSurfaces(play.state.toolSurfaces)).toEqual(['files'])
  })

  test('refuses a connection that nobody waits for any more', () => {
    const play = played(stage('Add'), apply(1), failed(1, 1), stage('Add'), apply(2))
    for (const late of [connected(1, 1), connected(2, 1), connected(1, 2), failed(1, 1)]) {
      expect(play.refused(late)).toMatchObject({ kind: 'guard-rejected' })
    }
  })
})

describe('a surface that is reloaded', () => {
  test('has to be there', () => {
    expect(attached().refused(stage('Reload')).reason).toContain('isActiveSurface')
  })

  test('serves with its old connection until the new one stands, and goes on with it when that fails', () => {
    const play = played(...RELOADING)
    play.do(call())
    expect(play.said('SurfaceCallAdmitted')).toMatchObject([{ generation: 1 }])
    play.do(finish(1), failed(2, 2))
    expect(surfaceTools(play.state.toolSurfaces)).toEqual([{ name: 'read', surfaceId, generation: 1 }])
  })

  test('closes the old connection at once where no call is under way', () => {
    const play = played(...RELOADING)
    expect(kinds(play.do(connected(2, 2)))).toEqual([
      'CloseSurfaceConnection',
      'RefreshVisibleSurfaceSet',
      'EmitExternalToolDelta',
    ])
    expect(closed(play)).toEqual([1])
  })

  test('lets the calls on the old connection end there, and then closes it', () => {
    const play = played(...RELOADING, call(1), call(1), connected(2, 2, { nowMs: 500 }))
    expect(surface(play)?.retiring).toEqual([{ generation: 1, inflight: 2, timeoutAtMs: 30_500 }])
    play.do(call(), finish(2), finish(1))
    expect(closed(play)).toEqual([])
    play.do(finish(1))
    expect(closed(play)).toEqual([1])
    expect(play.refused(finish(1)).kind).toBe('guard-rejected')
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual(['files'])
  })

  test('still serves a turn that has the old catalogue while its connection is there, and no longer', () => {
    const play = played(...RELOADING, call(1), connected(2, 2), call(1))
    expect(play.said('SurfaceCallAdmitted').map(({ generation }) => generation)).toEqual([1, 1])
    play.do(finish(1), finish(1), call(1))
    expect(play.said('RejectSurfaceCall')).toMatchObject([{ cause: 'surface_unavailable' }])
  })

  test('closes the old connection by force when its time is up', () => {
    const play = played({ type: 'SurfaceSetRemovalTimeout', timeoutMs: 10 }, ...RELOADING, call(1))
    play.do(connected(2, 2, { nowMs: 5 }))
    expect(surface(play)?.retiring).toMatchObject([{ timeoutAtMs: 15 }])
    play.do({ type: 'SurfaceFinalizeRemovalForced', surfaceId, generation: 1 })
    expect(closed(play)).toEqual([1])
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual(['files'])
    play.refused(finish(1))
  })
})

describe('a surface that is removed', () => {
  test('takes no new call, waits for those it has, and closes', () => {
    const play = played(...ADDED, call(), stage('Remove'), apply(2, 1000))
    expect(surface(play)?.base).toMatchObject({ drainingSinceMs: 1000, timeoutAtMs: 31_000, appliedAtTurn: 7 })
    play.do(call())
    expect(play.said('RejectSurfaceCall')).toMatchObject([{ cause: 'surface_draining' }])
    expect(play.refused(CLEAN).reason).toContain('hasNoCalls')
    play.do(finish(), CLEAN)
    expect(closed(play)).toEqual([1])
    expect(deltas(play).slice(2)).toEqual(['Remove Draining', 'Remove Applied'])
    play.do(call())
    expect(play.said('RejectSurfaceCall')[1]).toMatchObject({ cause: 'surface_unavailable' })
  })

  test('closes every connection by force when its time is up', () => {
    const play = played(...RELOADING, call(1), connected(2, 2), call(2), stage('Remove'), apply(3))
    play.refused(CLEAN)
    play.do(FORCED)
    expect(closed(play)).toEqual([2, 1])
    expect(deltas(play).at(-1)).toBe('Remove Forced')
    for (const late of [finish(1), finish(2), finish()]) play.refused(late)
  })

  test('can come back, but only when it is gone', () => {
    const play = played(...ADDED, stage('Remove'), apply(2), stage('Add'))
    expect(play.refused(apply(3)).reason).toContain('isNotRemovingSurface')
    play.do(CLEAN, apply(3), connected(2, 3))
    expect(visibleSurfaces(play.state.toolSurfaces)).toEqual(['files'])
  })
})

describe('tools of one name', () => {
  test('the elder surface keeps the name through its reloads; the other stays to be called', () => {
    const play = played(...ADDED)
    play.do(stage('Add', 'apes'), apply(2, 0, 'apes'), connected(2, 2, { id: 'apes', tools: ['read', 'climb'] }))
    play.do(stage('Reload'), apply(3), connected(3, 3))
    const tools = surfaceTools(play.state.toolSurfaces)
    expect(tools).toEqual([
      { name: 'read', surfaceId: 'files', generation: 3 },
      { name: 'read', surfaceId: 'apes', generation: 2, shadowedBy: 'files' },
      { name: 'climb', surfaceId: 'apes', generation: 2 },
    ])
    expect(tools.map(qualifiedToolName)).toEqual(['files.read', 'apes.read', 'apes.climb'])
    play.do(stage('Remove'), apply(4))
    expect(surfaceTools(play.state.toolSurfaces)[0]).toEqual({ name: 'read', surfaceId: 'apes', generation: 2 })
  })
})

describe('the published list of tools', () => {
  test('is aligned with what the machine says, and never with anything older or not yet said', () => {
    const play = played(...ADDED)
    expect(isSnapshotAligned(play.state.toolSurfaces)).toBe(false)
    play.do({ type: 'SurfaceSnapshotAligned', epoch: 2 })
    expect(isSnapshotAligned(play.state.toolSurfaces)).toBe(true)
    expect(play.refused({ type: 'SurfaceSnapshotAligned', epoch: 1 }).reason).toContain('isNotOlderEpoch')
    expect(play.refused({ type: 'SurfaceSnapshotAligned', epoch: 3 }).reason).toContain('isReachedEpoch')
  })

  test('changes with every change of what is offered', () => {
    const play = played(...ADDED, stage('Remove'), apply(2), FORCED)
    expect(play.said('RefreshVisibleSurfaceSet').map(({ snapshotEpoch }) => snapshotEpoch)).toEqual([2, 3, 4])
  })
})

describe('after a shutdown', () => {
  test('nothing begins, and what was begun can end', () => {
    const play = played(...RELOADING, call(), stage('Remove'), SHUTDOWN, SHUTDOWN)
    expect(hasPendingOrStaged(play.state.toolSurfaces)).toBe(false)
    expect(play.refused(connected(2, 2)).kind).toBe('no-matching-transition')
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(call(), finish())
    expect(play.said('RejectSurfaceCall')).toMatchObject([{ cause: 'surface_unavailable' }])
    expect(meerkat.atRest(play.state)).toBe(true)
  })
})

test('a call ends and a removal comes to its end also when the session takes no more work', () => {
  const play = played(...ADDED, call(), stage('Remove'), apply(2), { type: 'Retire' })
  play.do(finish(), CLEAN)
  expect(closed(play)).toEqual([1])
})

test('the surfaces of a process are unknown to the next', () => {
  const play = played(...RELOADING, SHUTDOWN, { type: 'Recover' })
  expect(play.state.toolSurfaces).toEqual(meerkat.initial.toolSurfaces)
})

const INPUTS: { readonly [Type in ToolSurfacesInput['type']]: MeerkatInput } = {
  SurfaceRegister: { type: 'SurfaceRegister', surfaceId },
  SurfaceSetRemovalTimeout: { type: 'SurfaceSetRemovalTimeout', timeoutMs: 1 },
  SurfaceStageAdd: stage('Add'),
  SurfaceStageRemove: stage('Remove'),
  SurfaceStageReload: stage('Reload'),
  SurfaceApplyBoundary: apply(3),
  SurfaceMarkPendingSucceeded: connected(2, 2),
  SurfaceMarkPendingFailed: failed(2, 2),
  SurfaceCallStarted: call(),
  SurfaceCallFinished: finish(),
  SurfaceFinalizeRemovalClean: CLEAN,
  SurfaceFinalizeRemovalForced: FORCED,
  SurfaceSnapshotAligned: { type: 'SurfaceSnapshotAligned', epoch: 1 },
  SurfaceShutdown: SHUTDOWN,
}
/** Reloading, with another change staged behind it. */
const PREPARED = [...RELOADING, stage('Remove')] as const

test('every input in every phase of the session', () => {
  const never = all(INPUTS, 'no-matching-transition')
  const guarded = {
    SurfaceApplyBoundary: 'guard-rejected',
    SurfaceCallFinished: 'guard-rejected',
    SurfaceFinalizeRemovalClean: 'guard-rejected',
    SurfaceFinalizeRemovalForced: 'guard-rejected',
  } as const
  const open = all(INPUTS, 'taken', guarded)
  const closing = {
    ...never,
    SurfaceMarkPendingSucceeded: 'taken',
    SurfaceMarkPendingFailed: 'taken',
    SurfaceCallFinished: 'guard-rejected',
    SurfaceFinalizeRemovalClean: 'guard-rejected',
    SurfaceFinalizeRemovalForced: 'guard-rejected',
    SurfaceSnapshotAligned: 'taken',
    SurfaceShutdown: 'taken',
  } as const
  expect(outcomes(INPUTS, PREPARED)).toEqual({
    initializing: never,
    idle: { ...open, SurfaceCallStarted: 'no-matching-transition' },
    attached: open,
    running: open,
    retired: closing,
    stopped: closing,
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<ToolSurfacesInput['type']>>)
})

test('every input before and after a shutdown', () => {
  expect(
    outcomesAfter<ToolSurfaces['phase'], ToolSurfacesInput['type']>(
      { operating: ADDED, shutdown: [...ADDED, SHUTDOWN] },
      INPUTS,
    ),
  ).toEqual({
    operating: {
      SurfaceRegister: 'taken',
      SurfaceSetRemovalTimeout: 'taken',
      SurfaceStageAdd: 'taken',
      SurfaceStageRemove: 'taken',
      SurfaceStageReload: 'taken',
      SurfaceApplyBoundary: 'guard-rejected',
      SurfaceMarkPendingSucceeded: 'guard-rejected',
      SurfaceMarkPendingFailed: 'guard-rejected',
      SurfaceCallStarted: 'taken',
      SurfaceCallFinished: 'guard-rejected',
      SurfaceFinalizeRemovalClean: 'guard-rejected',
      SurfaceFinalizeRemovalForced: 'guard-rejected',
      SurfaceSnapshotAligned: 'taken',
      SurfaceShutdown: 'taken',
    },
    shutdown: {
      SurfaceRegister: 'taken',
      SurfaceSetRemovalTimeout: 'no-matching-transition',
      SurfaceStageAdd: 'no-matching-transition',
      SurfaceStageRemove: 'no-matching-transition',
      SurfaceStageReload: 'no-matching-transition',
      SurfaceApplyBoundary: 'no-matching-transition',
      SurfaceMarkPendingSucceeded: 'no-matching-transition',
      SurfaceMarkPendingFailed: 'no-matching-transition',
      SurfaceCallStarted: 'taken',
      SurfaceCallFinished: 'guard-rejected',
      SurfaceFinalizeRemovalClean: 'guard-rejected',
      SurfaceFinalizeRemovalForced: 'guard-rejected',
      SurfaceSnapshotAligned: 'taken',
      SurfaceShutdown: 'taken',
    },
  } satisfies Record<ToolSurfaces['phase'], Record<ToolSurfacesInput['type'], string>>)
})
