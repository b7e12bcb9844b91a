// One list of hostile values against every parameter of every operation, over REST and JSON-RPC: refused by name or taken,
// never an internal error, and the runtime goes on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRuntime } from '../../src/session/create-runtime.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import { connection } from '../../src/surfaces/json-rpc.ts'
import { type OperationName, operationNames, operations } from '../../src/surfaces/operations.ts'
import { type RestApp, rest } from '../../src/surfaces/rest.ts'

/** As they stand in JSON: some can't be written as a value of a program. */
const HOSTILE: readonly string[] = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '-1e400',
  '9007199254740993',
  '1.5',
  '""',
  '" "',
  '"NaN"',
  '"__proto__"',
  '"constructor"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u202e\\u2028"',
  `"${'x'.repeat(100_000)}"`,
  '[]',
  '[null]',
  '{}',
  '{"__proto__":{"polluted":1}}',
  '{"toString":1,"then":1}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
]

/** Values that an operation takes, for the fields beside the hostile one. */
const USUAL: Readonly<Record<string, unknown>> = {
  sessionId: 's',
  content: 'x',
  inputId: 'i',
  runId: 'r',
  callId: 'c',
  approvalId: 'a',
  operationId: 'o',
  scheduleId: 't',
  digest: `sha256:${'0'.repeat(64)}`,
  decision: 'allow',
  resolution: 'failed',
  outcome: 'completed',
  names: ['n'],
  waitMs: 0,
}

const faults: unknown[] = []
let runtime: Runtime
let app: RestApp

beforeAll(async () => {
  runtime = await createRuntime()
  await runtime.open({ sessionId: 's' })
  app = rest({ runtime, log: ({ error }) => faults.push(error) })
})
afterAll(() => runtime.close())

function bodies(name: OperationName): readonly string[] {
  const fields = Object.keys(operations[name].input.shape)
  const needed = fields.filter(field => USUAL[field] !== undefined)
  const usual = needed.map(field => [field, JSON.stringify(USUAL[field])] as const)
  const write = (pairs: readonly (readonly [string, string])[]): string =>
    `{${pairs.map(([field, text]) => `${JSON.stringify(field)}:${text}`).join(',')}}`
  const inFields = fields.flatMap(field =>
    HOSTILE.map(text => write([...usual.filter(([other]) => other !== field), [field, text]])),
  )
  const asKeys = ['__proto__', 'constructor', 'toString', ''].map(key => write([...usual, [key, '1']]))
  return [...inFields, ...asKeys, ...HOSTILE]
}

async function overRest(name: OperationName, body: string): Promise<{ status: number; code?: string }> {
  const headers = { 'content-type': 'application/json' }
  const response = await app.request(`/v1/${name}`, { method: 'POST', headers, body })
  const answer = (await response.json()) as { error?: { code: string } }
  return { status: response.status, ...(answer.error && { code: answer.error.code }) }
}

async function overRpc(messages: readonly string[]): Promise<readonly { error?: { code: number } }[]> {
  const answers: string[] = []
  const peer = connection(runtime, text => void answers.push(text), {
    maxInFlight: messages.length,
    log: ({ error }) => faults.push(error),
  })
  for (const message of messages) peer.receive(message)
  await peer.idle()
  return answers.map(text => JSON.parse(text) as { error?: { code: number } })
}

describe.each(operationNames)('%s', name => {
  test('takes or refuses each over REST', async () => {
    for (const body of bodies(name)) {
      const { status, code } = await overRest(name, body)
      expect({ body: body.slice(0, 200), bad: status >= 500 && code !== 'unsupported' }).toEqual({
        body: body.slice(0, 200),
        bad: false,
      })
    }
    expect(faults).toEqual([])
  })

  test('takes or refuses each over JSON-RPC', async () => {
    const messages = bodies(name).map(
      (params, id) => `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(name)},"params":${params}}`,
    )
    const answers = await overRpc(messages)
    expect(answers).toHaveLength(messages.length)
    expect(answers.filter(({ error }) => error?.code === -32603)).toEqual([])
    expect(faults).toEqual([])
  })

  test('refuses keys that nobody knows, those of every object included', async () => {
    for (const key of ['__proto__', 'constructor', 'toString', '', 'keepALive']) {
      const answer = await overRest(name, `{${JSON.stringify(key)}:1}`)
      expect({ key, ...answer }).toEqual({ key, status: 400, code: 'invalid-params' })
    }
  })
})

test('the runtime goes on, and no prototype was changed', async () => {
  expect(Object.keys(Object.prototype)).toEqual([])
  expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
  expect((await runtime.open({ sessionId: 'after' })).id).toBe('after')
  expect(runtime.health().status).toBe('ok')
})
