/** Every surface before the real runtime: what it answers is what the table says. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, MeerkatError, type Runtime } from '../../src/index.ts'
import { operationNamed } from '../../src/surfaces/operations.ts'
import { serve } from '../../src/surfaces/server.ts'
import { inProcessSurfaces, type OpenSurface } from './support/surfaces.ts'

const a = { sessionId: 'a' }

describe.each(inProcessSurfaces)('$name', surface => {
  let runtime: Runtime
  let open: OpenSurface

  beforeEach(async () => {
    runtime = await createRuntime({ executor: echo() })
    open = await surface.open(runtime)
    await ask('session/open', { ...a, title: 'A', labels: { team: 'ops' } })
  })
  afterEach(async () => {
    await open[Symbol.asyncDispose]()
    await runtime.close()
  })

  /** The result, which holds what the table says and nothing besides. */
  async function ask(name: string, params: unknown): Promise<Record<string, unknown>> {
    const result: unknown = JSON.parse(JSON.stringify(await open.call(name, params)))
    expect({ name, result: operationNamed(name).output.parse(result) }).toEqual({ name, result })
    return result as Record<string, unknown>
  }

  async function refused(name: string, params: unknown): Promise<unknown> {
    return open.call(name, params).catch((error: unknown) => (error instanceof MeerkatError ? error.code : error))
  }

  test('an input is answered, once, and found again', async () => {
    const first = await ask('input/send', { ...a, content: 'hello', idempotencyKey: 'k', waitMs: 10_000 })
    expect(first).toMatchObject({ outcome: 'accepted', status: 'consumed', result: { text: 'hello' } })
    const { inputId } = first
    const again = await ask('input/send', { ...a, content: 'hello', idempotencyKey: 'k', waitMs: 10_000 })
    expect(again).toMatchObject({ outcome: 'deduplicated', inputId, result: { text: 'hello' } })
    expect(await refused('input/send', { ...a, content: 'other', idempotencyKey: 'k' })).toBe('idempotency-conflict')
    expect(await ask('input/get', { ...a, idempotencyKey: 'k' })).toMatchObject({ input: { id: inputId, attempts: 1 } })
    expect(await ask('input/wait', { ...a, inputId, waitMs: 0 })).toMatchObject({ status: 'consumed' })
    expect(await ask('input/withdraw', { ...a, inputId })).toMatchObject({ withdrawn: false })
  })

  test('what was said is read page by page', async () => {
    const parts = [
      { type: 'json', value: { deep: [1] } },
      { type: 'file', mediaType: 'text/plain', data: 'aGk=' },
    ]
    await ask('input/send', { ...a, content: 'hello', waitMs: 10_000 })
    await ask('input/send', { ...a, content: parts, waitMs: 10_000 })
    const { next } = await ask('input/list', { ...a, limit: 1 })
    expect(await ask('input/list', { ...a, after: next })).toMatchObject({ inputs: [{ content: parts }] })
    const { messages } = (await ask('session/history', a)) as { messages: { role: string }[] }
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(await ask('session/history', { ...a, after: 2 })).toMatchObject({ messages: [{ index: 3 }] })
    const { runs } = (await ask('run/list', a)) as { runs: { id: string }[] }
    expect(await ask('run/get', { ...a, runId: runs[0]?.id })).toMatchObject({ run: { state: 'completed' } })
    expect(await refused('run/get', { ...a, runId: 'none' })).toBe('run-not-found')
  })

  test('a session is forked, stopped, resumed and explained', async () => {
    expect(await refused('session/open', { ...a, title: 'B' })).toBe('session-conflict')
    const fork = await ask('session/fork', { ...a, newSessionId: 'b' })
    expect(fork).toMatchObject({ session: { id: 'b', forkOf: { sessionId: 'a' } } })
    expect(await ask('session/list', { label: 'team=ops' })).toMatchObject({ sessions: [{ id: 'a' }, { id: 'b' }] })
    expect(await ask('run/cancel', { ...a, when: 'boundary' })).toMatchObject({ cancelled: false })
    expect(await ask('session/stop', a)).toMatchObject({ phase: 'stopped' })
    expect(await ask('session/explain', a)).toMatchObject({ runnable: false, phase: 'stopped' })
    expect(await ask('session/resume', a)).toMatchObject({ sessionId: 'a' })
    expect(await ask('session/audit', a)).toMatchObject({ ok: true })
  })

  test('what is empty is said to be empty, and the runtime says how it is', async () => {
    expect(await ask('call/list', a)).toEqual({ calls: [] })
    expect(await ask('approval/list', a)).toEqual({ approvals: [] })
    expect(await ask('tool/list', a)).toMatchObject({ tools: [] })
    expect(await refused('call/resolve', { ...a, callId: 'none', resolution: 'retry' })).toBe('not-found')
    expect(await ask('runtime/info', {})).toMatchObject({ executor: 'echo' })
    expect(await ask('runtime/health', {})).toMatchObject({ status: 'ok' })
  })

  test('events are read up to the last one and not beyond', async () => {
    await ask('input/send', { ...a, content: 'hello', waitMs: 10_000 })
    const { events, cursor } = (await ask('events/read', a)) as { events: { type: string }[]; cursor: string }
    const types = events.map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(['session.opened', 'input.accepted', 'run.completed']))
    expect(await ask('events/read', { ...a, after: cursor, waitMs: 1 })).toEqual({ events: [], cursor })
    expect(await refused('events/read', { after: 'nonsense' })).toBe('invalid-params')
  })
})

test('a client sees what happens while it happens, each event once, over any number of connections', async () => {
  await using runtime = await createRuntime({ executor: echo() })
  await using server = await serve({ runtime, port: 0 })
  const client = createClient({ url: server.url })
  await client.call('session/open', a)
  const seen: string[] = []
  for (let round = 0; round < 10; round += 1) {
    const { inputId } = await client.call('input/send', { ...a, content: `round ${round}` })
    const after = seen.at(-1)
    for await (const event of client.events({ ...a, ...(after === undefined ? {} : { after }) })) {
      seen.push(event.cursor)
      if (event.type === 'input.consumed' && event.inputId === inputId) break
    }
  }
  const { events } = await client.call('events/read', { ...a, limit: 1000 })
  const cursors = events.map(({ cursor }) => cursor)
  expect(seen).toEqual(cursors.slice(0, cursors.indexOf(seen.at(-1) ?? '') + 1))
})
