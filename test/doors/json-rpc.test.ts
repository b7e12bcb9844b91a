/** JSON-RPC's door: every message has one answer at most, whatever it says, and the connection goes on. */
import { expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { connection } from '../../src/surfaces/json-rpc.ts'
import { JSON_VALUES } from './hostile.ts'

interface Answer {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string } }
}

async function connected() {
  const runtime = await createRuntime({ executor: echo() })
  const answers: Answer[] = []
  const logged: unknown[] = []
  const peer = connection(runtime, text => void answers.push(...[JSON.parse(text) as Answer | Answer[]].flat()), {
    log: (...told) => void logged.push(told),
  })
  onTestFinished(async () => {
    peer.close()
    await runtime.close()
  })
  return { peer, answers, logged }
}

const VALUES = Object.entries(JSON_VALUES).map(([what, make]) => [what, make()] as const)
const FIELDS = ['jsonrpc', 'id', 'method', 'params'] as const

test.each([...FIELDS, 'the message', 'an element of a batch'] as const)('%s may be anything', async field => {
  const { peer, answers, logged } = await connected()
  for (const [, value] of VALUES) {
    const request = { jsonrpc: '2.0', id: 1, method: 'runtime/info', params: {} }
    if (field === 'the message') peer.receive(JSON.stringify(value))
    else if (field === 'an element of a batch') peer.receive(JSON.stringify([value, request]))
    else peer.receive(JSON.stringify({ ...request, [field]: value }))
    await peer.idle()
  }
  expect(logged).toEqual([])
  expect(answers.filter(({ error }) => error?.code === -32603 || error?.data?.code === 'internal')).toEqual([])
  answers.length = 0
  peer.receive(JSON.stringify({ jsonrpc: '2.0', id: 'well', method: 'runtime/info' }))
  await peer.idle()
  expect(answers).toMatchObject([{ id: 'well', result: { name: 'meerkat-ts' } }])
})

const RAW = [
  '',
  '{',
  'null',
  '\0',
  '[',
  '[]',
  '"x"',
  `${'['.repeat(100_000)}`,
  '{"jsonrpc":"2.0","id":1e999,"method":"x"}',
]

test.each(RAW)('a text that is no message: %j', async text => {
  const { peer, answers, logged } = await connected()
  peer.receive(text)
  await peer.idle()
  expect(logged).toEqual([])
  expect(answers).toMatchObject([{ error: { code: expect.any(Number) as number } }])
})
