/** The epoch of a session's asynchronous work: a reset begins a new one, and what waits on the old one ends with it. */
import { expect, test } from 'vitest'
import type { OpsLifecycleRegistry } from '../../src/host/operations.ts'
import { answering, ephemeral, S } from './support/machines.ts'

async function started(ops: OpsLifecycleRegistry) {
  const id = await ops.register({ kind: 'background-tool-op', title: 'a job' })
  await ops.started(id)
  return id
}

test.each(['by the host', 'through the library'])('a reset begins an epoch (%s)', async way => {
  const machine = await ephemeral()
  await machine.registerSessionWithExecutor(S, answering())
  const old = await machine.prepareBindings(S)
  const ops = machine.opsLifecycleRegistry(S)
  const id = await started(ops)
  const ended = ops.watch(id)
  if (way === 'by the host') await machine.reset(S)
  else await machine.runtime.control(S, 'reset')
  expect(await ended).toBe('terminated')
  const next = await machine.prepareBindings(S)
  expect(next.epochId).not.toBe(old.epochId)
  expect(next.epochId).toBe(machine.seam.epochOf(S))
  await expect(old.sessionContext.contextAdvanced(9)).rejects.toMatchObject({ kind: 'no-matching-transition' })
  expect(await next.sessionContext.contextAdvanced(9)).toBe(true)
  const late = { runtimeId: 'r' as never, fence: 1, ...(old.epochId && { epochId: old.epochId }) }
  await expect(machine.prepareBindings(S, late)).rejects.toMatchObject({ kind: 'PrepareFailed' })
  expect(await machine.unregisterSessionIfEpoch(S, old.epochId as never)).toBe(false)
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  expect(await completion).toMatchObject({ status: 'consumed' })
  await started(machine.opsLifecycleRegistry(S))
})

test('a recycle, a stop with its resumption, and a registration that is repeated keep it, and what waits', async () => {
  const machine = await ephemeral()
  await machine.registerSessionWithExecutor(S, answering())
  const { epochId } = await machine.prepareBindings(S)
  const id = await started(machine.opsLifecycleRegistry(S))
  await machine.recycle(S)
  await machine.stopRuntimeExecutor(S)
  await machine.resume(S)
  await machine.registerSession(S)
  expect((await machine.prepareBindings(S)).epochId).toBe(epochId)
  expect(machine.opsLifecycleRegistry(S).snapshot(id)).toMatchObject({ status: 'running' })
})

test('a drain of the old epoch ends with it, and another one is started', async () => {
  const machine = await ephemeral()
  await machine.registerSessionWithExecutor(S, answering())
  const told = Promise.withResolvers<void>()
  await machine.drains.spawn(S, 'PersistentHost', signal => {
    signal.addEventListener('abort', () => told.resolve(), { once: true })
    return told.promise.then(() => 'Aborted')
  })
  await machine.reset(S)
  await told.promise
  await machine.drains.spawn(S, 'Timed', () => Promise.resolve('IdleTimeout'))
  expect(await machine.drains.wait(S, 1_000)).toBe(true)
})
