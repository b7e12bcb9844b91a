/** Asynchronous work beside the turns: its numbers, its bounds, and what of it is found again. */
import { decodeState } from 'meerkat-ts/kernel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { OpsLifecycleError, type OpsLifecycleRegistry } from '../../src/host/operations.ts'
import type { OperationId } from '../../src/kernel/ids.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { type FaultyStoreControl, faultyStore, scriptedExecutor } from '../../src/testing/index.ts'
import { answering, failure, S } from '../host/support/machines.ts'
import { freshPath } from '../store/support/files.ts'

const TOOL = { kind: 'background-tool-op', title: 'a download' } as const
const SLOT = { kind: 'background-tool-capacity-slot', title: 'a place' } as const

async function on(store: StoreSource): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(store)
  onTestFinished(() => machine.close())
  return machine
}

async function opsOn(store: StoreSource) {
  const machine = await on(store)
  await machine.registerSession(S)
  return { machine, ops: machine.opsLifecycleRegistry(S) }
}

/** Registers an operation and brings it to its end. */
async function done(ops: OpsLifecycleRegistry, nature: typeof TOOL | typeof SLOT): Promise<OperationId> {
  const id = await ops.register(nature)
  await ops.started(id)
  await ops.complete(id)
  return id
}

const numbers = (ops: OpsLifecycleRegistry, after = 0) => ops.completions(after).map(({ id, seq }) => [id, seq])

describe('ops_lifecycle_contract and ops_lifecycle_persistence', () => {
  // Oracle 94.
  test('an operation says when it was begun and when it ended', async () => {
    const { machine, ops } = await opsOn(sqlite(freshPath()))
    const id = await done(ops, TOOL)
    const { startedAt, endedAt = '' } = await machine.runtime.operation(S, id)
    expect(Date.parse(startedAt)).toBeGreaterThan(0)
    expect(Date.parse(endedAt)).toBeGreaterThanOrEqual(Date.parse(startedAt))
  })

  // Oracle 95.
  test('one that could not even begin has failed, and its watcher hears so', async () => {
    const { machine, ops } = await opsOn(sqlite(freshPath()))
    const id = await ops.register(TOOL)
    const watched = ops.watch(id)
    await ops.fail(id, { error: 'no place to put it' })
    expect(await watched).toBe('failed')
    expect(await machine.runtime.operation(S, id)).toMatchObject({ status: 'failed', error: 'no place to put it' })
  })

  // Oracle 95.
  test.each([
    ['cancelled', (ops: OpsLifecycleRegistry, id: OperationId) => ops.cancel(id)],
    ['retired', (ops: OpsLifecycleRegistry, id: OperationId) => ops.retired(id)],
    ['terminated', (ops: OpsLifecycleRegistry) => ops.terminateOwner('asked')],
  ] as const)('one that ended %s is found so, by the next process too', async (status, end) => {
    const path = freshPath()
    const { machine, ops } = await opsOn(sqlite(path))
    const id = await ops.register(TOOL)
    await ops.started(id)
    await end(ops, id)
    expect(await machine.runtime.operation(S, id)).toMatchObject({ status, title: 'a download' })
    await machine.close()
    const next = await on(sqlite(path))
    expect(await next.runtime.operation(S, id)).toMatchObject({ status, title: 'a download' })
  })

  // Oracle 109.
  test('what it stands for is told to the session after a restart, too', async () => {
    const path = freshPath()
    const first = await opsOn(sqlite(path))
    const id = await first.ops.register({ ...TOOL, resumable: true })
    await first.ops.started(id)
    await first.machine.close()
    const { machine, ops } = await opsOn(sqlite(path))
    const executor = scriptedExecutor(() => 'heard')
    await machine.registerSessionWithExecutor(S, executor)
    await ops.complete(id, { output: 'all of it' })
    const [told] = (await machine.runtime.inputs(S, {})).items
    expect(told?.content).toContain('"a download"')
    expect(told?.content).toContain('all of it')
    expect(await machine.runtime.wait(S, told?.id ?? '', 15_000)).toMatchObject({ status: 'consumed' })
  })

  // Oracle 100.
  test('what ended is read once: a reader that has taken it in finds nothing more', async () => {
    const { ops } = await opsOn(sqlite(freshPath()))
    const ids = [await done(ops, TOOL), await done(ops, TOOL)]
    const found = ops.completions(ops.cursors.runtimeObserved)
    expect(found.map(({ id, status }) => [id, status])).toEqual(ids.map(id => [id, 'completed']))
    await ops.advanceCursor('runtimeObserved', found.at(-1)?.seq ?? 0)
    expect(ops.completions(ops.cursors.runtimeObserved)).toEqual([])
  })

  // Oracle 101.
  test('one too many is told how many there are', async () => {
    const { ops } = await opsOn(sqlite(freshPath()))
    const bounded = { ...TOOL, maxConcurrent: 2 }
    await ops.register(bounded)
    await ops.register(bounded)
    const refused = ops.register(bounded)
    await expect(refused).rejects.toBeInstanceOf(OpsLifecycleError)
    await expect(refused).rejects.toThrow('max-concurrent-exceeded (2 are unfinished)')
    await ops.register(TOOL)
  })

  // Oracle 104.
  test('a number that a place took is no gap, neither now nor after a restart', async () => {
    const path = freshPath()
    const first = await opsOn(sqlite(path))
    await done(first.ops, SLOT)
    expect([numbers(first.ops), first.ops.droppedThrough]).toEqual([[], 0])
    const id = await done(first.ops, TOOL)
    expect([numbers(first.ops), first.ops.droppedThrough]).toEqual([[[id, 2]], 0])
    await first.machine.close()
    const { ops } = await opsOn(sqlite(path))
    expect([numbers(ops), ops.droppedThrough]).toEqual([[[id, 2]], 0])
  })

  // Oracle 106.
  test('a snapshot that knows nothing of operations has no gap in them, and their numbers begin at one', () => {
    const { operations } = decodeState('{"v":1,"lifecycle":{"phase":"idle"},"registration":{"phase":"queuing"}}')
    expect(operations).toMatchObject({ completions: 0, droppedThrough: 0, newestWaking: 0 })
  })

  // Oracles 103 and 107.
  test('ends that come in a burst are all found again, in their order, from where a reader was', async () => {
    const path = freshPath()
    const first = await opsOn(sqlite(path))
    const ids = await Promise.all(Array.from({ length: 40 }, () => first.ops.register(TOOL)))
    await Promise.all(ids.map(id => first.ops.started(id)))
    await Promise.all(ids.map((id, n) => (n % 2 === 0 ? first.ops.complete(id) : first.ops.fail(id, { error: 'no' }))))
    const told = numbers(first.ops)
    expect(told.map(([, seq]) => seq)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
    await first.ops.advanceCursor('agentApplied', 25)
    await first.machine.close()
    const { ops } = await opsOn(sqlite(path))
    expect(numbers(ops)).toEqual(told)
    expect(numbers(ops, ops.cursors.agentApplied)).toEqual(told.slice(25))
  })

  // Oracles 109 and 110.
  test('a session that can not be read is not registered, and keeps its epoch', async () => {
    const path = freshPath()
    const first = await on(sqlite(path))
    const { epochId } = await first.prepareBindings(S)
    await first.close()
    const control: FaultyStoreControl = { readsFail: true }
    const second = await on(faultyStore(sqlite(path), control))
    expect(await failure(second.registerSession(S))).toMatchObject({ code: 'store-unavailable' })
    expect(await failure(second.ensureSessionWithExecutor(S, answering))).toMatchObject({ code: 'store-unavailable' })
    await expect(second.prepareBindings(S)).rejects.toMatchObject({ kind: 'PrepareFailed' })
    expect([second.containsSession(S), second.sessionHasExecutor(S)]).toEqual([false, false])
    control.readsFail = false
    expect(await second.ensureSessionWithExecutor(S, answering)).toBe('Claimed')
    expect((await second.prepareBindings(S)).epochId).toBe(epochId)
  })
})
