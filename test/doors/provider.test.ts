/** Providers' doors: whatever a server sends in place of an answer, the input ends once and the next one is answered. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import { resolveModel } from '../../src/executor/providers.ts'
import { createRuntime } from '../../src/index.ts'
import { JSON_VALUES } from './hostile.ts'

type Spoil = (response: ServerResponse) => void

const GOOD =
  'data: {"id":"x","choices":[{"index":0,"delta":{"content":"well"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const sse =
  (...frames: readonly string[]): Spoil =>
  response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(frames.join(''))
  }
const json =
  (value: unknown, status = 200): Spoil =>
  response => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }

const STREAMS: Readonly<Record<string, Spoil>> = {
  'nothing at all': response => response.end(),
  'a connection that breaks': response => response.destroy(),
  'a stream that breaks': response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n', () => response.destroy())
  },
  'no event': sse(''),
  'no JSON': sse('data: {oops\n\n', 'data: [DONE]\n\n'),
  'only the end': sse('data: [DONE]\n\n'),
  'bytes that are no text': response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a, 0x0a]))
  },
  'a page': response => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<html>a proxy says hello</html>')
  },
  'a redirect to itself': response => {
    response.writeHead(302, { location: '/v1/chat/completions' })
    response.end()
  },
  'a body that is packed and is not': response => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
    response.end('not gzip')
  },
  'a bomb': response => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
    response.end(gzipSync(Buffer.alloc(64 * 1024 * 1024, 'x')))
  },
  'a call without a name': sse(
    'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}\n\n',
    'data: [DONE]\n\n',
  ),
  'a status that is none': json({}, 599),
  'an error of no form': json({ error: { error: { error: [null] } } }, 400),
  'a huge error': response => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message: 'x'.repeat(5_000_000) } }))
  },
}

/** Every place in an answer, with a value that is not what stands there. */
function streamsWith(what: string, value: unknown): Readonly<Record<string, Spoil>> {
  return {
    [`a body that is ${what}`]: json(value),
    [`an error that is ${what}`]: json({ error: value }, 400),
    [`a frame that is ${what}`]: sse(`data: ${JSON.stringify(value)}\n\n`, 'data: [DONE]\n\n'),
    [`choices that are ${what}`]: sse(`data: ${JSON.stringify({ choices: value })}\n\n`, GOOD),
    [`a delta that is ${what}`]: sse(`data: ${JSON.stringify({ choices: [{ index: 0, delta: value }] })}\n\n`, GOOD),
    [`tool calls that are ${what}`]: sse(
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: value } }] })}\n\n`,
      GOOD,
    ),
    [`usage that is ${what}`]: sse(`data: ${JSON.stringify({ choices: [], usage: value })}\n\n`, GOOD),
  }
}

const ALL: Readonly<Record<string, Spoil>> = {
  ...STREAMS,
  ...Object.fromEntries(
    Object.entries(JSON_VALUES).flatMap(([what, make]) => Object.entries(streamsWith(what, make()))),
  ),
}

test('a provider that sends anything', { timeout: 300_000 }, async () => {
  let spoil: Spoil = sse(GOOD)
  const server = createServer((request, response) => {
    request.resume()
    spoil(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  const model = await resolveModel('compatible/spoilt', { baseUrl: `http://127.0.0.1:${port}/v1` })
  const runtime = await createRuntime({
    executor: agent({ model, retries: 1, retryDelayMs: 1, maxRetryDelayMs: 2 }),
    maxRunMs: 20_000,
  })
  onTestFinished(async () => {
    await runtime.close()
    server.closeAllConnections()
    server.close()
  })
  const wrong: string[] = []
  for (const [what, spoiling] of Object.entries(ALL)) {
    const session = await runtime.sessions.open()
    spoil = spoiling
    const spoilt = await (await session.send('hi')).result
    if (spoilt.status !== 'consumed' && spoilt.status !== 'abandoned') wrong.push(`${what}: ${spoilt.status}`)
    if (spoilt.error?.code === 'internal') wrong.push(`${what}: ${spoilt.error.message}`)
    if ((spoilt.error?.message.length ?? 0) > 10_000)
      wrong.push(`${what}: an error of ${spoilt.error?.message.length} characters`)
    spoil = sse(GOOD)
    const next = await (await session.send('and now?')).result
    if (next.text !== 'well') wrong.push(`${what}: the next input ended ${JSON.stringify(next)}`)
  }
  expect(wrong).toEqual([])
})
