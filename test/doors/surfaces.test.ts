/** Doors behind a wire: every operation over REST and JSON-RPC, with everything that JSON can say wrong. */
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { type OperationName, operationNames, operations } from '../../src/surfaces/operations.ts'
import { serve } from '../../src/surfaces/server.ts'
import { JSON_VALUES } from './hostile.ts'

/** Every parameter that an operation takes anywhere, each with something that could be meant. */
const FIELDS: Readonly<Record<string, unknown>> = {
  sessionId: 'a',
  content: 'hi',
  mode: 'queue',
  idempotencyKey: 'k',
  supersessionKey: 's',
  outputSchema: {},
  model: 'demo/agent',
  maxRunMs: 1_000,
  waitMs: 1,
  inputId: 'i',
  runId: 'r',
  callId: 'c',
  approvalId: 'c',
  operationId: 'o',
  scheduleId: 's',
  digest: 'd',
  after: '0',
  limit: 10,
  title: 'T',
  labels: {},
  budget: {},
  revision: 1,
  decision: 'deny',
  resolution: 'failed',
  outcome: 'failed',
  when: 'now',
  queue: 'keep',
  atMessage: 0,
  inMs: 3_600_000,
  everyMs: 3_600_000,
  cron: '0 8 * * *',
  timeZone: 'UTC',
  state: 'owed',
}

async function served() {
  const runtime = await createRuntime({ executor: echo() })
  const logged: string[] = []
  const server = await serve({
    runtime,
    port: 0,
    log: (...told: readonly unknown[]) => void logged.push(told.join(' ')),
  })
  onTestFinished(async () => {
    await server.close()
    await runtime.close()
  })
  await runtime.open({ sessionId: 'a' })
  await runtime.open({ sessionId: 'bystander' })
  return { runtime, server, logged }
}

function* bodies(name: OperationName): Generator<readonly [string, unknown]> {
  const fields = Object.keys(operations[name].input.shape)
  const whole = Object.fromEntries(fields.flatMap(field => (field in FIELDS ? [[field, FIELDS[field]]] : [])))
  for (const [what, make] of Object.entries(JSON_VALUES)) {
    yield [`the body is ${what}`, make()]
    for (const field of [...fields, 'surprise']) yield [`${field} is ${what}`, { ...whole, [field]: make() }]
  }
}

test.each(operationNames)('REST %s', { timeout: 180_000 }, async name => {
  const { runtime, server, logged } = await served()
  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${server.url}/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const wrong: string[] = []
  for (const [what, body] of bodies(name)) {
    const response = await post(name, JSON.stringify(body))
    const answer = (await response.json()) as { readonly error?: { readonly code?: string } }
    const code = answer.error?.code
    if (response.status >= 500 && code !== 'unsupported')
      wrong.push(`${what}: ${response.status} ${JSON.stringify(answer)}`)
    if (!response.ok && (code === undefined || code === 'internal')) wrong.push(`${what}: ${JSON.stringify(answer)}`)
  }
  expect(wrong).toEqual([])
  expect(logged.filter(line => line.includes('    at '))).toEqual([])
  const sent = await runtime.send('bystander', { content: 'well?', waitMs: 5_000 })
  expect(sent.result).toMatchObject({ outcome: 'completed' })
})

const RAW: readonly (readonly [string, string])[] = [
  ['no JSON', '{'],
  ['nothing', ''],
  ['NUL', '\0'],
  ['half a surrogate pair, escaped', '{"sessionId":"a","content":"\\ud83d"}'],
  ['a prototype', '{"sessionId":"a","content":"x","__proto__":{"mode":"steer"}}'],
  ['a field twice', '{"sessionId":"a","sessionId":"b","content":"x"}'],
  ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ['a number beyond numbers', '{"sessionId":"a","content":"x","maxRunMs":1e999}'],
]

test.each(RAW)('a body of %s', async (_, body) => {
  const { server } = await served()
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/input/send`, { method: 'POST', headers, body })
  expect(response.status).toBeLessThan(500)
  expect(await response.json()).toBeTypeOf('object')
})

const WIRE: readonly (readonly [string, string])[] = [
  ['no HTTP', 'hello\r\n\r\n'],
  ['a request that ends in its head', 'GET / HTTP/1.1\r\nHost: 127'],
  [
    'a body that is shorter than it says',
    'POST /v1/input/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"a',
  ],
  ['a header without an end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`],
  [
    'two lengths',
    'POST /v1/runtime/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}',
  ],
]

test.each(WIRE)('a connection with %s', async (_, bytes) => {
  const { server, logged } = await served()
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {
    // The server may hang up at once; that is an answer, too.
  })
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  socket.on('close', () => resolve())
  socket.resume()
  socket.end(bytes)
  await closed
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  expect(logged.filter(line => line.includes('    at '))).toEqual([])
})
