/** The asynchronous work of a session, as those see it who do it. */
import { afterEach, describe, expect, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { OpsLifecycleError, type OpsLifecycleRegistry } from '../../src/host/operations.ts'
import type { OperationId, RunId, SessionId } from '../../src/kernel/ids.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { freshPath } from '../store/support/files.ts'

const S = 's' as SessionId
const open: MeerkatMachine[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(machine => machine.close()))
})

async function machineOn(store?: StoreSource): Promise<MeerkatMachine> {
  const machine = await (store === undefined ? MeerkatMachine.ephemeral() : MeerkatMachine.persistent(store))
  open.push(machine)
  return machine
}

async function opsOf(machine: MeerkatMachine, sessionId = S): Promise<OpsLifecycleRegistry> {
  const { opsLifecycle } = await machine.prepareBindings(sessionId)
  if (opsLifecycle === undefined) throw new Error('a session of a machine has a registry')
  return opsLifecycle
}

const ops = async (): Promise<OpsLifecycleRegistry> => opsOf(await machineOn())
const TOOL = { kind: 'background-tool-op', title: 'a download' } as const

async function refusal(act: Promise<unknown>): Promise<OpsLifecycleError['kind']> {
  try {
    await act
  } catch (error) {
    if (error instanceof OpsLifecycleError) return error.kind
    throw error
  }
  throw new Error('it was not refused')
}

describe('an operation', () => {
  test('is registered, started, reported on, reached and ended, and its watcher hears how', async () => {
    const registry = await ops()
    const id = await registry.register({ kind: 'mob-member-child', title: 'a member' })
    expect(registry.snapshot(id)).toMatchObject({ status: 'provisioning', progress: 0 })
    const watched = registry.watch(id)
    await registry.started(id)
    await registry.progress(id)
    await registry.peerReady(id)
    expect(registry.snapshot(id)).toMatchObject({ status: 'running', progress: 1, peerReady: true })
    await registry.complete(id, { output: 7 })
    expect(await watched).toBe('completed')
    expect(registry.snapshot(id)).toMatchObject({ status: 'completed', seq: 1 })
    expect(await registry.watch(id)).toBe('completed')
  })

  test.for([
    ['failed', (registry: OpsLifecycleRegistry, id: OperationId) => registry.fail(id, { error: 'no' })],
    ['cancelled', (registry: OpsLifecycleRegistry, id: OperationId) => registry.cancel(id)],
    ['retired', (registry: OpsLifecycleRegistry, id: OperationId) => registry.retired(id)],
    ['terminated', (registry: OpsLifecycleRegistry) => registry.terminateOwner('asked')],
  ] as const)('that ends %s says so', async ([how, end]) => {
    const registry = await ops()
    const id = await registry.register(TOOL)
    await registry.started(id)
    const watched = registry.watch(id)
    await end(registry, id)
    expect(await watched).toBe(how)
  })

  test('is refused by kind where it can not be so, and what is so already is done', async () => {
    const registry = await ops()
    const id = await registry.register(TOOL)
    expect(await refusal(registry.complete(id))).toBe('invalid-transition')
    await registry.started(id)
    await registry.started(id)
    expect(await refusal(registry.peerReady(id))).toBe('peer-not-expected')
    expect(await refusal(registry.started('x' as OperationId))).toBe('not-found')
    await registry.complete(id)
    expect(await refusal(registry.fail(id))).toBe('invalid-transition')
    expect(await refusal(registry.watch('x' as OperationId))).toBe('not-found')
  })

  test('waits for room where only so many may be unfinished', async () => {
    const registry = await ops()
    const bounded = { ...TOOL, maxConcurrent: 2 }
    const first = await registry.register(bounded)
    await registry.register(bounded)
    expect(await refusal(registry.register(bounded))).toBe('max-concurrent-exceeded')
    await registry.abort(first)
    await registry.register(bounded)
  })

  test('belongs to one session', async () => {
    const machine = await machineOn()
    const [mine, other] = [await opsOf(machine), await opsOf(machine, 't' as SessionId)]
    const id = await mine.register(TOOL)
    expect(other.snapshot(id)).toBeUndefined()
  })
})

test('completions are listed from a cursor on, which never goes back', async () => {
  const registry = await ops()
  for (const _ of [1, 2, 3]) {
    const id = await registry.register({ kind: 'mob-member-child', title: 'a member' })
    await registry.started(id)
    await registry.complete(id)
  }
  expect(registry.completions(1).map(({ seq }) => seq)).toEqual([2, 3])
  await registry.advanceCursor('agentApplied', 2)
  await registry.advanceCursor('agentApplied', 1)
  expect(registry.cursors.agentApplied).toBe(2)
  await expect(registry.advanceCursor('agentApplied', 9)).rejects.toThrow('hasHappened')
})

test('a run waits for all of its operations, and for one wait at a time', async () => {
  const machine = await machineOn()
  const registry = await opsOf(machine)
  const started = Promise.withResolvers<RunId>()
  const gate = Promise.withResolvers<void>()
  const executor: CoreExecutor = {
    name: 'waiting',
    apply: async port => {
      started.resolve(port.runId)
      await gate.promise
      return { type: 'completed', turn: 1, message: { role: 'assistant', content: 'done' } }
    },
  }
  await machine.registerSessionWithExecutor(S, executor)
  const [a, b] = [await registry.register(TOOL), await registry.register(TOOL)]
  await Promise.all([registry.started(a), registry.started(b)])
  await machine.acceptInput(S, { content: 'go' })
  const runId = await started.promise
  let done = false
  const waited = registry.waitAll(runId, [a, b]).then(() => {
    done = true
  })
  expect(await refusal(registry.waitAll(runId, [a, a]))).toBe('duplicate-wait-operation')
  await registry.complete(a)
  expect(await refusal(registry.waitAll(runId, [b]))).toBe('wait-already-active')
  expect(done).toBe(false)
  await registry.fail(b)
  await waited
  expect(done).toBe(true)
  const cancelled = new AbortController()
  const c = await registry.register(TOOL)
  await registry.started(c)
  const given = registry.waitAll(runId, [c], cancelled.signal)
  cancelled.abort(new Error('called off'))
  await expect(given).rejects.toThrow('called off')
  await registry.waitAll(runId, [a])
  gate.resolve()
})

test('what ended is known to the next process, and what only this one did has ended with it', async () => {
  const path = freshPath()
  const first = await MeerkatMachine.persistent(sqlite(path))
  const before = await opsOf(first)
  const ended = await before.register({ kind: 'mob-member-child', title: 'a member' })
  await before.started(ended)
  await before.complete(ended)
  const lost = await before.register({ kind: 'mob-member-child', title: 'another' })
  await before.started(lost)
  const { epochId } = await first.prepareBindings(S)
  await first.close()

  const second = await machineOn(sqlite(path))
  const after = await opsOf(second)
  expect((await second.prepareBindings(S)).epochId).toBe(epochId)
  expect(after.snapshot(ended)).toMatchObject({ status: 'completed', seq: 1 })
  expect(after.snapshot(lost)).toMatchObject({ status: 'terminated', seq: 2 })
  expect(after.completions(1).map(({ id }) => id)).toEqual([lost])
})
