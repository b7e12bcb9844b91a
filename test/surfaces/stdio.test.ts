/** JSON-RPC with one message a line. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { LineReader } from '../../src/surfaces/lines.ts'
import { serveStdio } from '../../src/surfaces/stdio.ts'
import { FakeRuntime } from './support/fake-runtime.ts'
import { RpcPeer } from './support/rpc-peer.ts'

interface Served {
  readonly runtime: FakeRuntime
  readonly peer: RpcPeer
  readonly input: PassThrough
  readonly output: PassThrough
  readonly ended: Promise<void>
}

function start(maxLineBytes = 1000): Served {
  const runtime = new FakeRuntime()
  const input = new PassThrough()
  const output = new PassThrough()
  const ended = serveStdio(runtime, { input, output, maxLineBytes, log: () => {} })
  const peer = new RpcPeer(text => input.write(`${text}\n`))
  createInterface({ input: output }).on('line', line => peer.take(line))
  return { runtime, peer, input, output, ended }
}

test('a line that is too long is refused and the next one answered', async () => {
  const { peer } = start()
  peer.say('x'.repeat(5000))
  expect(await peer.heard()).toMatchObject({ id: null, error: { code: -32006, data: { code: 'too-large' } } })
  expect(await peer.call('runtime/info')).toMatchObject({ name: 'meerkat-ts' })
})

test('blank lines mean nothing, and windows line ends are fine', async () => {
  const { peer, input } = start()
  input.write('\n  \r\n{"jsonrpc":"2.0","id":"x","method":"runtime/info"}\r\n')
  expect(await peer.heard()).toMatchObject({ id: 'x', result: { name: 'meerkat-ts' } })
})

test('the end of the input lets what it asked for be answered, the last line without a newline too', async () => {
  const { peer, runtime, input, ended } = start()
  await runtime.open({ sessionId: 'a' })
  input.end(
    '{"jsonrpc":"2.0","id":"w","method":"input/send","params":{"sessionId":"a","content":"hold","waitMs":600000}}',
  )
  await expect.poll(() => runtime.inputsOf.size).toBe(1)
  runtime.finish('a', 'input-1')
  expect(await peer.heard()).toMatchObject({ id: 'w', result: { status: 'consumed' } })
  await ended
})

test('an output that is gone ends the service', async () => {
  const { peer, runtime, output, ended } = start()
  await runtime.open({ sessionId: 'a' })
  peer.say({
    jsonrpc: '2.0',
    id: 1,
    method: 'input/send',
    params: { sessionId: 'a', content: 'hold', waitMs: 600_000 },
  })
  await expect.poll(() => runtime.inputsOf.size).toBe(1)
  output.destroy()
  await once(output, 'close')
  await ended
  expect(runtime.inputsOf.get('input-1')?.status).toBe('queued')
})

test('lines are the same however the bytes arrive', () => {
  const bytes = Buffer.from('one\nzwei ü\n\ndrei 🦦')
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new LineReader(100)
    const lines = []
    for (let from = 0; from < bytes.length; from += size) lines.push(...reader.push(bytes.subarray(from, from + size)))
    expect([...lines, ...reader.end()]).toEqual(['one', 'zwei ü', '', 'drei 🦦'])
  }
})

test('bytes that are no UTF-8 spoil their own line only', () => {
  const reader = new LineReader(100)
  const lines = reader.push(Buffer.from([0xff, 0x0a, 0x61, 0x0a]))
  expect(lines).toMatchObject([{ code: 'parse-error' }, 'a'])
})

test('a line may be as long as the limit, and one byte more is too much', () => {
  const reader = new LineReader(3)
  expect(reader.push(Buffer.from('abc\nabcd\nab\n'))).toMatchObject(['abc', { code: 'too-large' }, 'ab'])
})
