/** What an answer cost: of all attempts, and with a mark where nobody knows all of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { agentOn, lookup } from '../support/agent-run.ts'
import { cut, gate, type OpenAiServer, startOpenAiServer, status, text, toolCalls } from '../support/openai-server.ts'
import { freshStore, LONG_MS, STORES, start, until } from './support.ts'

async function usageOf(runtime: Runtime, inputId: string) {
  const { result } = await runtime.wait('s', inputId, LONG_MS)
  return result?.usage
}

describe.each(STORES)('the usage of an answer (%s)', kind => {
  test('says that it is not all where an attempt failed', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    const first = await executor.next()
    await first.ask([{ id: 'c', policy: 'retry' }], '', { totalTokens: 7, calls: 1 })
    first.throw(new Error('broken'))
    const second = await executor.next()
    await second.dispatch('c')
    await second.outcome('c')
    await second.boundary()
    second.answer('hello', { usage: { totalTokens: 5, calls: 1 } })
    expect(await usageOf(runtime, inputId)).toEqual({ totalTokens: 12, calls: 2, unmeasured: true })
  })

  test('says so where nothing of the attempts is known, also if all of them failed', async () => {
    const executor = scriptedExecutor(() => {
      throw new Error('broken')
    })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    expect(await usageOf(runtime, inputId)).toEqual({ unmeasured: true })
  })

  test('says so where a process left in the middle of a run', async () => {
    const store = freshStore(kind)
    const leaving = scriptedExecutor()
    const before = await start({ store, executor: leaving })
    await before.open({ sessionId: 's' })
    const { inputId } = await before.send('s', { content: 'hi' })
    await leaving.next()
    await before.close()
    const executor = scriptedExecutor(() => ({ type: 'completed', usage: { totalTokens: 5 } }))
    const runtime = await start({ store, executor })
    expect(await usageOf(runtime, inputId)).toEqual({ totalTokens: 5, unmeasured: true })
  })

  test('says so where a run was cancelled and its executor did not say', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    const run = await executor.next()
    await runtime.cancel('s', { when: 'now' })
    run.throw(new Error('aborted'))
    expect(await usageOf(runtime, inputId)).toEqual({ unmeasured: true })
  })

  test('is whole where work waited for a person', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    const first = await executor.next()
    await first.ask([{ id: 'c', needsApproval: true }], '', { totalTokens: 7 })
    first.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    await runtime.decide('s', 'c', { decision: 'deny' })
    const second = await executor.next()
    await second.boundary()
    second.answer('no', { usage: { totalTokens: 5 } })
    expect(await usageOf(runtime, inputId)).toEqual({ totalTokens: 12 })
  })

  test('counts what was said before a steer joined at the end, also across a crash', async () => {
    const store = freshStore(kind)
    const leaving = scriptedExecutor()
    const before = await start({ store, executor: leaving })
    await before.open({ sessionId: 's' })
    const { inputId } = await before.send('s', { content: 'hi' })
    const first = await leaving.next()
    await before.send('s', { content: 'and', mode: 'steer' })
    first.answer('hello', { usage: { totalTokens: 7 } })
    await leaving.next()
    await before.close()
    const executor = scriptedExecutor(() => ({ type: 'completed', usage: { totalTokens: 5 } }))
    const runtime = await start({ store, executor })
    expect(await usageOf(runtime, inputId)).toEqual({ totalTokens: 12, unmeasured: true })
  })
})

describe('the usage that the agent reports', () => {
  let server: OpenAiServer

  beforeEach(async () => {
    server = await startOpenAiServer()
  })
  afterEach(async () => {
    await server.close()
    server.assertOrderly()
    expect(server.unused).toBe(0)
  })

  async function usageAfter(...replies: Parameters<OpenAiServer['script']>[0]) {
    server.script(replies)
    const executor = agentOn(server, { tools: [lookup()], retryDelayMs: 1 })
    const runtime = await start({ store: freshStore('memory'), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    return usageOf(runtime, inputId)
  }

  test('is whole where a call was refused before the model read it', async () => {
    expect(await usageAfter(status(429), text('hello'))).toMatchObject({ calls: 1 })
    expect(await usageAfter(status(429), text('hello'))).not.toHaveProperty('unmeasured')
  })

  test('says that it is not all where an answer broke off', async () => {
    expect(await usageAfter(cut(text('hello there, how are you'), 2), text('hello'))).toMatchObject({
      calls: 2,
      unmeasured: true,
      totalTokens: expect.any(Number) as number,
    })
  })

  test('says so where a provider counts nothing', async () => {
    expect(await usageAfter(text({ chunks: ['hello'], usage: null }))).toEqual({ calls: 1, unmeasured: true })
  })

  test('keeps what retried calls cost in the record of the calls that they led to', async () => {
    const asks = toolCalls([{ id: 'c', name: 'look', args: { place: 'here' } }])
    expect(await usageAfter(cut(text('hello there, how are you'), 2), asks, text('hello'))).toMatchObject({
      calls: 3,
      unmeasured: true,
    })
  })

  test('says so where a call was cancelled in the middle', async () => {
    const opening = gate()
    server.script([text({ chunks: ['hel', opening, 'lo'] })])
    const runtime = await start({ store: freshStore('memory'), executor: agentOn(server) })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'hi' })
    await opening.reached
    await runtime.cancel('s', { when: 'now' })
    expect(await usageOf(runtime, inputId)).toEqual({ calls: 1, unmeasured: true })
  })
})
