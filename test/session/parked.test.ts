/** Work that waits for a person: cancelled, steered and decided meanwhile. */
import { describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { manualClock, type ScriptedExecutor, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

/** Has the session ask for a call that nobody has decided on; answers the run that asked and what it works on. */
async function park(runtime: Runtime, executor: ScriptedExecutor, content: string, callId = 'c') {
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content })
  const run = await executor.next()
  await run.ask([{ id: callId, tool: 'deploy', needsApproval: true }])
  run.end({ type: 'parked' })
  const { runId } = await until(runtime, 's', 'run.parked', event => event.runId === run.port.runId)
  return { inputId, runId: runId ?? '' }
}

describe.each(STORES)('a cancel of a run that waits for an approval (%s)', kind => {
  test('by its id ends what it left, and nothing else', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, runId } = await park(runtime, executor, 'deploy')
    const behind = await runtime.send('s', { content: 'and then?' })
    expect(await runtime.cancel('s', { runId })).toEqual({ cancelled: true, runId, endedInputs: [inputId] })
    expect(await runtime.approvals('s')).toEqual([])
    expect(await codeOf(runtime.decide('s', 'c', { decision: 'allow' }))).toBe('not-found')
    const next = await executor.next()
    expect(next.said).toBe('and then?')
    expect(await runtime.cancel('s', { runId })).toMatchObject({ cancelled: false, alreadyEnded: true })
    next.answer('nothing')
    expect(await runtime.wait('s', behind.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
  })

  test('by its id does not reach the run that goes on after the decision', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, runId } = await park(runtime, executor, 'deploy')
    await runtime.decide('s', 'c', { decision: 'allow' })
    const next = await executor.next()
    expect(await runtime.cancel('s', { runId })).toMatchObject({
      cancelled: false,
      alreadyEnded: true,
      endedInputs: [],
    })
    await next.dispatch('c')
    await next.outcome('c', 'deployed')
    // It asks again: that is the next run's to answer for.
    await next.boundary()
    await next.ask([{ id: 'd', tool: 'deploy', needsApproval: true }])
    next.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked', event => event.runId === next.port.runId)
    expect(await runtime.cancel('s', { runId })).toMatchObject({
      cancelled: false,
      alreadyEnded: true,
      endedInputs: [],
    })
    expect(await runtime.cancel('s', { runId: next.port.runId })).toMatchObject({
      cancelled: true,
      endedInputs: [inputId],
    })
  })

  test('may be of its input, and the transcript keeps what was done', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId } = await park(runtime, executor, 'deploy')
    expect(await runtime.withdraw('s', inputId)).toMatchObject({ withdrawn: true })
    const { messages } = await runtime.history('s')
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'notice'])
  })

  test('with the queue ends both, and the transcript keeps what was done', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId, runId } = await park(runtime, executor, 'deploy')
    const behind = await runtime.send('s', { content: 'and then?' })
    expect(await runtime.cancel('s', { runId, queue: 'drop' })).toEqual({
      cancelled: true,
      runId,
      dropped: 1,
      endedInputs: [inputId, behind.inputId],
    })
    expect((await runtime.get('s')).unfinished).toBe(0)
    const { messages } = await runtime.history('s')
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'notice'])
  })

  test('means the same from another process', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const owner = await start({ store, executor })
    const other = await start({ store })
    const first = await park(owner, executor, 'deploy')
    // It stays the owner's while somebody waits.
    const watching = owner.wait('s', first.inputId, LONG_MS)
    expect(await other.cancel('s', { runId: first.runId })).toMatchObject({
      cancelled: true,
      endedInputs: [first.inputId],
    })
    expect(await watching).toMatchObject({ status: 'withdrawn' })
    const second = await park(owner, executor, 'deploy again', 'd')
    expect(await other.cancel('s')).toMatchObject({ cancelled: true, endedInputs: [second.inputId] })
    expect(await other.approvals('s')).toEqual([])
  })
})

describe.each(STORES)('a steer of work that waits for an approval (%s)', kind => {
  test.each(['allow', 'deny'] as const)('joins it and is heard with what was decided: %s', async decision => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const { inputId } = await park(runtime, executor, 'deploy')
    const steer = await runtime.send('s', { content: 'to staging only', mode: 'steer' })
    const behind = await runtime.send('s', { content: 'and then?' })
    expect(await runtime.approvals('s')).toMatchObject([{ id: 'c', inputId }])
    expect(executor.applied).toHaveLength(1)
    await runtime.decide('s', 'c', { decision })
    const run = await executor.next()
    expect(run.said).toBe('deploy')
    if (decision === 'allow') {
      await run.dispatch('c')
      await run.outcome('c', 'deployed')
    }
    expect(await run.boundary()).toEqual({ next: 'continue', steered: 1 })
    expect(run.port.journal().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
    run.answer('done')
    expect(await runtime.wait('s', steer.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({
      receipt: { type: 'steered', runId: run.port.runId, boundary: 1 },
    })
    const next = await executor.next()
    expect(next.said).toBe('and then?')
    next.answer('nothing')
    await runtime.wait('s', behind.inputId, LONG_MS)
  })

  test('that was sent before it began to wait joins it as well, and a cancel leaves it a turn', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', tool: 'deploy', needsApproval: true }])
    const steer = await runtime.send('s', { content: 'stop that', mode: 'steer' })
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({ status: 'queued' })
    expect(await runtime.cancel('s')).toMatchObject({ cancelled: true, endedInputs: [inputId] })
    const next = await executor.next()
    expect(next.said).toBe('stop that')
    next.answer('stopped')
    expect(await runtime.wait('s', steer.inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    expect(await runtime.input('s', { inputId: steer.inputId })).toMatchObject({ receipt: { type: 'queued' } })
  })
})

describe.each(STORES)('an approval that expires (%s)', kind => {
  test('counts as denied when its tool says so, and the model hears why', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true, expiry: { afterMs: 5_000, decision: 'deny' } }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    const [approval] = await runtime.approvals('s')
    const expiresAt = new Date(Date.parse(approval?.since ?? '') + 5_000).toISOString()
    expect(approval).toMatchObject({ expiresAt, onExpiry: 'deny' })
    expect(await runtime.calls('s', {})).toMatchObject([{ id: 'c', expiresAt, onExpiry: 'deny' }])
    const explained = await runtime.explain('s')
    expect(explained.waitingFor.map(({ text }) => text)).toContain(
      `a person to allow or deny the call of tool; it counts as denied in 5 s, at ${expiresAt}`,
    )
    expect(await until(runtime, 's', 'tool.approval-needed')).toMatchObject({
      callId: 'c',
      expiresAt,
      onExpiry: 'deny',
    })
    const reason = `no decision came by ${expiresAt}`
    clock.advance(4_999)
    await clock.idle()
    expect(await runtime.approvals('s')).toHaveLength(1)
    clock.advance(1)
    const next = await executor.next()
    expect(next.port.journal().at(-1)?.content).toMatchObject([
      { type: 'tool-result', callId: 'c', isError: true, output: `The call was not approved: ${reason}.` },
    ])
    const decided = await until(runtime, 's', 'tool.approval-decided')
    expect(decided).toMatchObject({ callId: 'c', decision: 'deny', reason })
    await next.boundary()
    next.answer('not deployed')
    await until(runtime, 's', 'input.consumed')
  })

  test('while nobody was there is decided by whoever comes next', async () => {
    const clock = manualClock()
    const store = freshStore(kind)
    const first = scriptedExecutor()
    const before = await start({ store, executor: first, clock })
    await before.open({ sessionId: 's' })
    await before.send('s', { content: 'deploy' })
    const run = await first.next()
    await run.ask([{ id: 'c', needsApproval: true, expiry: { afterMs: 60_000, decision: 'allow' } }])
    run.end({ type: 'parked' })
    await until(before, 's', 'run.parked')
    await before.close()
    clock.advance(90_000)
    const executor = scriptedExecutor()
    const runtime = await start({ store, executor, clock })
    const next = await executor.next()
    expect(next.port.calls()).toMatchObject([{ id: 'c', state: 'owed' }])
    await next.dispatch('c')
    await next.outcome('c', 'deployed')
    await next.boundary()
    next.answer('done')
    await until(runtime, 's', 'input.consumed')
  })

  test('is a person’s until then', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true, expiry: { afterMs: 5_000, decision: 'deny' } }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    await runtime.decide('s', 'c', { decision: 'allow' })
    const next = await executor.next()
    clock.advance(10_000)
    await next.dispatch('c')
    await next.outcome('c', 'deployed')
    await next.boundary()
    next.answer('done')
    await until(runtime, 's', 'input.consumed')
    expect(await codeOf(runtime.decide('s', 'c', { decision: 'deny' }))).toBe('not-found')
  })
})
