/** The typed client against a real server. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { type ClientEvent, createClient, MeerkatError } from '../../src/client/index.ts'
import { SseParser } from '../../src/client/sse.ts'
import { type RunningServer, serve } from '../../src/surfaces/server.ts'
import { FakeRuntime } from './support/fake-runtime.ts'

let runtime: FakeRuntime
let server: RunningServer

beforeEach(async () => {
  runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  server = await serve({ runtime, port: 0, token: 'secret', log: () => {} })
})
afterEach(() => server.close())

const now = { retryDelayMs: () => 0 }

async function failure(promise: Promise<unknown>): Promise<MeerkatError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown)
  if (error instanceof MeerkatError) return error
  throw new Error(`expected a MeerkatError, got ${String(error)}`)
}

/** The next so many events, then no more of them. */
async function take(events: AsyncIterable<ClientEvent>, count: number): Promise<readonly string[]> {
  const cursors: string[] = []
  for await (const event of events) {
    cursors.push(event.cursor)
    if (cursors.length === count) break
  }
  return cursors
}

test('calls are typed by the table', async () => {
  const client = createClient({ url: server.url, token: 'secret' })
  const sent = await client.call('input/send', { sessionId: 'a', content: 'hello', waitMs: 1000 })
  expect(sent).toMatchObject({ outcome: 'accepted', result: { text: 'echo: "hello"' } })
  expectTypeOf(sent.outcome).toEqualTypeOf<'accepted' | 'deduplicated'>()
  expectTypeOf(client.call<'session/get'>)
    .parameter(1)
    .toEqualTypeOf<{ sessionId: string }>()
  const { sessions } = await client.call('session/list', {})
  expectTypeOf(sessions[0]!.labels).toEqualTypeOf<{ readonly [x: string]: string } | undefined>()
  expect(sessions).toHaveLength(1)
})

test('errors are those of the server', async () => {
  const client = createClient({ url: `${server.url}/`, token: 'secret' })
  expect(await failure(client.call('session/get', { sessionId: 'z' }))).toMatchObject({
    code: 'session-not-found',
    retryable: false,
  })
  expect(await failure(client.call('input/send', { sessionId: 'a', content: 'busy' }))).toMatchObject({
    code: 'overloaded',
    retryable: true,
    details: { retryAfterMs: 1500 },
  })
  const stranger = createClient({ url: server.url })
  expect(await failure(stranger.call('runtime/info', {}))).toMatchObject({ code: 'unauthorized' })
})

test('a server that is not there is told from one that refuses', async () => {
  const { url } = server
  await server.close()
  const error = await failure(createClient({ url }).call('runtime/info', {}))
  expect(error).toMatchObject({ code: 'store-unavailable', retryable: true })
  expect(error.message).toContain(url)
  expect(await failure(take(createClient({ url }).events(), 1))).toMatchObject({ code: 'store-unavailable' })
})

test('leaving a call is no error of the server', async () => {
  const client = createClient({ url: server.url, token: 'secret' })
  const leaving = new AbortController()
  const params = { sessionId: 'a', content: 'hold', waitMs: 600_000 }
  const sending = client.call('input/send', params, { signal: leaving.signal })
  await expect.poll(() => runtime.inputsOf.size).toBe(1)
  leaving.abort()
  await expect(sending).rejects.toThrow('aborted')
  expect(runtime.inputsOf.get('input-1')?.status).toBe('queued')
})

test('events come in order, as they happen, until nobody wants them', async () => {
  const client = createClient({ url: server.url, token: 'secret' })
  const leaving = new AbortController()
  const cursors: string[] = []
  for await (const event of client.events({ sessionId: 'a', signal: leaving.signal })) {
    cursors.push(event.cursor)
    if (cursors.length === 3) leaving.abort()
    else runtime.emit({ sessionId: 'a', type: 'notice' })
  }
  expect(cursors).toEqual(['1', '2', '3'])
  expect(await take(client.events({ after: '2' }), 1)).toEqual(['3'])
  await expect.poll(() => runtime.waitingReaders).toBe(0)
})

test('a connection that breaks is opened again behind the last event', async () => {
  const { port } = server
  const client = createClient({ url: server.url, token: 'secret', ...now })
  const seen: string[] = []
  let restarting: Promise<void> | undefined
  for await (const { cursor } of client.events({ sessionId: 'a' })) {
    seen.push(cursor)
    if (seen.length === 6) break
    runtime.emit({ sessionId: 'b', type: 'notice' })
    runtime.emit({ sessionId: 'a', type: 'notice' })
    if (seen.length % 2 === 0) {
      await restarting
      restarting = server.close().then(async () => {
        server = await serve({ runtime, port, token: 'secret', log: () => {} })
      })
    }
  }
  await restarting
  expect(seen).toEqual(['1', '3', '5', '7', '9', '11'])
})

test('a stream that is cut in the middle of an event is taken up before it', async () => {
  for (let count = 0; count < 20; count += 1) runtime.emit({ sessionId: 'a', type: 'notice', text: 'ä'.repeat(50) })
  let budget = 0
  const cutting: typeof fetch = async (url, init) => {
    const response = await fetch(url, init)
    budget += 700
    return new Response(response.body?.pipeThrough(cutAfter(budget)), response)
  }
  const client = createClient({ url: server.url, token: 'secret', fetch: cutting, ...now })
  const cursors = await take(client.events({ sessionId: 'a' }), 21)
  expect(cursors).toEqual(runtime.log.map(({ cursor }) => cursor))
})

function cutAfter(bytes: number): TransformStream<Uint8Array, Uint8Array> {
  let left = bytes
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) controller.terminate()
    },
  })
}

test('what coming back can not mend is an error', async () => {
  const { port } = server
  const client = createClient({ url: server.url, token: 'secret', ...now })
  const events = client.events({ sessionId: 'a' })[Symbol.asyncIterator]()
  await events.next()
  await server.close()
  server = await serve({ runtime, port, token: 'changed', log: () => {} })
  expect(await failure(events.next())).toMatchObject({ code: 'unauthorized' })
})

test.each([
  [502, 'store-unavailable'],
  [404, 'not-found'],
  [200, 'internal'],
  [302, 'store-unavailable'],
])('a page with status %i that no meerkat wrote is called what it is', async (status, code) => {
  const proxy: Server = createServer((_, answer) => {
    answer.writeHead(status, { 'content-type': 'text/html', location: '/elsewhere' }).end('<h1>hello</h1>')
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  const client = createClient({ url: `http://127.0.0.1:${port}`, token: 'secret' })
  expect(await failure(client.call('runtime/info', {}))).toMatchObject({ code })
  expect(await failure(take(client.events(), 1))).toMatchObject({ code })
  proxy.close()
})

test('an event is the same however its text arrives', () => {
  const text = 'retry: 5\n\n: alive\n\nid: 1\nevent: a\ndata: {"x":": y"}\n\nid:2\ndata:z\n\n'
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new SseParser()
    const events = []
    for (let from = 0; from < text.length; from += size) events.push(...parser.push(text.slice(from, from + size)))
    expect(events).toEqual([
      { id: '1', event: 'a', data: '{"x":": y"}' },
      { id: '2', data: 'z' },
    ])
  }
})
