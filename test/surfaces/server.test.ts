/** What the server does with those who should not be here, and how it goes. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { type RunningServer, type ServeOptions, serve } from '../../src/server.ts'
import { FakeRuntime } from './support/fake-runtime.ts'
import { dial, errorOf, type RawAnswer, send, sendJson } from './support/http.ts'

const opened: RunningServer[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(server => server.close()))
})

async function start(options: Partial<ServeOptions> = {}): Promise<RunningServer & { readonly runtime: FakeRuntime }> {
  const runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  const server = await serve({ runtime, port: 0, log: () => {}, ...options })
  opened.push(server)
  return { ...server, runtime }
}

async function refusal(options: Partial<ServeOptions>): Promise<MeerkatError> {
  const error: unknown = await start(options).catch((thrown: unknown) => thrown)
  if (error instanceof MeerkatError) return error
  throw new Error('the server started')
}

const info = (url: string, headers: Record<string, string>): Promise<RawAnswer> =>
  sendJson(`${url}/v1/runtime/info`, {}, headers)

test.each([
  ['evil.example', 403],
  ['evil.example:4747', 403],
  ['127.0.0.1.evil.example', 403],
  ['localhost.evil.example', 403],
  ['192.168.1.7:4747', 403],
  ['localhost', 200],
  ['LOCALHOST:99', 200],
  ['127.0.0.1:1', 200],
  ['[::1]:4747', 200],
])('a request for the host %j is answered with %i', async (host, status) => {
  const { url } = await start()
  const answer = await info(url, { host })
  expect(answer.status).toBe(status)
  if (status === 403)
    expect(errorOf(answer)).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('allowedHosts') as string,
    })
})

test('a host that was named is answered for, and no other', async () => {
  const { url } = await start({ allowedHosts: ['meerkat.example'] })
  expect((await info(url, { host: 'meerkat.example:443' })).status).toBe(200)
  expect((await info(url, { host: 'other.example' })).status).toBe(403)
})

test.each([
  ['https://evil.example', 403],
  ['http://localhost:1', 403],
  ['null', 403],
  ['file://', 403],
  ['nonsense', 403],
])('a page of %j is refused', async (origin, status) => {
  const { url } = await start()
  const answer = await info(url, { origin })
  expect(answer.status).toBe(status)
  expect(errorOf(answer)).toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('allowedOrigins') as string,
  })
  expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
})

test("the server's own pages may call", async () => {
  const { url } = await start()
  expect((await info(url, { origin: url })).status).toBe(200)
})

test('pages of a named origin may call, with a preflight that needs no token', async () => {
  const origin = 'https://console.example'
  const { url } = await start({ allowedOrigins: [origin], token: 't' })
  const preflight = await send(`${url}/v1/runtime/info`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-headers': 'authorization,content-type',
  })
  const answer = await info(url, { origin, authorization: 'Bearer t' })
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin])
  const other = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
  expect((await send(`${url}/v1/runtime/info`, { method: 'OPTIONS', headers: other })).status).toBe(403)
})

test.each([
  ['no token', {}, 401],
  ['another token', { authorization: 'Bearer secret-4' }, 401],
  ['another scheme', { authorization: 'Basic secret-3' }, 401],
  ['a part of it', { authorization: 'Bearer secret-' }, 401],
  ['the token', { authorization: 'Bearer secret-3' }, 200],
  ['the token by another case', { authorization: 'bearer  secret-3' }, 200],
])('with %s', async (_, headers: Record<string, string>, status) => {
  const { url } = await start({ token: 'secret-3' })
  const answer = await info(url, headers)
  expect(answer.status).toBe(status)
  if (status === 401) {
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect(errorOf(answer)).toMatchObject({ code: 'unauthorized', retryable: false })
  }
})

test('a token guards everything; a probe without it learns the status and no more', async () => {
  const { url } = await start({ token: 't' })
  for (const path of ['/v1/sessions', '/v1/sessions/a/events', '/openapi.json', '/nothing']) {
    expect((await send(url + path)).status).toBe(401)
  }
  expect(JSON.parse((await send(`${url}/healthz`)).body)).toEqual({ status: 'ok' })
  const told = await send(`${url}/healthz`, { headers: { authorization: 'Bearer t' } })
  expect(JSON.parse(told.body)).toMatchObject({ status: 'ok', store: { name: 'memory' } })
})

test.each(['0.0.0.0', '::', '192.168.1.7', 'example.org'])('%s is not listened on without a token', async host => {
  expect(await refusal({ host })).toMatchObject({ code: 'invalid-params', details: { issues: [{ path: 'token' }] } })
})

test('with a token every interface may be listened on, under any name', async () => {
  const { url, port } = await start({ host: '0.0.0.0', token: 't' })
  expect(url).toBe(`http://0.0.0.0:${port}`)
  const answer = await info(`http://127.0.0.1:${port}`, { host: 'box.local', authorization: 'Bearer t' })
  expect(answer.status).toBe(200)
})

test('the IPv6 loopback needs no token', async () => {
  const { url, port } = await start({ host: '::1' })
  expect(url).toBe(`http://[::1]:${port}`)
  expect((await info(url, {})).status).toBe(200)
})

test('a token that no header can carry is refused', async () => {
  expect(await refusal({ token: 'a b' })).toMatchObject({ code: 'invalid-params' })
  expect(await refusal({ token: '' })).toMatchObject({ code: 'invalid-params' })
})

test('a port that is taken is a conflict that says what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const error = await refusal({ port })
  expect(error).toMatchObject({ code: 'conflict', details: { port, host: '127.0.0.1' } })
  expect(error.message).toContain(`port ${port} on 127.0.0.1 is taken`)
  expect(error.message).toContain('--port')
  other.close()
})

test('an address of another machine is refused', async () => {
  expect(await refusal({ host: '192.0.2.1', token: 't' })).toMatchObject({ code: 'invalid-params' })
})

const large = JSON.stringify({ sessionId: 'a', content: 'x'.repeat(2000) })
const json = { 'content-type': 'application/json' }

test.each([
  ['declared', { body: large, headers: { ...json, 'content-length': String(large.length) } }],
  ['in chunks', { body: [large.slice(0, 500), large.slice(500, 1500), large.slice(1500)], headers: json }],
])('a body beyond the limit is refused, %s', async (_, request) => {
  const { url, runtime } = await start({ maxBodyBytes: 1000 })
  const answer = await send(`${url}/v1/input/send`, request)
  expect(answer.status).toBe(413)
  expect(errorOf(answer)).toMatchObject({ code: 'too-large', details: { maxBytes: 1000 } })
  expect(runtime.inputsOf.size).toBe(0)
})

test('a body that only says it is small is cut where it said', async () => {
  const { port, runtime } = await start()
  const socket = await dial(port)
  const head = `POST /v1/input/send HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\nconnection: close\r\n\r\n`
  socket.end(head + large)
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /)
  expect(runtime.inputsOf.size).toBe(0)
})

test.each([
  ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['objects', '{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000)],
])('%s nested without end are refused', async (_, value) => {
  const { url } = await start()
  const body = `{"sessionId":"a","content":[{"type":"json","value":${value}}]}`
  const answer = await send(`${url}/v1/input/send`, { headers: json, body })
  expect([answer.status, errorOf(answer).code]).toEqual([400, 'invalid-params'])
})

test('a client that sends too slowly is let go', async () => {
  const { port } = await start({ requestTimeoutMs: 50 })
  const socket = await dial(port)
  socket.write('POST /v1/runtime/info HTTP/1.1\r\nhost: localhost\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1.1 408 /)
})

test.each(['host: \r\n', 'host: localhost@evil.example\r\n', ''])(
  'a request with the header %j for a host is refused',
  async header => {
    const { port } = await start()
    const socket = await dial(port)
    socket.end(`GET /v1/sessions HTTP/1.1\r\n${header}connection: close\r\n\r\n`)
    expect(await text(socket)).toMatch(/^HTTP\/1.1 40[03] /)
  },
)

test('what is no HTTP is refused and harms nobody', async () => {
  const { port, url } = await start()
  const socket = await dial(port)
  socket.write('hello there\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /)
  expect((await info(url, {})).status).toBe(200)
})

test('answers are not kept and not guessed at', async () => {
  const { url } = await start()
  expect((await info(url, {})).headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-type': 'application/json',
  })
})

test('closing lets a waiting request answer with the present status', async () => {
  const { url, runtime, close } = await start()
  const answer = sendJson(`${url}/v1/input/send`, { sessionId: 'a', content: 'hold', waitMs: 600_000 })
  await expect.poll(() => runtime.inputsOf.size).toBe(1)
  await close()
  expect(JSON.parse((await answer).body)).toMatchObject({ outcome: 'accepted', status: 'queued' })
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})

test('closing takes no longer than its grace, and may be asked for twice', async () => {
  const stuck = new FakeRuntime()
  stuck.get = () => new Promise(() => {})
  const { url, close } = await start({ runtime: stuck, graceMs: 20 })
  const asked = fetch(`${url}/v1/sessions/a`).catch((error: unknown) => error)
  const [first] = await Promise.all([close(), close()])
  expect(first).toBeUndefined()
  expect(await asked).toBeInstanceOf(TypeError)
})

test('a connection kept alive does not hold the closing up', async () => {
  const { url, port, close } = await start({ graceMs: 600_000 })
  const socket = await dial(port)
  socket.write('GET /v1/sessions HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(socket, 'data')
  await fetch(`${url}/v1/sessions`)
  // Opened ahead, as browsers do, and never used.
  await dial(port)
  await close()
})
