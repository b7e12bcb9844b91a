/** Every surface before the real runtime: what it answers is what the table says. */
import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, MeerkatError } from '../../src/index.ts'
import { operationNamed } from '../../src/surfaces/operations.ts'
import { serve } from '../../src/surfaces/server.ts'
import { inProcessSurfaces } from './support/surfaces.ts'

type Ask = (name: string, params: unknown) => Promise<Record<string, unknown>>

describe.each(inProcessSurfaces)('$name', surface => {
  test('a conversation is held, read back, forked, stopped and resumed', async () => {
    await using runtime = await createRuntime({ executor: echo() })
    await using open = await surface.open(runtime)
    const ask: Ask = async (name, params) => {
      const result: unknown = JSON.parse(JSON.stringify(await open.call(name, params)))
      expect({ name, result: operationNamed(name).output.parse(result) }).toEqual({ name, result })
      return result as Record<string, unknown>
    }
    const refused = async (name: string, params: unknown): Promise<unknown> =>
      open.call(name, params).catch((error: unknown) => (error instanceof MeerkatError ? error.code : error))

    const a = { sessionId: 'a' }
    expect(await ask('runtime/info', {})).toMatchObject({ store: 'memory:', executor: 'echo' })
    expect(await ask('session/open', { ...a, title: 'A', labels: { team: 'ops' } })).toMatchObject({
      session: { id: 'a' },
    })
    expect(await refused('session/open', { ...a, title: 'B' })).toBe('session-conflict')
    const first = await ask('input/send', { ...a, content: 'hello', idempotencyKey: 'k', waitMs: 10_000 })
    expect(first).toMatchObject({
      outcome: 'accepted',
      status: 'consumed',
      result: { outcome: 'completed', text: 'hello' },
    })
    const { inputId } = first
    expect(await ask('input/send', { ...a, content: 'hello', idempotencyKey: 'k', waitMs: 10_000 })).toMatchObject({
      outcome: 'deduplicated',
      inputId,
      result: { text: 'hello' },
    })
    expect(await refused('input/send', { ...a, content: 'other', idempotencyKey: 'k' })).toBe('idempotency-conflict')
    const parts = [
      { type: 'json', value: { deep: [1] } },
      { type: 'file', mediaType: 'text/plain', data: 'aGk=' },
    ]
    expect(await ask('input/send', { ...a, content: parts, waitMs: 10_000 })).toMatchObject({ status: 'consumed' })
    expect(await ask('input/get', { ...a, idempotencyKey: 'k' })).toMatchObject({ input: { id: inputId, attempts: 1 } })
    expect(await ask('input/wait', { ...a, inputId, waitMs: 0 })).toMatchObject({ status: 'consumed' })
    expect(await ask('input/withdraw', { ...a, inputId })).toMatchObject({ withdrawn: false })
    const { inputs, next } = (await ask('input/list', { ...a, limit: 1 })) as { inputs: unknown[]; next: string }
    expect(inputs).toHaveLength(1)
    expect(await ask('input/list', { ...a, after: next })).toMatchObject({ inputs: [{ content: parts }] })
    const { messages } = (await ask('session/history', a)) as { messages: { role: string }[] }
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(await ask('session/history', { ...a, after: 2 })).toMatchObject({ messages: [{ index: 3 }] })
    const { runs } = (await ask('run/list', a)) as { runs: { id: string }[] }
    expect(await ask('run/get', { ...a, runId: runs[0]?.id })).toMatchObject({ run: { state: 'completed' } })
    expect(await refused('run/get', { ...a, runId: 'none' })).toBe('run-not-found')
    expect(await ask('run/cancel', { ...a, when: 'boundary' })).toMatchObject({ cancelled: false })
    expect(await ask('session/fork', { ...a, newSessionId: 'b' })).toMatchObject({
      session: { forkOf: { sessionId: 'a' } },
    })
    expect(await ask('session/list', { label: 'team=ops' })).toMatchObject({ sessions: [{ id: 'a' }, { id: 'b' }] })
    expect(await ask('session/stop', a)).toMatchObject({ phase: 'stopped' })
    expect(await ask('session/explain', a)).toMatchObject({ runnable: false, phase: 'stopped' })
    expect(await ask('session/resume', a)).toMatchObject({ sessionId: 'a' })
    expect(await ask('session/audit', a)).toMatchObject({ ok: true })
    expect(await ask('call/list', a)).toEqual({ calls: [] })
    expect(await ask('approval/list', a)).toEqual({ approvals: [] })
    expect(await refused('call/resolve', { ...a, callId: 'none', resolution: 'retry' })).toBe('not-found')
    expect(await ask('tool/list', a)).toMatchObject({ tools: [] })
    expect(await ask('runtime/health', {})).toMatchObject({ status: 'ok' })
    expect(await refused('events/read', { after: 'nonsense' })).toBe('invalid-params')
    const { events, cursor } = (await ask('events/read', a)) as { events: { type: string }[]; cursor: string }
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['session.opened', 'input.accepted', 'run.completed']),
    )
    expect(await ask('events/read', { ...a, after: cursor, waitMs: 1 })).toEqual({ events: [], cursor })
  })
})

test('a client sees what happens while it happens, each event once, over any number of connections', async () => {
  await using runtime = await createRuntime({ executor: echo() })
  await using server = await serve({ runtime, port: 0 })
  const client = createClient({ url: server.url })
  await client.call('session/open', { sessionId: 'a' })
  const seen: string[] = []
  let after: string | undefined
  for (let round = 0; round < 10; round += 1) {
    const { inputId } = await client.call('input/send', { sessionId: 'a', content: `round ${round}` })
    for await (const event of client.events({ sessionId: 'a', ...(after === undefined ? {} : { after }) })) {
      after = event.cursor
      seen.push(event.cursor)
      if (event.type === 'input.consumed' && event.inputId === inputId) break
    }
  }
  const { events } = await client.call('events/read', { sessionId: 'a', limit: 1000 })
  const last = events.findIndex(({ cursor }) => cursor === after)
  expect(seen).toEqual(events.slice(0, last + 1).map(({ cursor }) => cursor))
})
