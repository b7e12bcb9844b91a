/** The operations table and its door, asked from within the process. */
import { expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { callOperation, operationNamed, operationNames, operations } from '../../src/surfaces/operations.ts'
import { FakeRuntime } from './support/fake-runtime.ts'

async function refusal(name: string, params: unknown): Promise<MeerkatError> {
  const error: unknown = await Promise.resolve()
    .then(() => operationNamed(name).call(new FakeRuntime(), params))
    .catch((thrown: unknown) => thrown)
  if (error instanceof MeerkatError) return error
  throw new Error(`expected a refusal, got ${JSON.stringify(error)}`)
}

test.each([
  [{ mediaType: 'png', data: 'AAAA' }, 'mediaType must be a media type such as image/png'],
  [{ mediaType: 'image/png\n', data: 'AAAA' }, 'mediaType must hold no control characters'],
  [{ mediaType: 'image/png', data: 'no base64!' }, 'data must be base64, or a data: or https: URL'],
  [{ mediaType: 'image/png', data: 'file:///etc/passwd' }, 'data must be base64, or a data: or https: URL'],
  [{ mediaType: 'image/png', data: `${' '.repeat(100_000)}!` }, 'data must be base64, or a data: or https: URL'],
])('a file of %j is refused', async (file, message) => {
  const error = await refusal('input/send', { sessionId: 'a', content: [{ type: 'file', ...file }] })
  expect(error).toMatchObject({ code: 'invalid-params' })
  expect(error.message).toContain(`content.0.${message}`)
})

test('every operation says in one sentence what it does', () => {
  for (const name of operationNames) expect(operations[name].doc).toMatch(/^[A-Z][^\n]+\.$/)
})

test.each([
  ['session/get', {}, 'sessionId is missing'],
  ['session/get', { sessionId: 4, x: 1 }, 'sessionId must be a string (and 1 more)'],
  ['session/get', null, 'params must be an object'],
  ['session/get', { sessionId: 'a\u0007' }, 'sessionId must hold no control characters'],
  ['session/get', { sessionId: 'a\ud800' }, 'sessionId must hold no control characters'],
  ['session/list', { limit: 1001 }, 'limit must be at most 1000'],
  ['session/list', { limit: -1 }, 'limit must be at least 1'],
  ['session/list', { limit: '5' }, 'limit must be a number'],
  ['session/list', { limit: 2.5 }, 'limit must be a whole number'],
  [
    'session/list',
    { phase: 'asleep' },
    'phase must be "initializing", "idle", "attached", "running", "retired", "stopped" or "destroyed"',
  ],
  ['session/open', { keepAlive: 'yes' }, 'keepAlive must be true or false'],
  ['session/open', { sessionId: 'x'.repeat(201) }, 'sessionId must be at most 200 characters long'],
  ['session/open', { tools: 'all' }, 'tools must be a list'],
  ['session/open', { labels: { a: 1 } }, 'labels.a must be a string'],
  ['input/send', { sessionId: 'a' }, 'content is missing: a string or a list'],
  ['input/send', { sessionId: 'a', content: 5 }, 'content must be a string or a list'],
  ['input/send', { sessionId: 'a', content: '' }, 'content must not be empty'],
  ['input/send', { sessionId: 'a', content: [{ type: 'no' }] }, 'content.0.type must be "text", "file" or "json"'],
  ['input/send', { sessionId: 'a', content: [{}] }, 'content.0.type is missing: "text", "file" or "json"'],
  ['input/get', { sessionId: 'a' }, 'inputId or idempotencyKey must be given, and only one of them'],
  ['session/opn', {}, 'there is no operation "session/opn": there are session/open, session/update'],
  ['nothing', {}, 'there is no operation "nothing": docs/operations.md and /openapi.json list all'],
])('%s %j: %s', async (name, params, message) => {
  expect((await refusal(name, params)).message).toContain(message)
})

test('a value that refers to itself is refused like any that is too deep', async () => {
  const loop: { self?: unknown } = {}
  loop.self = loop
  const error = await refusal('input/send', { sessionId: 'a', content: [{ type: 'json', value: loop }] })
  expect(error).toMatchObject({ code: 'invalid-params' })
  expect(error.message).toContain('is nested deeper than 64 levels')
})

test('a field that is undefined counts as not given', async () => {
  const runtime = new FakeRuntime()
  const { session } = (await operationNamed('session/open').call(runtime, { sessionId: 'a', title: undefined })) as {
    session: { id: string }
  }
  expect(session.id).toBe('a')
})

test('what the caller sent is left as it was', async () => {
  const params = Object.freeze({ limit: 3 })
  await callOperation(new FakeRuntime(), 'session/list', params)
  expect(params).toEqual({ limit: 3 })
})

test('leaving a wait answers with the present status, and the input goes on', async () => {
  const runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  const leaving = new AbortController()
  const context = { signal: leaving.signal }
  const sending = callOperation(runtime, 'input/send', { sessionId: 'a', content: 'hold', waitMs: 600_000 }, context)
  const reading = callOperation(runtime, 'events/read', { sessionId: 'a', after: '2', waitMs: 600_000 }, context)
  const params = { sessionId: 'a', inputId: 'input-1', waitMs: 600_000 }
  const waiting = callOperation(runtime, 'input/wait', params, context)
  leaving.abort()
  expect(await sending).toMatchObject({ outcome: 'accepted', status: 'queued' })
  expect(await waiting).toEqual({ status: 'queued' })
  expect(await reading).toEqual({ events: [], cursor: '2' })
  expect(await callOperation(runtime, 'input/wait', params, context)).toEqual({ status: 'queued' })
  runtime.finish('a', 'input-1')
  expect(await callOperation(runtime, 'input/wait', params)).toMatchObject({ status: 'consumed' })
})
