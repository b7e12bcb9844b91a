/** JSON-RPC 2.0 as a peer sees it. */
import { expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { type ConnectionOptions, connection } from '../../src/surfaces/json-rpc.ts'
import { FakeRuntime } from './support/fake-runtime.ts'
import { RpcPeer, type WireMessage } from './support/rpc-peer.ts'

interface Linked {
  readonly runtime: FakeRuntime
  readonly peer: RpcPeer
  readonly server: ReturnType<typeof connection>
}

/** A peer and a server, linked in memory, and a session `a` to talk about. */
async function link(options: ConnectionOptions = {}): Promise<Linked> {
  const runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  const peer: RpcPeer = new RpcPeer(text => server.receive(text))
  const server = connection(runtime, text => peer.take(text), { log: () => {}, ...options })
  return { runtime, peer, server }
}

const request = (id: unknown, method: string, params?: unknown): object => ({ jsonrpc: '2.0', id, method, params })
const notification = (method: string, params?: unknown): object => ({ jsonrpc: '2.0', method, params })

test.each([
  ['no JSON', '{"jsonrpc', null, -32700, 'parse-error'],
  ['an empty batch', '[]', null, -32600, 'invalid-request'],
  ['a number', '7', null, -32600, 'invalid-request'],
  ['another version', '{"jsonrpc":"1.0","id":4,"method":"runtime/info"}', 4, -32600, 'invalid-request'],
  ['no method', '{"jsonrpc":"2.0","id":"x"}', 'x', -32600, 'invalid-request'],
  ['an object for an id', '{"jsonrpc":"2.0","id":{},"method":"runtime/info"}', null, -32600, 'invalid-request'],
  ['a word for params', '{"jsonrpc":"2.0","id":1,"method":"runtime/info","params":"x"}', 1, -32600, 'invalid-request'],
  ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"no/such"}', 1, -32601, 'unknown-operation'],
  ['positional params', '{"jsonrpc":"2.0","id":1,"method":"runtime/info","params":[1]}', 1, -32602, 'invalid-params'],
  [
    'an unknown session',
    '{"jsonrpc":"2.0","id":1,"method":"session/get","params":{"sessionId":"z"}}',
    1,
    -32001,
    'session-not-found',
  ],
])('%s is answered with its code', async (_, text, id, number, code) => {
  const { peer } = await link()
  peer.say(text)
  expect(await peer.heard()).toMatchObject({
    jsonrpc: '2.0',
    id,
    error: { code: number, data: { code, retryable: false } },
  })
})

test('an error carries what a program needs to decide', async () => {
  const { peer } = await link()
  const { error } = await peer.ask('input/send', { sessionId: 'a', content: 'busy' })
  expect(error).toEqual({
    code: -32006,
    message: 'too many inputs',
    data: { code: 'overloaded', retryable: true, details: { retryAfterMs: 1500 } },
  })
})

test('a batch is answered by one message, without its notifications', async () => {
  const { peer } = await link()
  peer.say([
    request('one', 'session/get', { sessionId: 'a' }),
    notification('session/get', { sessionId: 'a' }),
    5,
    request(null, 'session/get', { sessionId: 'z' }),
  ])
  const answers = await peer.heard<readonly WireMessage[]>()
  expect(answers).toMatchObject([
    { id: 'one', result: { session: { id: 'a' } } },
    { id: null, error: { code: -32600 } },
    { id: null, error: { code: -32001 } },
  ])
})

test('notifications and replies are never answered, and do their work', async () => {
  const { peer, server, runtime } = await link()
  peer.say([notification('input/send', { sessionId: 'a', content: 'hello' })])
  peer.say(notification('no/such'))
  peer.say({ jsonrpc: '2.0', id: 9, result: {} })
  peer.say({ jsonrpc: '2.0', id: 9, error: { code: 1, message: 'x' } })
  await server.idle()
  // The first thing heard at all is the answer to this.
  peer.say(request('last', 'input/list', { sessionId: 'a' }))
  expect(await peer.heard()).toMatchObject({ id: 'last', result: { inputs: [{ content: 'hello' }] } })
  expect(runtime.inputsOf.size).toBe(1)
})

test.each(['cancel', '$/cancelRequest'])('%s ends the waiting of a request and not what it asked for', async method => {
  const { peer, runtime } = await link()
  peer.say(request('w', 'input/send', { sessionId: 'a', content: 'hold', waitMs: 600_000 }))
  peer.say(notification(method, { id: 'w' }))
  expect(await peer.heard()).toMatchObject({ id: 'w', result: { outcome: 'accepted', status: 'queued' } })
  expect(runtime.inputsOf.get('input-1')?.status).toBe('queued')
  expect(await peer.call(method, { id: 'w' })).toEqual({ cancelled: false })
})

test('requests beyond the bound are refused until one is answered', async () => {
  const { peer, runtime } = await link({ maxInFlight: 2 })
  await peer.call('input/send', { sessionId: 'a', content: 'hold' })
  const wait = { sessionId: 'a', inputId: 'input-1', waitMs: 600_000 }
  const waiting = [peer.ask('input/wait', wait), peer.ask('input/wait', wait)]
  const { error } = await peer.ask('runtime/info')
  expect(error).toMatchObject({ code: -32006, data: { code: 'overloaded', retryable: true } })
  runtime.finish('a', 'input-1')
  await Promise.all(waiting)
  expect(await peer.call('runtime/info')).toMatchObject({ name: 'meerkat-ts' })
})

test('an id that is under way can not be used twice', async () => {
  const { peer } = await link()
  const params = { sessionId: 'a', content: 'hold', waitMs: 600_000 }
  peer.say(request('w', 'input/send', params))
  peer.say(request('w', 'runtime/info'))
  expect(await peer.heard()).toMatchObject({ id: 'w', error: { data: { code: 'invalid-request' } } })
})

test('a request finds the session that the line before it opens, and none waits for more than that', async () => {
  const { peer, runtime } = await link()
  const opening = Promise.withResolvers<void>()
  const open = runtime.open.bind(runtime)
  runtime.open = async params => {
    await opening.promise
    return open(params)
  }
  const opened = peer.ask('session/open', { sessionId: 'new' })
  const held = peer.ask('input/send', { sessionId: 'new', content: 'hold', waitMs: 600_000 })
  const found = peer.ask('session/get', { sessionId: 'new' })
  opening.resolve()
  expect(await opened).toMatchObject({ result: { session: { id: 'new' } } })
  expect(await found).toMatchObject({ result: { session: { id: 'new' } } })
  runtime.finish('new', 'input-1')
  expect(await held).toMatchObject({ result: { status: 'consumed' } })
})

test('a subscription hears every event once, from behind its cursor on, after the answer that names it', async () => {
  const { peer, runtime } = await link()
  runtime.emit({ sessionId: 'b', type: 'notice' })
  runtime.emit({ sessionId: 'a', type: 'notice', text: 'third' })
  peer.say(request('s', 'events/subscribe', { sessionId: 'a', after: '1' }))
  const { id, result } = await peer.heard()
  expect(id).toBe('s')
  const subscription = result?.['subscription']
  expect(subscription).toEqual(expect.any(String))
  const event = (cursor: string): object => ({ method: 'events/event', params: { subscription, event: { cursor } } })
  expect(await peer.heard()).toMatchObject(event('3'))
  runtime.emit({ sessionId: 'b', type: 'notice' })
  runtime.emit({ sessionId: 'a', type: 'notice' })
  expect(await peer.heard()).toMatchObject(event('5'))
  expect(await peer.call('events/unsubscribe', { subscription })).toEqual({ unsubscribed: true })
  expect(await peer.call('events/unsubscribe', { subscription })).toEqual({ unsubscribed: false })
  runtime.emit({ sessionId: 'a', type: 'notice' })
  peer.say(request('last', 'runtime/info'))
  expect(await peer.heard()).toMatchObject({ id: 'last' })
})

test('a subscription to all sessions hears all', async () => {
  const { peer, runtime } = await link()
  await peer.call('events/subscribe', {})
  runtime.emit({ sessionId: 'b', type: 'notice' })
  expect(await peer.heard()).toMatchObject({ params: { event: { cursor: '1', sessionId: 'a' } } })
  expect(await peer.heard()).toMatchObject({ params: { event: { cursor: '2', sessionId: 'b' } } })
})

test('what is wrong with a subscription shows in its answer', async () => {
  const { peer } = await link()
  expect(await peer.ask('events/subscribe', { sessionId: 'z' })).toMatchObject({
    error: { data: { code: 'session-not-found' } },
  })
  expect(await peer.ask('events/subscribe', { since: 'x' })).toMatchObject({
    error: { data: { code: 'invalid-params' } },
  })
  expect(await peer.ask('events/unsubscribe', {})).toMatchObject({ error: { data: { code: 'invalid-params' } } })
})

test('a subscription that fails says so', async () => {
  const { peer, runtime } = await link()
  const { subscription } = await peer.call('events/subscribe', { sessionId: 'a' })
  await peer.heard()
  await expect.poll(() => runtime.waitingReaders).toBe(1)
  runtime.failNextRead = new MeerkatError('store-unavailable', 'the disk is full')
  runtime.emit({ sessionId: 'a', type: 'notice' })
  expect(await peer.heard()).toMatchObject({ method: 'events/event' })
  expect(await peer.heard()).toEqual({
    jsonrpc: '2.0',
    method: 'events/ended',
    params: { subscription, error: { code: 'store-unavailable', message: 'the disk is full', retryable: true } },
  })
})

test('events are read no faster than the peer takes them', async () => {
  const runtime = new FakeRuntime()
  await runtime.open({ sessionId: 'a' })
  for (let count = 0; count < 500; count += 1) runtime.emit({ sessionId: 'a', type: 'notice' })
  const sent: string[] = []
  const taken = Promise.withResolvers<void>()
  const full = Promise.withResolvers<void>()
  const server = connection(runtime, async text => {
    sent.push(text)
    if (sent.length === 150) full.resolve()
    if (sent.length >= 150) await taken.promise
  })
  server.receive(JSON.stringify(request(1, 'events/subscribe', { sessionId: 'a' })))
  await full.promise
  // The answer and 149 events were sent, which are on the second page of a hundred: no third one was read.
  expect(runtime.reads).toBe(2)
  taken.resolve()
  await expect.poll(() => sent.length).toBe(502)
  server.close()
})

test('a peer that is gone holds nothing back', async () => {
  const { peer, server, runtime } = await link()
  await peer.call('events/subscribe', { sessionId: 'a', after: '1' })
  peer.say(request('w', 'input/send', { sessionId: 'a', content: 'hold', waitMs: 600_000 }))
  await peer.heard()
  await expect.poll(() => runtime.waitingReaders).toBe(1)
  server.close()
  await server.idle()
  await expect.poll(() => runtime.waitingReaders).toBe(0)
  expect(runtime.inputsOf.get('input-1')?.status).toBe('queued')
})

test('a peer that can not be written to is gone', async () => {
  const runtime = new FakeRuntime()
  const server = connection(runtime, () => Promise.reject(new Error('EPIPE')))
  server.receive(JSON.stringify(request(1, 'runtime/info')))
  await server.idle()
  server.receive(JSON.stringify(request(2, 'session/open', { sessionId: 'late' })))
  await server.idle()
  expect(runtime.sessions.size).toBe(0)
})
