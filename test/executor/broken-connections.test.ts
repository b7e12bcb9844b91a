/** Connections that break, are no TLS, or carry what can't be unpacked; models that never close what they opened. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import { systemClock } from '../../src/time.ts'
import { saying, textOf } from '../support/agent-run.ts'
import { FakePort } from '../support/fake-port.ts'
import { closed, DONE, finish, RawProvider, say } from '../support/raw-provider.ts'

const port = () => new FakePort({ clock: systemClock, maxRunMs: 20_000 })

const at = (baseUrl: string) => agent({ model: 'compatible/m', baseUrl, env: {}, retryDelayMs: 1 })

test.each([
  ['cut', (packed: Buffer) => packed.subarray(0, packed.length - 20)],
  ['not packed at all', () => Buffer.from(say('fine'))],
])('a packed answer that is %s is asked for again', async (_, broken) => {
  const packed = gzipSync(say('fine '.repeat(1000)) + finish() + DONE)
  await using provider = await RawProvider.start(
    response => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
      response.end(broken(packed))
    },
    closed(say('fine'), finish(), DONE),
  )
  expect(textOf(await at(provider.url).apply(port()))).toBe('fine')
  expect(provider.requests).toHaveLength(2)
})

test('what is no TLS is not asked again', async () => {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.on('error', () => {})
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port: number } = server.address() as AddressInfo
  const output = await at(`https://127.0.0.1:${number}/v1`).apply(port())
  expect(output).toMatchObject({
    error: { code: 'provider-unreachable', message: saying("can't be trusted (ERR_SSL_") },
  })
  expect(connections).toBe(1)
  server.close()
})

test('a model whose stream never closes, and whose cancel never ends', async () => {
  const parts: readonly LanguageModelV4StreamPart[] = [
    { type: 'text-delta', id: '0', delta: 'fine' },
    {
      type: 'finish',
      finishReason: { unified: 'stop', raw: 'stop' },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 1, text: 1, reasoning: 0 },
      },
    },
  ]
  const stream = new ReadableStream<LanguageModelV4StreamPart>({
    start: controller => {
      for (const part of parts) controller.enqueue(part)
    },
    cancel: () => new Promise(() => {}),
  })
  const model: LanguageModelV4 = {
    specificationVersion: 'v4',
    provider: 'own',
    modelId: 'm',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('not here')),
    doStream: () => Promise.resolve({ stream }),
  }
  expect(textOf(await agent({ model }).apply(port()))).toBe('fine')
})
