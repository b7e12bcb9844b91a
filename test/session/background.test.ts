/** Tool calls that answer "still running": what they come to is told, whoever owns the session by then. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { EventView } from '../../src/events.ts'
import { type AgentTool, stillRunning, tool } from '../../src/executor/agent/index.ts'
import type { OperationView } from '../../src/session/views.ts'
import { agentOn } from '../support/agent-run.ts'
import { lastUserText, type OpenAiServer, startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'
import { codeOf, eventsOf, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
})

interface Job {
  readonly finish: (output: string) => void
  readonly fail: (why: string) => void
}

/** A tool that begins jobs, and the jobs by their names. With `outside`, nobody in this process knows how they end. */
function jobs(more: { readonly outside?: true; readonly resume?: AgentTool['resume'] } = {}) {
  const begun = new Map<string, Job>()
  const build = tool({
    name: 'build',
    description: 'Builds a branch.',
    input: z.object({ branch: z.string() }),
    output: z.string(),
    onLost: 'fail',
    execute: ({ branch }) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      begun.set(branch, { finish: resolve, fail: why => reject(new Error(why)) })
      const finish = more.outside === true ? {} : { finish: promise }
      return stillRunning<string>({ title: `build of ${branch}`, handle: { branch }, ...finish })
    },
    ...(more.resume && { resume: more.resume as (handle: unknown) => Promise<string> }),
  })
  return { build, begun }
}

const asks = (...branches: readonly string[]) =>
  toolCalls(branches.map(branch => ({ id: branch, name: 'build', args: { branch } })))

/** What the model was told last, in the request with this index. */
function toldIn(index: number): string {
  const request = server.requests[index]
  return request === undefined ? '' : lastUserText(request.body)
}

describe.each(STORES)('work that goes on behind its answer (%s)', kind => {
  test('lets the turn go on, and wakes the idle session when it ends', async () => {
    const { build, begun } = jobs()
    server.script([asks('main'), text('It is being built.'), text('It is built.')])
    const runtime = await start({ store: freshStore(kind), executor: agentOn(server, { tools: [build] }) })
    await runtime.open({ sessionId: 's' })
    const sent = await runtime.send('s', { content: 'build main', waitMs: LONG_MS })
    expect(sent.result?.text).toBe('It is being built.')
    expect(await runtime.operations('s')).toMatchObject([
      { title: 'build of main', tool: 'build', status: 'running', kind: 'background-tool-op' },
    ])
    begun.get('main')?.finish('42 tests passed')
    const { inputId } = await until(runtime, 's', 'input.accepted', event => event.inputId !== sent.inputId)
    expect(await runtime.wait('s', inputId ?? '', LONG_MS)).toMatchObject({ result: { text: 'It is built.' } })
    expect(toldIn(2)).toContain('build of main')
    expect(toldIn(2)).toContain('42 tests passed')
    const [ended] = await runtime.operations('s')
    expect(ended).toMatchObject({ status: 'completed', output: '42 tests passed' })
    expect(ended).toEqual(await runtime.operation('s', ended?.id ?? ''))
    expect(ended?.endedAt).toMatch(/^\d{4}-/)
  })

  test('is told of once a batch: those that end while nobody listens make one input', async () => {
    const { build, begun } = jobs()
    server.script([asks('a', 'b', 'c'), text('begun')])
    const store = freshStore(kind)
    const first = await start({ store, executor: agentOn(server, { tools: [build] }) })
    await first.open({ sessionId: 's' })
    const sent = await first.send('s', { content: 'build all', waitMs: LONG_MS })
    await first.control('s', 'stop')
    begun.get('a')?.finish('A')
    begun.get('b')?.fail('no space left')
    begun.get('c')?.finish('C')
    await until(first, 's', 'operation.failed')
    const ended = (event: EventView): boolean =>
      event.type.startsWith('operation.') && event.type !== 'operation.started'
    await until(first, 's', 'operation.completed')
    while ((await eventsOf(first, 's')).filter(ended).length < 3) await first.events({ sessionId: 's', waitMs: 10 })
    server.script([text('heard of three')])
    await first.control('s', 'resume')
    await until(first, 's', 'input.accepted', event => event.inputId !== sent.inputId)
    const continuations = (await first.inputs('s', {})).items.filter(input => input.kind === 'continuation')
    expect(continuations).toHaveLength(1)
    const [told] = continuations
    await first.wait('s', told?.id ?? '', LONG_MS)
    expect(JSON.stringify(told?.content)).toContain('no space left')
    expect(JSON.stringify(told?.content)).toMatch(/build of a[\s\S]*build of b|build of b[\s\S]*build of a/)
  })

  test('ends with the process that ran it, and the session hears of that', async () => {
    const { build } = jobs()
    server.script([asks('main'), text('begun'), text('Then I build it again.')])
    const store = freshStore(kind)
    const first = await start({ store, executor: agentOn(server, { tools: [build] }) })
    await first.open({ sessionId: 's' })
    const sent = await first.send('s', { content: 'build main', waitMs: LONG_MS })
    await first.close()
    const second = await start({ store, executor: agentOn(server, { tools: [build] }) })
    await second.control('s', 'resume')
    const { inputId } = await until(second, 's', 'input.accepted', event => event.inputId !== sent.inputId)
    expect(await second.wait('s', inputId ?? '', LONG_MS)).toMatchObject({ result: { text: 'Then I build it again.' } })
    expect(typesOf(await eventsOf(second, 's'), 'operation.')).toEqual(['operation.started', 'operation.terminated'])
    expect(toldIn(2)).toContain('terminated')
  })

  test('is taken up by the next process where the tool can', async () => {
    const resumed = Promise.withResolvers<unknown>()
    const ended = Promise.withResolvers<string>()
    const { build } = jobs({
      resume: handle => {
        resumed.resolve(handle)
        return ended.promise
      },
    })
    server.script([asks('main'), text('begun'), text('It is built.')])
    const store = freshStore(kind)
    const first = await start({ store, executor: agentOn(server, { tools: [build] }) })
    await first.open({ sessionId: 's' })
    await first.send('s', { content: 'build main', waitMs: LONG_MS })
    await first.close()
    const second = await start({ store, executor: agentOn(server, { tools: [build] }) })
    await second.explain('s')
    await second.control('s', 'resume')
    expect(await resumed.promise).toEqual({ branch: 'main' })
    ended.resolve('built after all')
    const { output } = await eventually(second, 's', operation => operation.status === 'completed')
    expect(output).toBe('built after all')
  })

  test('that nobody here knows the end of is ended from outside, once', async () => {
    const { build } = jobs({ outside: true })
    server.script([asks('main'), text('begun'), text('heard')])
    const store = freshStore(kind)
    const runtime = await start({ store, executor: agentOn(server, { tools: [build] }) })
    const other = await start({ store })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'build main', waitMs: LONG_MS })
    const [operation] = await other.operations('s')
    const id = operation?.id ?? ''
    const done = await other.finishOperation('s', id, { outcome: 'completed', output: { url: 'https://x' } })
    expect(done).toMatchObject({ status: 'completed', output: { url: 'https://x' } })
    expect(await other.finishOperation('s', id, { outcome: 'completed' })).toMatchObject({ status: 'completed' })
    expect(await codeOf(other.finishOperation('s', id, { outcome: 'failed', error: 'no' }))).toBe('conflict')
    expect(await codeOf(other.finishOperation('s', 'nothing', { outcome: 'completed' }))).toBe('not-found')
    const [, told] = (await runtime.inputs('s', {})).items
    await runtime.wait('s', told?.id ?? '', LONG_MS)
    expect(toldIn(2)).toContain('https://x')
  })
})

/** The session's operation, once it is as wanted. */
async function eventually(
  runtime: Awaited<ReturnType<typeof start>>,
  sessionId: string,
  isWanted: (operation: OperationView) => boolean,
): Promise<OperationView> {
  for (let after = '0'; ; ) {
    const found = (await runtime.operations(sessionId)).find(isWanted)
    if (found !== undefined) return found
    const page = await runtime.events({ sessionId, after, waitMs: 10_000 })
    if (page.events.length === 0) throw new Error('no operation came to what was wanted')
    after = page.cursor
  }
}
