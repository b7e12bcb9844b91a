/** A host leaves while a run is in progress: the run may end well, and who comes meanwhile is told to come again. */
import { expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, failure, S } from './support/machines.ts'

/** A session in the middle of a run, and its host about to leave it. */
async function leaving(graceMs?: number) {
  const machine = await ephemeral({ abortGraceMs: 20 })
  const executor = scriptedExecutor()
  await machine.registerSessionWithExecutor(S, executor)
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  const run = await executor.next()
  const left = machine.unregisterSession(S, graceMs === undefined ? {} : { graceMs })
  return { machine, completion, run, left, executor }
}

test('an answer that comes in the window is an answer, and the run is not aborted for it', async () => {
  const { completion, run, left } = await leaving()
  run.answer('done all the same')
  expect(await left).toBe(true)
  expect(run.port.signal.reason).not.toBe('cancelled')
  expect(await completion).toMatchObject({ status: 'consumed', result: { text: 'done all the same' } })
})

test('a run in the middle of its tools ends at its boundary', async () => {
  const { completion, run, left } = await leaving()
  await run.ask([{ id: 'c' }])
  await run.outcome('c')
  expect(await run.boundary()).toEqual({ next: 'cancelled' })
  run.end({ type: 'cancelled', turn: 1 })
  expect(await left).toBe(true)
  expect(await completion).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
})

test('a run that does not end in its time is cut off, and one that ignores that is given up', async () => {
  const { machine, completion, run, left } = await leaving(20)
  expect(await left).toBe(true)
  expect(run.port.signal.reason).toBe('cancelled')
  expect(await completion).toMatchObject({ status: 'abandoned' })
  expect(machine.containsSession(S)).toBe(false)
})

test('who comes while the host leaves is told to come again, in words', async () => {
  const { machine, run, left, completion } = await leaving(60_000)
  const isDraining = async (): Promise<boolean> =>
    (await machine.runtime.explain(S)).waitingFor.some(({ guard }) => guard === 'not-draining')
  while (!(await isDraining())) await Promise.resolve()
  const placement = { runtimeId: 'r' as never, fence: 1, generation: 1 }
  const early = [
    machine.acceptInput(S, { content: 'y' }),
    machine.acceptInputWithCompletion(S, { content: 'y' }),
    machine.runtime.send(S, { content: 'y' }),
    machine.registerSession(S),
    machine.registerSessionWithExecutor(S, { name: 'e', apply: () => new Promise(() => {}) }),
  ]
  for (const asked of early) {
    const refused = await failure(asked)
    expect(refused).toMatchObject({ code: 'not-ready', retryable: true, details: { draining: true } })
    expect(refused.message).not.toMatch(/unmet|isFaulty|notDraining/)
  }
  await expect(machine.prepareBindings(S, placement)).rejects.toMatchObject({ kind: 'PrepareFailed' })
  run.answer('done')
  await left
  expect(await completion).toMatchObject({ status: 'consumed' })
  await machine.registerSession(S)
  expect(await machine.acceptInput(S, { content: 'y' })).toMatchObject({ outcome: 'accepted' })
})

test('a cancel that was asked for before stays one', async () => {
  const machine = await ephemeral({ abortGraceMs: 20 })
  const executor = scriptedExecutor()
  await machine.registerSessionWithExecutor(S, executor)
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  const run = await executor.next()
  await machine.cancelAfterBoundary(S)
  const left = machine.unregisterSession(S)
  run.answer('too late')
  expect(await left).toBe(true)
  expect(await completion).toMatchObject({ status: 'abandoned', reason: 'cancelled', result: { text: 'too late' } })
})
