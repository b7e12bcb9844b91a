/** Tool calls in every order and shape in which servers of the chat-completions protocol stream them. */
import { createOpenAI } from '@ai-sdk/openai'
import { describe, expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import { systemClock } from '../../src/time.ts'
import { lookup } from '../support/agent-run.ts'
import { FakePort } from '../support/fake-port.ts'
import { closed, DONE, delta, event, finish, paced, RawProvider, say } from '../support/raw-provider.ts'

/** The calls that come of these deltas, each one a frame. */
async function callsOf(...deltas: readonly unknown[]): Promise<readonly (readonly [string, unknown])[]> {
  const frames = deltas.map(one => delta({ tool_calls: Array.isArray(one) ? one : [one] }))
  return await callsIn(...frames, finish('tool_calls'), DONE)
}

async function callsIn(...pieces: readonly (string | Uint8Array)[]): Promise<readonly (readonly [string, unknown])[]> {
  await using provider = await RawProvider.start(closed(...pieces), closed(say('fine'), finish(), DONE))
  const tools = [lookup(), lookup(undefined, { name: 'look_again' })]
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
  const executor = agent({ model: 'compatible/m', baseUrl: provider.url, env: {}, retries: 0, tools })
  expect(await executor.apply(port)).toMatchObject({ type: 'completed' })
  expect(provider.requests).toHaveLength(2)
  return port
    .of('intend')
    .flatMap(({ message }) => (typeof message.content === 'string' ? [] : (message.content ?? [])))
    .flatMap(part => (part.type === 'tool-call' ? [[part.name, part.args] as const] : []))
}

const call = (fields: object, name?: string, args?: unknown): object => ({
  ...fields,
  function: { ...(name === undefined ? {} : { name }), ...(args === undefined ? {} : { arguments: args }) },
})

const one = [['look', { place: 'here' }]]
const two = [
  ['look', { place: 'a' }],
  ['look', { place: 'b' }],
]
const A = '{"place":"a"}'
const B = '{"place":"b"}'

const ONE: readonly [string, readonly unknown[]][] = [
  [
    'as the protocol says',
    [
      call({ index: 0, id: 'c', type: 'function' }, 'look', ''),
      call({ index: 0 }, undefined, '{"place":'),
      call({ index: 0 }, undefined, '"here"}'),
    ],
  ],
  ['in one piece', [call({ index: 0, id: 'c' }, 'look', '{"place":"here"}')]],
  [
    'the name last',
    [
      call({ index: 0, id: 'c' }, undefined, '{"place":'),
      call({ index: 0 }, undefined, '"here"}'),
      call({ index: 0 }, 'look'),
    ],
  ],
  ['the name empty first', [call({ index: 0, id: 'c' }, '', ''), call({ index: 0 }, 'look', '{"place":"here"}')]],
  ['the name empty later', [call({ index: 0, id: 'c' }, 'look', ''), call({ index: 0 }, '', '{"place":"here"}')]],
  [
    'the name null later',
    [
      call({ index: 0, id: 'c' }, 'look', ''),
      { index: 0, id: null, function: { name: null, arguments: '{"place":"here"}' } },
    ],
  ],
  [
    'the name repeated',
    [call({ index: 0, id: 'c' }, 'look', '{"place":'), call({ index: 0, id: 'c' }, 'look', '"here"}')],
  ],
  [
    'the name in pieces',
    [
      call({ index: 0, id: 'c' }, 'lo', ''),
      call({ index: 0 }, 'ok', ''),
      call({ index: 0 }, undefined, '{"place":"here"}'),
    ],
  ],
  [
    'the name growing',
    [
      call({ index: 0, id: 'c' }, 'lo', ''),
      call({ index: 0 }, 'look', ''),
      call({ index: 0 }, undefined, '{"place":"here"}'),
    ],
  ],
  ['the id late', [call({ index: 0 }, 'look', '{"place":'), call({ index: 0, id: 'c' }, undefined, '"here"}')]],
  ['the id empty', [call({ index: 0, id: '' }, 'look', '{"place":'), call({ index: 0, id: '' }, undefined, '"here"}')]],
  ['no id', [call({ index: 0 }, 'look', '{"place":'), call({ index: 0 }, undefined, '"here"}')]],
  [
    'another id each time',
    [call({ index: 0, id: 'c' }, 'look', '{"place":'), call({ index: 0, id: 'd' }, undefined, '"here"}')],
  ],
  [
    'another id and the name each time',
    [call({ index: 0, id: 'c' }, 'look', '{"place":'), call({ index: 0, id: 'd' }, 'look', '"here"}')],
  ],
  [
    'no index',
    [call({ id: 'c' }, 'look', ''), call({ id: 'c' }, undefined, '{"place":'), call({}, undefined, '"here"}')],
  ],
  ['no index, the id late', [call({}, 'look', ''), call({ id: 'c' }, undefined, '{"place":"here"}')]],
  ['no index, the name late', [call({ id: 'c' }, undefined, '{"place":"here"}'), call({ id: 'c' }, 'look')]],
  [
    'the index as text',
    [call({ index: '0', id: 'c' }, 'look', '{"place":'), call({ index: '0' }, undefined, '"here"}')],
  ],
  ['the arguments an object', [call({ index: 0, id: 'c' }, 'look', { place: 'here' })]],
  [
    'the arguments null first',
    [call({ index: 0, id: 'c' }, 'look', null), call({ index: 0 }, undefined, '{"place":"here"}')],
  ],
  [
    'the arguments again at the end',
    [call({ index: 0, id: 'c' }, 'look', '{"place":"here"}'), call({ index: 0, id: 'c' }, 'look', '{"place":"here"}')],
  ],
  ['not in a list', [delta(null), { index: 0, id: 'c', function: { name: 'look', arguments: '{"place":"here"}' } }]],
  ['among nonsense', [[null, 7, 'x'], call({ index: 0, id: 'c' }, 'look', '{"place":"here"}'), [{}], [{ index: 0 }]]],
]

describe('one call', () => {
  test.each(ONE)('%s', async (_, deltas) => {
    expect(await callsOf(...deltas)).toEqual(one)
  })

  test('every character of the arguments by itself', async () => {
    const pieces = Array.from('{"place":"h\\u0065re"}', piece => call({ index: 0 }, undefined, piece))
    expect(await callsOf(call({ index: 0, id: 'c' }, 'look', ''), ...pieces)).toEqual(one)
  })

  test('bytes of one character in two pieces', async () => {
    const bytes = new TextEncoder().encode(
      delta({ tool_calls: [call({ index: 0, id: 'c' }, 'look', '{"place":"🦦"}')] }),
    )
    const middle = bytes.indexOf(0xf0) + 2
    const calls = await callsIn(bytes.slice(0, middle), bytes.slice(middle), finish('tool_calls'), DONE)
    expect(calls).toEqual([['look', { place: '🦦' }]])
  })

  test('the finish reason says stop, or nothing', async () => {
    const frame = delta({ tool_calls: [call({ index: 0, id: 'c' }, 'look', '{"place":"here"}')] })
    expect(await callsIn(frame, finish('stop'), DONE)).toEqual(one)
    expect(await callsIn(frame, DONE)).toEqual(one)
  })

  test('with the finish reason in one frame', async () => {
    const choice = {
      delta: { tool_calls: [call({ index: 0, id: 'c' }, 'look', '{"place":"here"}')] },
      finish_reason: 'tool_calls',
    }
    expect(await callsIn(event({ choices: [choice] }), DONE)).toEqual(one)
  })

  test("as the protocol's first form, a function call", async () => {
    const calls = await callsIn(
      delta({ function_call: { name: 'look', arguments: '{"place":' } }),
      delta({ function_call: { arguments: '"here"}' } }),
      finish('function_call'),
      DONE,
    )
    expect(calls).toEqual(one)
  })
})

const TWO: readonly [string, readonly unknown[]][] = [
  ['one after the other', [call({ index: 0, id: 'c' }, 'look', A), call({ index: 1, id: 'd' }, 'look', B)]],
  ['in one frame', [[call({ index: 0, id: 'c' }, 'look', A), call({ index: 1, id: 'd' }, 'look', B)]]],
  [
    'in turns',
    [
      call({ index: 0, id: 'c' }, 'look', '{"place":'),
      call({ index: 1, id: 'd' }, 'look', '{"place":'),
      call({ index: 0 }, undefined, '"a"}'),
      call({ index: 1 }, undefined, '"b"}'),
    ],
  ],
  ['with the same index', [call({ index: 0, id: 'c' }, 'look', A), call({ index: 0, id: 'd' }, 'look', B)]],
  ['with the same index and no ids', [call({ index: 0 }, 'look', A), call({ index: 0 }, 'look', B)]],
  ['with the same id', [call({ index: 0, id: 'c' }, 'look', A), call({ index: 1, id: 'c' }, 'look', B)]],
  ['without an index', [call({ id: 'c' }, 'look', A), call({ id: 'd' }, 'look', B)]],
  ['without an index, in one frame', [[call({ id: 'c' }, 'look', A), call({ id: 'd' }, 'look', B)]]],
  ['without index and id', [call({}, 'look', A), call({}, 'look', B)]],
  [
    'without an index, in pieces',
    [
      call({ id: 'c' }, 'look', '{"place":'),
      call({}, undefined, '"a"}'),
      call({ id: 'd' }, 'look', '{"place":'),
      call({}, undefined, '"b"}'),
    ],
  ],
  ['with indexes that begin at 1', [call({ index: 1, id: 'c' }, 'look', A), call({ index: 2, id: 'd' }, 'look', B)]],
]

describe('two calls', () => {
  test.each(TWO)('%s', async (_, deltas) => {
    expect(await callsOf(...deltas)).toEqual(two)
  })

  test('the same call twice with ids of their own is two calls', async () => {
    const deltas = [call({ index: 0, id: 'c' }, 'look', A), call({ index: 1, id: 'd' }, 'look', A)]
    expect(await callsOf(...deltas)).toEqual([two[0], two[0]])
  })

  test('whose names begin alike, with the same index', async () => {
    const deltas = [call({ index: 0, id: 'c' }, 'look', A), call({ index: 0, id: 'd' }, 'look_again', B)]
    expect(await callsOf(...deltas)).toEqual([
      ['look', { place: 'a' }],
      ['look_again', { place: 'b' }],
    ])
  })
})

test("through OpenAI's own package", async () => {
  const frames = [call({ id: 'c' }, '', '{"place":'), call({}, 'look', '"here"}')].map(one =>
    delta({ tool_calls: [one] }),
  )
  await using provider = await RawProvider.start(
    closed(...frames, finish('stop'), DONE),
    closed(say('fine'), finish(), DONE),
  )
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
  const model = createOpenAI({ apiKey: 'k', baseURL: provider.url }).chat('m')
  expect(await agent({ model, tools: [lookup()] }).apply(port)).toMatchObject({ type: 'completed' })
  expect(port.of('outcomes')).toMatchObject([{ outcomes: [{ output: 'seen: here' }] }])
})

test('a slow call that keeps coming is no silence', async () => {
  const args = Array.from('{"place":"here"}', piece => delta({ tool_calls: [call({ index: 0 }, undefined, piece)] }))
  await using provider = await RawProvider.start(
    paced(120, [
      say('let me see'),
      delta({ tool_calls: [call({ index: 0, id: 'c' }, 'look', '')] }),
      ...args,
      finish('tool_calls') + DONE,
    ]),
    closed(say('fine'), finish(), DONE),
  )
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
  const limits = { retries: 0, streamStallMs: 1500, firstContentMs: 1500 }
  const executor = agent({ model: 'compatible/m', baseUrl: provider.url, env: {}, tools: [lookup()], ...limits })
  expect(await executor.apply(port)).toMatchObject({ type: 'completed' })
})
