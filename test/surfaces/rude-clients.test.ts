// Clients that leave, dawdle or send what is no request: theirs to answer for, not the server's.
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRuntime } from '../../src/session/create-runtime.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import { type RunningServer, serve } from '../../src/surfaces/server.ts'

const faults: unknown[] = []
const unhandled: unknown[] = []
const hear = (error: unknown): void => void unhandled.push(error)
let runtime: Runtime
let server: RunningServer

beforeEach(async () => {
  faults.length = 0
  process.on('unhandledRejection', hear)
  runtime = await createRuntime()
  await runtime.open({ sessionId: 's' })
  server = await serve({ runtime, port: 0, requestTimeoutMs: 1000, log: ({ error }) => faults.push(error) })
})

afterEach(async () => {
  // Whatever came before, others are served, and nothing of it was taken for a mistake of ours.
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  await server.close()
  await runtime.close()
  process.off('unhandledRejection', hear)
  expect({ faults, unhandled }).toEqual({ faults: [], unhandled: [] })
})

async function dialled(request: string): Promise<{ readonly answer: Promise<string>; readonly leave: () => void }> {
  const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.on('error', () => {})
  socket.write(request)
  return { answer: text(socket).catch(() => ''), leave: () => socket.destroy() }
}

const head = (length: number | 'chunked', path = '/v1/session/get', type = 'application/json'): string =>
  [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    `content-type: ${type}`,
    length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`,
    'connection: close',
    '',
    '',
  ].join('\r\n')

test('an upload that is broken off', async () => {
  const { leave, answer } = await dialled(`${head(1000)}{"sess`)
  // A second request that is answered shows that the first one was begun.
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  leave()
  await answer
})

test('an upload that dawdles is ended in its time', async () => {
  const { answer } = await dialled(`${head(1000)}{"sess`)
  expect(await answer).toMatch(/^HTTP\/1\.1 (408|400) /)
})

test('headers that never end are ended in their time', async () => {
  const { answer } = await dialled('POST /v1/session/get HTTP/1.1\r\nhost: localhost\r\nx-')
  expect(await answer).toMatch(/^(HTTP\/1\.1 408 |$)/)
})

test.for([
  ['a body in broken chunks', `${head('chunked')}zz\r\n{}\r\n`],
  ['no request at all', 'hello\r\n\r\n'],
  ['a request line without an end of sense', 'GET http://[ HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ['headers of 17 kB', `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`],
  ['a body that is no JSON', `${head(5)}{"a":`],
  ['a body that is no UTF-8', `${head(4)}\xff\xfe\xfd\xfc`],
  ['a body of another type', `${head(2, '/v1/session/get', 'text/plain')}{}`],
  ['a body without a type', `${head(2, '/v1/session/get', '')}{}`],
  ['a path that is no path', `${head(2, '/v1/%E0%A4%A/get')}{}`],
  ['a length that is too much', head(100_000_000_000)],
])('%s is refused with a status below 500', async ([, request = '']) => {
  const { answer } = await dialled(request)
  expect(await answer).toMatch(/^HTTP\/1\.1 4\d\d /)
})

test('whoever leaves while waiting, or in the middle of a stream', async () => {
  const { inputId } = await runtime.send('s', { content: 'never answered: nobody runs it' })
  const body = JSON.stringify({ sessionId: 's', inputId, waitMs: 60_000 })
  const leaving = new AbortController()
  const waiting = fetch(`${server.url}/v1/input/wait`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: leaving.signal,
  }).catch(() => {})
  const stream = await fetch(`${server.url}/v1/sessions/s/events`, { signal: leaving.signal })
  await stream.body?.getReader().read()
  leaving.abort()
  await waiting
})
