/** Server-Sent Events over a real socket. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { type RunningServer, serve } from '../../src/surfaces/server.ts'
import { FakeRuntime } from './support/fake-runtime.ts'
import { openStream } from './support/sse.ts'

let runtime: FakeRuntime
let server: RunningServer
let url: string

beforeEach(async () => {
  runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  server = await serve({ runtime, port: 0, heartbeatMs: 10, log: () => {} })
  url = `${server.url}/v1/sessions/a/events`
})
afterEach(() => server.close())

const notice = (sessionId: string, text: string): void => runtime.emit({ sessionId, type: 'notice', text })

test('an event carries its cursor, its type and itself', async () => {
  const stream = await openStream(url)
  expect(stream.response.headers.get('content-type')).toBe('text/event-stream')
  expect(await stream.next()).toEqual({ retry: '1000' })
  const { id, event, data } = (await stream.next()) ?? {}
  expect({ id, event }).toEqual({ id: '1', event: 'session.opened' })
  expect(JSON.parse(data ?? '')).toMatchObject({ cursor: '1', sessionId: 'a', type: 'session.opened' })
  stream.leave()
})

test('a text with line breaks of every kind arrives whole', async () => {
  const text = 'one\ntwo\r\nthree\rfour\u2028five'
  notice('a', text)
  const stream = await openStream(`${url}?after=1`)
  await stream.next()
  expect(JSON.parse((await stream.next())?.data ?? '')).toMatchObject({ text })
  stream.leave()
})

test('coming back with Last-Event-ID misses nothing and repeats nothing', async () => {
  const seen: string[] = []
  for (let round = 0; round < 5; round += 1) {
    notice('a', 'heard')
    notice('b', 'of another session')
    const last = seen.at(-1)
    const stream = await openStream(url, last === undefined ? {} : { 'last-event-id': last })
    seen.push(...(await stream.ids(round === 0 ? 2 : 1)))
    notice('a', 'as it happens')
    seen.push(...(await stream.ids(1)))
    stream.leave()
  }
  const expected = runtime.log.filter(({ sessionId }) => sessionId === 'a').map(({ cursor }) => cursor)
  expect(seen).toEqual(expected)
})

test('the header is newer than the query that a browser repeats', async () => {
  for (const text of ['2', '3', '4']) notice('a', text)
  const stream = await openStream(`${url}?after=1`, { 'last-event-id': '3' })
  expect(await stream.ids(1)).toEqual(['4'])
  stream.leave()
})

test('all sessions have a stream together', async () => {
  notice('b', 'x')
  const stream = await openStream(`${server.url}/v1/events`)
  expect(await stream.ids(2)).toEqual(['1', '2'])
  stream.leave()
})

test('an idle stream shows that it lives', async () => {
  const stream = await openStream(`${url}?after=1`)
  await stream.next()
  expect(await stream.next()).toEqual({ comment: 'alive' })
  expect(await stream.next()).toEqual({ comment: 'alive' })
  stream.leave()
})

test('a client that leaves leaves nothing behind', async () => {
  const quiet = await serve({ runtime, port: 0, heartbeatMs: 600_000 })
  const stream = await openStream(`${quiet.url}/v1/sessions/a/events?after=1`)
  await expect.poll(() => runtime.waitingReaders).toBe(1)
  stream.leave()
  await expect.poll(() => runtime.waitingReaders).toBe(0)
  await quiet.close()
})

test('a client that does not read stops the reading of the log', async () => {
  const text = 'x'.repeat(10_000)
  for (let count = 0; count < 5000; count += 1) notice('a', text)
  const stream = await openStream(url)
  await stream.next()
  // Fifty pages of a megabyte lie there. What is read of them is what the sockets and streams between us hold.
  let reads = -1
  await expect
    .poll(() => {
      const still = reads === runtime.reads
      reads = runtime.reads
      return still
    })
    .toBe(true)
  expect(runtime.reads).toBeLessThan(30)
  expect(await stream.ids(5001)).toHaveLength(5001)
  stream.leave()
})

test('a store that fails ends the stream, and coming back tells why', async () => {
  const stream = await openStream(`${url}?after=1`)
  await stream.next()
  runtime.failNextRead = new MeerkatError('store-unavailable', 'the disk is full')
  let block = await stream.next()
  while (block !== undefined) block = await stream.next()
  runtime.failNextRead = new MeerkatError('store-unavailable', 'the disk is full')
  const again = await fetch(url, { headers: { 'last-event-id': '1' } })
  expect(again.status).toBe(503)
  expect(await again.json()).toMatchObject({ error: { code: 'store-unavailable', retryable: true } })
})

test('closing the server ends its streams', async () => {
  const stream = await openStream(`${url}?after=1`)
  await stream.next()
  await server.close()
  let block = await stream.next()
  while (block !== undefined) block = await stream.next()
})
