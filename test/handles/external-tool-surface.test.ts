/** External servers that offer tools: changes at boundaries, connections in the making, calls of connections that go. */
import { describe, expect, test } from 'vitest'
import type { ExternalToolSurfaceHandle } from '../../src/handles/external-tool-surface.ts'
import type { SurfaceId } from '../../src/kernel/ids.ts'
import { S, served } from '../host/support/machines.ts'

const A = 'a' as SurfaceId
const B = 'b' as SurfaceId

const guardRejected: unknown = expect.objectContaining({ name: 'DslTransitionError', kind: 'guard-rejected' })

async function surfaces(): Promise<ExternalToolSurfaceHandle> {
  const { bindings } = await served()
  return bindings.externalToolSurface
}

/** Applies what is staged, at turn 1 and 1 s. */
async function boundary(handle: ExternalToolSurfaceHandle, id: SurfaceId) {
  const stagedIntentSequence = handle.surfaceSnapshot(id)?.stagedIntentSequence ?? 0
  return handle.applyBoundary(id, { nowMs: 1000, stagedIntentSequence, appliedAtTurn: 1 })
}
function pending(handle: ExternalToolSurfaceHandle, id: SurfaceId) {
  const { pendingTaskSequence = 0, pendingLineageSequence = 0 } = handle.surfaceSnapshot(id) ?? {}
  return { pendingTaskSequence, stagedIntentSequence: pendingLineageSequence }
}
async function connected(handle: ExternalToolSurfaceHandle, id: SurfaceId, tools: readonly string[] = ['read']) {
  return handle.markPendingSucceeded(id, { ...pending(handle, id), nowMs: 2000, tools })
}
async function added(handle: ExternalToolSurfaceHandle, id: SurfaceId, tools?: readonly string[]) {
  await handle.stageAdd(id)
  await boundary(handle, id)
  return connected(handle, id, tools)
}
const types = ({ effects }: { readonly effects: readonly { readonly type: string }[] }): readonly string[] =>
  effects.map(({ type }) => type)

describe('a surface that is added', () => {
  test('is offered once its connection is made, and says what is to be done on the way', async () => {
    const handle = await surfaces()
    expect(await handle.register(A)).toEqual({ phase: 'operating', effects: [] })
    await handle.stageAdd(A)
    expect(handle.hasPendingOrStaged()).toBe(true)
    const applied = await boundary(handle, A)
    expect(applied.effects[0]).toEqual({
      type: 'ScheduleSurfaceCompletion',
      surfaceId: A,
      operation: 'Add',
      ...pending(handle, A),
      appliedAtTurn: 1,
    })
    expect([handle.pendingSurfaces(), handle.visibleSurfaces()]).toEqual([[A], []])
    const epoch = handle.snapshotEpoch()
    expect(types(await connected(handle, A))).toEqual(['RefreshVisibleSurfaceSet', 'EmitExternalToolDelta'])
    expect([handle.pendingSurfaces(), handle.visibleSurfaces()]).toEqual([[], [A]])
    expect(handle.snapshotEpoch()).toBe(epoch + 1)
    expect(handle.surfaceSnapshot(A)).toMatchObject({
      baseState: 'Active',
      lastDeltaOperation: 'Add',
      lastDeltaPhase: 'Applied',
      inflightCalls: 0,
    })
  })

  test('and removed before the boundary leaves nothing to do', async () => {
    const handle = await surfaces()
    await handle.stageAdd(A)
    await handle.stageRemove(A)
    expect(handle.surfaceSnapshot(A)?.stagedOp).toBe('Remove')
    expect((await boundary(handle, A)).effects).toEqual([])
    expect(handle.surfaceSnapshot(A)).toMatchObject({ baseState: 'Absent' })
    expect(handle.hasPendingOrStaged()).toBe(false)
  })

  test('whose connection came too late is refused, so that its maker closes it', async () => {
    const handle = await surfaces()
    await handle.stageAdd(A)
    await boundary(handle, A)
    const first = pending(handle, A)
    await handle.markPendingFailed(A, { ...first, cause: 'pending_failed' })
    await handle.stageAdd(A)
    await boundary(handle, A)
    await expect(handle.markPendingSucceeded(A, { ...first, nowMs: 2000, tools: [] })).rejects.toEqual(guardRejected)
    await connected(handle, A)
    expect(handle.visibleSurfaces()).toEqual([A])
  })

  test('takes part in the boundary with the newest word alone', async () => {
    const handle = await surfaces()
    await handle.stageAdd(A)
    const old = handle.surfaceSnapshot(A)?.stagedIntentSequence ?? 0
    await handle.stageAdd(A)
    const apply = handle.applyBoundary(A, { nowMs: 1000, stagedIntentSequence: old, appliedAtTurn: 1 })
    await expect(apply).rejects.toEqual(guardRejected)
  })
})

describe('a reload', () => {
  test('that fails leaves the tools as they were', async () => {
    const handle = await surfaces()
    await added(handle, A, ['read'])
    await handle.stageReload(A)
    await boundary(handle, A)
    const epoch = handle.snapshotEpoch()
    const failed = await handle.markPendingFailed(A, { ...pending(handle, A), cause: 'pending_failed' })
    expect(failed.effects).toMatchObject([{ operation: 'Reload', phase: 'Failed', cause: 'pending_failed' }])
    expect(handle.snapshotEpoch()).toBe(epoch)
    expect(handle.tools().map(({ name }) => name)).toEqual(['read'])
  })

  test('serves new calls from the new connection, and closes the old one after its last', async () => {
    const handle = await surfaces()
    await added(handle, A, ['old'])
    const before = handle.surfaceSnapshot(A)?.servingGeneration
    await handle.callStarted(A)
    await handle.stageReload(A)
    await boundary(handle, A)
    await connected(handle, A, ['new'])
    expect(handle.tools().map(({ name }) => name)).toEqual(['new'])
    expect(handle.surfaceSnapshot(A)).toMatchObject({ inflightCalls: 1, retiring: [{ generation: before }] })
    expect((await handle.callFinished(A, before)).effects).toEqual([
      { type: 'CloseSurfaceConnection', surfaceId: A, generation: before },
    ])
    expect(handle.surfaceSnapshot(A)).toMatchObject({ inflightCalls: 0, retiring: [] })
  })
})

describe('a removal', () => {
  test('takes no new call, and is clean when the last one has ended', async () => {
    const handle = await surfaces()
    await added(handle, A)
    await handle.callStarted(A)
    await handle.stageRemove(A)
    await boundary(handle, A)
    expect([handle.visibleSurfaces(), handle.removingSurfaces()]).toEqual([[], [A]])
    expect(handle.surfaceSnapshot(A)).toMatchObject({
      removalDrainingSinceMs: 1000,
      removalTimeoutAtMs: 31_000,
      removalAppliedAtTurn: 1,
    })
    expect((await handle.callStarted(A)).effects).toEqual([
      { type: 'RejectSurfaceCall', surfaceId: A, cause: 'surface_draining' },
    ])
    await expect(handle.finalizeRemovalClean(A)).rejects.toEqual(guardRejected)
    await handle.callFinished(A)
    expect(types(await handle.finalizeRemovalClean(A))).toEqual([
      'CloseSurfaceConnection',
      'RefreshVisibleSurfaceSet',
      'EmitExternalToolDelta',
    ])
    expect(handle.surfaceSnapshot(A)?.baseState).toBe('Removed')
  })

  test('is forced when its time is up, and calls of it are counted no more', async () => {
    const handle = await surfaces()
    await handle.setRemovalTimeout(50)
    await added(handle, A)
    await handle.callStarted(A)
    await handle.stageRemove(A)
    await boundary(handle, A)
    expect(handle.surfaceSnapshot(A)?.removalTimeoutAtMs).toBe(1050)
    expect((await handle.finalizeRemovalForced(A)).effects.at(-1)).toMatchObject({ phase: 'Forced' })
    expect(handle.surfaceSnapshot(A)).toMatchObject({ baseState: 'Removed', inflightCalls: 0 })
    expect((await handle.callStarted(A)).effects).toMatchObject([{ cause: 'surface_unavailable' }])
  })
})

describe('all surfaces', () => {
  test('of one name for two tools the first keeps it, the other is shadowed and still there', async () => {
    const handle = await surfaces()
    await added(handle, B, ['read'])
    await added(handle, A, ['read', 'write'])
    expect(handle.tools()).toMatchObject([
      { name: 'read', surfaceId: B },
      { name: 'read', surfaceId: A, shadowedBy: B },
      { name: 'write', surfaceId: A },
    ])
    expect(handle.tools()[0]).not.toHaveProperty('shadowedBy')
  })

  test('are told of in one piece, with how current the published list is', async () => {
    const handle = await surfaces()
    await added(handle, B)
    await handle.register(A)
    const snapshotEpoch = handle.snapshotEpoch()
    expect(handle.snapshotAlignedEpoch()).not.toBe(snapshotEpoch)
    await handle.snapshotAligned(snapshotEpoch)
    expect(handle.snapshotAlignedEpoch()).toBe(snapshotEpoch)
    await expect(handle.snapshotAligned(snapshotEpoch + 1)).rejects.toEqual(guardRejected)
    expect(handle.diagnosticSnapshot()).toMatchObject({
      surfacePhase: 'operating',
      known: [A, B],
      visible: [B],
      snapshotEpoch,
      snapshotAlignedEpoch: snapshotEpoch,
      hasPendingOrStaged: false,
      entries: [
        { surfaceId: A, baseState: 'Absent' },
        { surfaceId: B, baseState: 'Active' },
      ],
    })
    expect(handle.surfaceSnapshot('c' as SurfaceId)).toBeUndefined()
  })

  test('begin nothing after a shutdown, and end what they have', async () => {
    const handle = await surfaces()
    await added(handle, A)
    await handle.callStarted(A)
    expect(await handle.shutdownSurface()).toMatchObject({ phase: 'shutdown' })
    await expect(handle.stageAdd(B)).rejects.toMatchObject({ kind: 'no-matching-transition' })
    expect(await handle.callFinished(A)).toEqual({ phase: 'shutdown', effects: [] })
  })

  test('take any input by its name', async () => {
    const handle = await surfaces()
    await handle.applySurfaceInput({ type: 'StageAdd', surfaceId: A })
    expect(handle.surfaceSnapshot(A)?.stagedOp).toBe('Add')
    await handle.applySurfaceInput({ type: 'SetRemovalTimeout', timeoutMs: 5 })
    expect(await handle.applySurfaceInput({ type: 'Shutdown' })).toEqual({ phase: 'shutdown', effects: [] })
  })

  test('are gone with their registration', async () => {
    const { machine, bindings } = await served()
    await added(bindings.externalToolSurface, A)
    await machine.unregisterSession(S)
    const fresh = await machine.prepareBindings(S)
    expect(fresh.externalToolSurface.diagnosticSnapshot().known).toEqual([])
    await expect(bindings.externalToolSurface.stageAdd(A)).rejects.toMatchObject({ kind: 'no-matching-transition' })
  })
})
