/** A steer that reaches the model while a call waits for a person. */
import { describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { manualClock, type ScriptedExecutor, type ScriptedRun, scriptedExecutor } from '../../src/testing/index.ts'
import { eventsOf, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

const hearing = (): ScriptedExecutor => scriptedExecutor(undefined, { hearsWhileParked: true })

/** Has the session ask for a call that nobody has decided on, and steers it. Answers the run that hears the steer. */
async function steered(runtime: Runtime, executor: ScriptedExecutor, steer = 'to staging only') {
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'deploy' })
  const first = await executor.next()
  await first.ask([{ id: 'c', tool: 'deploy', needsApproval: true }])
  first.end({ type: 'parked' })
  await until(runtime, 's', 'run.parked', event => event.runId === first.port.runId)
  const sent = await runtime.send('s', { content: steer, mode: 'steer' })
  return { inputId, steerId: sent.inputId, run: await executor.next() }
}

const rolesOf = ({ port }: ScriptedRun): readonly string[] => port.journal().map(({ role }) => role)
const say = (text: string) => ({ role: 'assistant', content: text }) as const

describe.each(STORES)('a steer of work that waits for an approval (%s)', kind => {
  test('is taken in at a boundary at once, and the model is asked with the call still pending', async () => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { steerId, run } = await steered(runtime, executor)
    expect(await runtime.input('s', { inputId: steerId })).toMatchObject({
      receipt: { type: 'steered', runId: run.port.runId, boundary: 1 },
    })
    expect(rolesOf(run)).toEqual(['user', 'assistant', 'user'])
    expect(run.port.journal().at(-1)?.content).toBe('to staging only')
    expect(run.port.calls()).toMatchObject([{ id: 'c', state: 'awaitingApproval' }])
    run.end({ type: 'parked', message: say('noted'), usage: { totalTokens: 5 }, turn: 2 })
    await until(runtime, 's', 'run.parked', event => event.runId === run.port.runId)
    expect(await runtime.approvals('s')).toMatchObject([{ id: 'c' }])
    await runtime.decide('s', 'c', { decision: 'allow' })
    const last = await executor.next()
    expect(rolesOf(last)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(last.port.turnsSoFar).toBe(2)
    expect(last.port.usageSoFar).toEqual({ totalTokens: 5 })
    await last.dispatch('c')
    await last.outcome('c', 'deployed')
    await last.boundary()
    last.answer('done', { usage: { totalTokens: 3 } })
    for (const inputId of [steerId]) {
      const { status, result } = await runtime.wait('s', inputId, LONG_MS)
      expect({ status, text: result?.text, usage: result?.usage }).toEqual({
        status: 'consumed',
        text: 'done',
        usage: { totalTokens: 8 },
      })
    }
    const { messages } = await runtime.history('s')
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'tool', 'assistant'])
    const calls = typesOf(await eventsOf(runtime, 's'), 'tool.started')
    expect(calls).toHaveLength(1)
  })

  test('may have the model make further calls, and each further steer is heard as well', async () => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { run } = await steered(runtime, executor)
    await run.ask([{ id: 'd', tool: 'look' }])
    await run.outcome('d', 'seen')
    expect(await run.boundary()).toEqual({ next: 'continue', steered: 0 })
    const second = await runtime.send('s', { content: 'and quickly', mode: 'steer' })
    run.end({ type: 'parked', message: say('looked') })
    const next = await executor.next()
    expect(await runtime.input('s', { inputId: second.inputId })).toMatchObject({
      receipt: { type: 'steered', runId: next.port.runId, boundary: 1 },
    })
    expect(next.port.journal().at(-1)?.content).toBe('and quickly')
    next.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked', event => event.runId === next.port.runId)
    expect(executor.applied).toHaveLength(3)
    expect(await runtime.approvals('s')).toMatchObject([{ id: 'c' }])
  })

  test('which was decided while the model was asked goes on in the same run', async () => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { run, steerId } = await steered(runtime, executor)
    await runtime.decide('s', 'c', { decision: 'deny', reason: 'not today' })
    run.end({ type: 'parked', message: say('noted') })
    const again = await executor.next()
    expect(again.port.runId).toBe(run.port.runId)
    expect(rolesOf(again)).toEqual(['user', 'assistant', 'user', 'tool', 'assistant'])
    expect(JSON.stringify(again.port.journal())).toContain('not today')
    again.answer('then not')
    expect(await runtime.wait('s', steerId, LONG_MS)).toMatchObject({ status: 'consumed' })
  })

  test('was sent before it began to wait', async () => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'deploy' })
    const first = await executor.next()
    await first.ask([{ id: 'c', needsApproval: true }])
    const { inputId } = await runtime.send('s', { content: 'stop that', mode: 'steer' })
    first.end({ type: 'parked' })
    const run = await executor.next()
    expect(await runtime.input('s', { inputId })).toMatchObject({
      receipt: { type: 'steered', runId: run.port.runId, boundary: 1 },
    })
    run.end({ type: 'parked' })
  })

  test.each(['now', 'boundary'] as const)('is cancelled with it: %s', async when => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, steerId, run } = await steered(runtime, executor)
    expect(await runtime.cancel('s', { when })).toMatchObject({ cancelled: true, runId: run.port.runId })
    run.end({ type: 'parked', message: say('noted') })
    for (const id of [inputId, steerId])
      expect(await runtime.wait('s', id, LONG_MS)).toMatchObject({
        status: 'abandoned',
        result: { outcome: 'cancelled' },
      })
    expect(await runtime.approvals('s')).toEqual([])
    const { messages } = await runtime.history('s')
    expect(JSON.stringify(messages)).toContain('The call was not made')
  })

  test('is cancelled with it once both wait again', async () => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, steerId, run } = await steered(runtime, executor)
    run.end({ type: 'parked', message: say('noted') })
    await until(runtime, 's', 'run.parked', event => event.runId === run.port.runId)
    expect(await runtime.cancel('s')).toMatchObject({ cancelled: true, endedInputs: [inputId, steerId] })
    expect(await runtime.approvals('s')).toEqual([])
  })

  test.each(['first', 'second'] as const)('is cancelled with it by the id of the %s run that parked', async which => {
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, steerId, run } = await steered(runtime, executor)
    run.end({ type: 'parked', message: say('noted') })
    await until(runtime, 's', 'run.parked', event => event.runId === run.port.runId)
    const runId = which === 'first' ? executor.applied[0]?.port.runId : run.port.runId
    expect(await runtime.cancel('s', { runId: runId ?? '' })).toMatchObject({
      cancelled: true,
      endedInputs: [inputId, steerId],
    })
  })

  test('leaves the call its expiry', async () => {
    const clock = manualClock()
    const executor = hearing()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'deploy' })
    const first = await executor.next()
    await first.ask([{ id: 'c', needsApproval: true, expiry: { afterMs: 5_000, decision: 'deny' } }])
    first.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    await runtime.send('s', { content: 'well?', mode: 'steer' })
    const run = await executor.next()
    clock.advance(5_000)
    await until(runtime, 's', 'tool.approval-decided')
    run.end({ type: 'parked', message: say('still waiting') })
    const again = await executor.next()
    expect(JSON.stringify(again.port.journal())).toContain('no decision came by')
    again.answer('not deployed')
    await until(runtime, 's', 'input.consumed')
  })

  test('is heard by the next process where the first one died', async () => {
    const store = freshStore(kind)
    const dying = hearing()
    const first = await start({ store, executor: dying })
    const { steerId, run } = await steered(first, dying)
    const executor = hearing()
    await first.close()
    run.end({ type: 'parked' })
    const runtime = await start({ store, executor })
    const next = await executor.next()
    expect(rolesOf(next)).toEqual(['user', 'assistant', 'user'])
    expect(next.port.calls()).toMatchObject([{ id: 'c', state: 'awaitingApproval' }])
    next.end({ type: 'parked', message: say('noted') })
    await until(runtime, 's', 'run.parked', event => event.runId === next.port.runId)
    await runtime.decide('s', 'c', { decision: 'deny' })
    const last = await executor.next()
    expect(rolesOf(last)).toEqual(['user', 'assistant', 'user', 'assistant', 'tool'])
    last.answer('then not')
    expect(await runtime.wait('s', steerId, LONG_MS)).toMatchObject({ status: 'consumed' })
  })

  test('does not disturb an executor that is called once all is decided', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'deploy' })
    const first = await executor.next()
    await first.ask([{ id: 'c', needsApproval: true }])
    first.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    const { inputId } = await runtime.send('s', { content: 'stop that', mode: 'steer' })
    await runtime.explain('s')
    expect(executor.applied).toHaveLength(1)
    expect(await runtime.input('s', { inputId })).not.toHaveProperty('receipt')
  })
})
