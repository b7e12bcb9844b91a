/** The REST surface over a real socket. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ErrorBody } from '../../src/errors.ts'
import { operationNames } from '../../src/surfaces/operations.ts'
import { rest } from '../../src/surfaces/rest.ts'
import { type RunningServer, serve } from '../../src/surfaces/server.ts'
import { FakeRuntime } from './support/fake-runtime.ts'
import { errorOf, send, sendJson } from './support/http.ts'

let runtime: FakeRuntime
let server: RunningServer

beforeEach(async () => {
  runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  server = await serve({ runtime, port: 0, log: () => {} })
})
afterEach(() => server.close())

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(server.url + path)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function post(path: string, params: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status, body } = await sendJson(server.url + path, params)
  return { status, body: JSON.parse(body) as Record<string, unknown> }
}

test('sessions and inputs are found where people look for them', async () => {
  expect(await post('/v1/sessions', { sessionId: 'b', title: 'B' })).toMatchObject({
    status: 200,
    body: { session: { id: 'b' } },
  })
  expect(await get('/v1/sessions')).toMatchObject({ status: 200, body: { sessions: [{ id: 'a' }, { id: 'b' }] } })
  expect(await get('/v1/sessions?limit=1&phase=idle')).toMatchObject({ body: { sessions: [{ id: 'a' }], next: 'a' } })
  expect(await get('/v1/sessions/b')).toMatchObject({ body: { session: { title: 'B' } } })
  expect(await post('/v1/sessions/b/inputs', { content: 'one' })).toMatchObject({ body: { inputId: 'input-1' } })
  expect(await post('/v1/sessions/b/inputs', { content: 'two', waitMs: 5 })).toMatchObject({
    body: { status: 'consumed' },
  })
  expect(await get('/v1/sessions/b/inputs/input-1')).toMatchObject({ body: { input: { content: 'one' } } })
  expect(await get('/v1/sessions/b/history?after=0&limit=5')).toMatchObject({ body: { messages: [{ index: 1 }] } })
  expect(await post('/v1/sessions/b/cancel', { when: 'now' })).toMatchObject({ body: { cancelled: true } })
})

test('an id in a path may hold anything that an id may', async () => {
  const id = 'über/50% 🦦?#'
  await post('/v1/sessions', { sessionId: id })
  expect(await get(`/v1/sessions/${encodeURIComponent(id)}`)).toMatchObject({ status: 200, body: { session: { id } } })
})

test.each([
  ['an unknown key in a query', '/v1/sessions?colour=red', 400, 'invalid-params'],
  ['a key given twice', '/v1/sessions?limit=1&limit=2', 400, 'invalid-params'],
  ['a number that is none', '/v1/sessions?limit=many', 400, 'invalid-params'],
  ['a path parameter given again', '/v1/sessions/a?sessionId=b', 400, 'invalid-params'],
  ['an unknown session', '/v1/sessions/z', 404, 'session-not-found'],
  ['an unknown session, by its events', '/v1/sessions/z/events', 404, 'session-not-found'],
  ['a cursor that is none', '/v1/sessions/a/events?after=x', 400, 'invalid-params'],
  ['a path that leads nowhere', '/v2/nothing', 404, 'not-found'],
  ['an operation that is got', '/v1/session/get', 404, 'not-found'],
])('%s is refused', async (_, path, status, code) => {
  expect(await get(path)).toMatchObject({ status, body: { error: { code, retryable: false } } })
})

test('what a path says can not be said again in the body', async () => {
  expect(await post('/v1/sessions/a/inputs', { sessionId: 'b', content: 'x' })).toMatchObject({
    status: 400,
    body: { error: { code: 'invalid-params', details: { issues: [{ path: 'sessionId' }] } } },
  })
})

test.each([
  ['unknown-operation', '/v1/no/such', {}, 404],
  ['session-not-found', '/v1/session/get', { sessionId: 'z' }, 404],
  ['rejected', '/v1/call/resolve', { sessionId: 'a', callId: 'call-1', resolution: 'failed' }, 422],
  ['internal', '/v1/input/send', { sessionId: 'a', content: 'boom' }, 500],
])('%s has its status', async (code, path, params, status) => {
  expect(await post(path, params)).toMatchObject({ status, body: { error: { code } } })
})

test('a busy runtime says when to come again', async () => {
  const answer = await sendJson(`${server.url}/v1/input/send`, { sessionId: 'a', content: 'busy' })
  expect(answer.status).toBe(429)
  expect(answer.headers['retry-after']).toBe('2')
  expect(errorOf(answer)).toEqual({
    code: 'overloaded',
    message: 'too many inputs',
    retryable: true,
    details: { retryAfterMs: 1500 },
  })
})

test.each([
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, '{}', 'invalid-request'],
  ['plain text', { 'content-type': 'text/plain' }, '{}', 'invalid-request'],
  ['no type', {}, '{}', 'invalid-request'],
  ['no type and no body', {}, '', 'invalid-request'],
  ['no JSON', { 'content-type': 'application/json' }, '{"a":', 'parse-error'],
  ['an array', { 'content-type': 'application/json' }, '[]', 'invalid-params'],
])('a body of %s is refused', async (_, headers, body, code) => {
  const answer = await send(`${server.url}/v1/runtime/info`, { method: 'POST', headers, body })
  expect([answer.status, errorOf(answer).code]).toEqual([400, code])
})

test('an empty JSON body means no parameters, and a charset does no harm', async () => {
  const headers = { 'content-type': 'Application/JSON; charset=utf-8' }
  expect(await send(`${server.url}/v1/runtime/info`, { method: 'POST', headers, body: '' })).toMatchObject({
    status: 200,
  })
})

test('health answers probes by its status', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok', oldestRunnableMs: 0 } })
  runtime.healthStatus = 'degraded'
  expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'degraded' } })
  runtime.healthStatus = 'failing'
  expect(await get('/healthz')).toMatchObject({
    status: 503,
    body: { status: 'failing', reasons: ['the store fails'] },
  })
})

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly parameters?: readonly { name: string }[] }>>>
  >
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

test('the OpenAPI document describes every operation, and all it refers to is there', async () => {
  const { body } = await get('/openapi.json')
  expect(body).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
  const { paths, components } = body as unknown as OpenApi
  for (const name of operationNames) expect(paths).toHaveProperty([`/v1/${name}`, 'post'])
  const inputs = paths['/v1/sessions/{sessionId}/inputs/{inputId}']
  expect(inputs?.['get']?.parameters?.map(({ name }) => name)).toEqual(['sessionId', 'inputId', 'idempotencyKey'])
  for (const [, name = ''] of JSON.stringify(body).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(components.schemas).toHaveProperty([name])
  }
  for (const [path, methods] of Object.entries(paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters = [] } of Object.values(methods)) {
      expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(inPath))
    }
  }
})

test('every path of the document that can be got is served', async () => {
  const { paths } = (await get('/openapi.json')).body as unknown as OpenApi
  await runtime.send('a', { content: 'hello' })
  for (const [path, methods] of Object.entries(paths)) {
    if (!('get' in methods)) continue
    const leaving = new AbortController()
    const url = server.url + path.replace('{sessionId}', 'a').replace('{inputId}', 'input-1')
    const response = await fetch(url, { signal: leaving.signal })
    expect([path, response.status]).toEqual([path, 200])
    leaving.abort()
  }
})

test('the app serves without a socket, under any server that speaks fetch', async () => {
  const app = rest({ runtime })
  const response = await app.request('/v1/sessions/a')
  expect(await response.json()).toMatchObject({ session: { id: 'a' } })
  const missing = await app.request('/v1/sessions/z')
  expect(((await missing.json()) as { error: ErrorBody }).error.code).toBe('session-not-found')
})
