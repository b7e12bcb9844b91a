/** Text is Unicode: what models stream in halves, what older releases wrote down, and what is cut here. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agentOn, lookup, start, textOf } from '../support/agent-run.ts'
import * as openai from '../support/openai-server.ts'
import { type OpenAiServer, startOpenAiServer, text } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
})

const [FIRST, SECOND] = ['\ud83e', '\udda6']

describe('what a model streams', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['a pair over two deltas', [`a${FIRST}`, `${SECOND}b`], ['a', '🦦b']],
    ['the halves alone', ['a', FIRST, SECOND, 'b'], ['a', '🦦', 'b']],
    ['a first half at the end', ['a', FIRST], ['a', '\ufffd']],
    ['a first half without its second', [`a${FIRST}`, 'b'], ['a', '\ufffdb']],
    ['a second half alone', [`a${SECOND}`, 'b'], ['a\ufffd', 'b']],
    ['two first halves', [`a${FIRST}`, FIRST, `${SECOND}b`], ['a', '\ufffd', '🦦b']],
  ])('%s', async (_, chunks, deltas) => {
    server.script([text({ chunks })])
    const { port, output } = start(agentOn(server))
    expect(textOf(await output)).toBe(deltas.join(''))
    expect(port.events('text.delta').map(event => event.text)).toEqual(deltas)
  })

  test('reasoning, with its half before the answer', async () => {
    server.script([text({ chunks: [`${SECOND}fine`], reasoning: [`hm ${FIRST}`] })])
    const { port, output } = start(agentOn(server))
    expect(textOf(await output)).toBe('\ufffdfine')
    expect(
      port
        .events('reasoning.delta')
        .map(event => event.text)
        .join(''),
    ).toBe('hm \ufffd')
    expect(port.events('reasoning.completed')).toMatchObject([{ text: 'hm \ufffd' }])
  })

  test('arguments and names of calls', async () => {
    server.script([
      openai.toolCalls([{ id: 'a', name: 'look', rawArgs: `{"place":"a\\ud83e","\\udda6":1}` }]),
      openai.toolCalls([{ id: 'b', name: 'look', rawArgs: `{"place":"unfin ${FIRST}` }]),
      text('fine'),
    ])
    const { port, output } = start(agentOn(server, { tools: [lookup()] }))
    expect(textOf(await output)).toBe('fine')
    expect(port.of('outcomes')[0]).toMatchObject({ outcomes: [{ output: 'seen: a\ufffd' }] })
    expect(isWellFormed(port.reports)).toBe(true)
  })
})

test('the prompt is well-formed, whatever the records hold', async () => {
  server.script([text('fine')])
  const broken = `x${FIRST}`
  const { output } = start(agentOn(server, { system: broken, tools: [lookup()] }), {
    context: [
      { role: 'user', content: broken, index: 0 },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: broken },
          { type: 'tool-call', callId: 'c', name: 'look', args: { [broken]: broken } },
        ],
        index: 1,
      },
      {
        role: 'tool',
        content: [{ type: 'tool-result', callId: 'c', name: 'look', output: { a: broken } }],
        index: 2,
      },
      { role: 'notice', content: broken, index: 3 },
      { role: 'assistant', content: broken, index: 4 },
    ],
    journal: [
      {
        role: 'user',
        content: [
          { type: 'text', text: broken },
          { type: 'json', value: [broken] },
        ],
      },
    ],
  })
  expect(textOf(await output)).toBe('fine')
  expect(isWellFormed(server.requests[0]?.body)).toBe(true)
  expect(JSON.stringify(server.requests[0]?.body).split('x\ufffd')).toHaveLength(11)
})

test('a compaction cuts between characters', async () => {
  server.script([text('summary'), text('fine')])
  const long = '🦦'.repeat(3001)
  const { port, output } = start(agentOn(server, { compaction: { thresholdTokens: 10, keepTurns: 0 } }), {
    context: [
      { role: 'user', content: `a${long}`, index: 0 },
      { role: 'assistant', content: `${long}`, index: 1 },
    ],
  })
  expect(textOf(await output)).toBe('fine')
  expect(isWellFormed(server.requests.map(({ body }) => body))).toBe(true)
  expect(JSON.stringify(server.requests[0]?.body)).not.toContain('\ufffd')
  expect(port.of('compact')).toHaveLength(1)
})

test('a summary by rule cuts between characters', async () => {
  server.script([openai.status(400), text('fine')])
  const content = `a${'🦦'.repeat(300)}`
  const context = Array.from({ length: 60 }, (_, index) => ({ role: 'user' as const, content, index }))
  const { port, output } = start(agentOn(server, { compaction: { thresholdTokens: 10, keepTurns: 0 } }), { context })
  expect(textOf(await output)).toBe('fine')
  expect(port.of('compact')[0]?.summary.isWellFormed()).toBe(true)
})

function isWellFormed(value: unknown): boolean {
  return !/\\ud[89a-f]/i.test(JSON.stringify(value))
}
