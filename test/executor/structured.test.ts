/** Answers that have to fit a JSON Schema. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agentOn, lookup, saying, start, textOf } from '../support/agent-run.ts'
import * as openai from '../support/openai-server.ts'
import { json, type OpenAiServer, startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
  expect(server.unused).toBe(0)
})

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
}
const anna = { name: 'Anna', age: 36 }
const asking = { input: { outputSchema: person } }

describe('a structured answer', () => {
  test('is asked for as a format and in words, and is checked', async () => {
    server.script([json(anna)])
    expect(await start(agentOn(server, { system: 'Be brief.' }), asking).output).toMatchObject({
      type: 'completed',
      output: anna,
    })
    const [request] = server.requests
    expect(request?.body.response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { schema: person, strict: true },
    })
    expect(request?.body.messages[0]).toMatchObject({
      role: 'system',
      content: saying(/^Be brief\.[^]*JSON Schema/),
    })
  })

  test('is not asked for in strict mode where the schema does not fit it', async () => {
    server.script([json({})])
    await start(agentOn(server), {
      input: { outputSchema: { type: 'object', properties: { name: { type: 'string' } } } },
    }).output
    expect(server.requests[0]?.body.response_format).toMatchObject({ json_schema: { strict: false } })
  })

  test.each([
    ['a code fence', `\`\`\`json\n${JSON.stringify(anna)}\n\`\`\``],
    ['a word before it', `Here you are: ${JSON.stringify(anna)}`],
    ['space around it', `\n  ${JSON.stringify(anna)}\n`],
  ])('is found behind %s', async (_, answer) => {
    server.script([text(answer)])
    expect(await start(agentOn(server), asking).output).toMatchObject({ type: 'completed', output: anna })
  })

  test('comes after tool calls', async () => {
    server.script([toolCalls([{ id: 'c', name: 'look', args: { place: 'here' } }]), json(anna)])
    expect(await start(agentOn(server, { tools: [lookup()] }), asking).output).toMatchObject({
      type: 'completed',
      output: anna,
    })
  })

  test('that does not fit is asked for again, and the model is told what was wrong', async () => {
    server.script([json({ name: 'Anna', age: 'old' }), text('no idea'), json(anna)])
    const run = start(agentOn(server), asking)
    expect(await run.output).toMatchObject({ type: 'completed', output: anna, turn: 3 })
    expect(run.port.of('invalid-answer')).toMatchObject([
      { turn: 1, error: '/age must be integer' },
      { turn: 2, error: 'it is not JSON' },
    ])
    const roles = server.requests[2]?.body.messages.map(({ role }) => role)
    expect(roles).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'user'])
    expect(openai.lastUserText(server.requests[1]!.body)).toContain('/age must be integer')
  })

  test('that never fits ends the run, with the text kept', async () => {
    server.script([text('one'), text('two')])
    const output = await start(agentOn(server), { ...asking, extractions: 1 }).output
    expect(output).toMatchObject({ type: 'failed', source: 'structured-output-validation-failed' })
    expect(textOf(output)).toBe('two')
  })

  test('of an endpoint that refuses the format is asked for in words alone', async () => {
    server.script([openai.status(400, { message: 'response_format is not supported' }), json(anna)])
    const run = start(agentOn(server), asking)
    expect(await run.output).toMatchObject({ type: 'completed', output: anna })
    expect(server.requests[1]?.body.response_format).toBeUndefined()
    expect(run.port.events('notice')).toMatchObject([{ code: 'response-format-refused' }])
  })

  test('an empty answer does not fit', async () => {
    server.script([openai.empty(), openai.empty(), json(anna)])
    const run = start(agentOn(server), asking)
    await run.clock.waiting(1000)
    run.clock.advance(1000)
    expect(await run.output).toMatchObject({ type: 'completed', output: anna })
    expect(run.port.of('invalid-answer')).toMatchObject([{ error: 'it is empty' }])
  })
})

describe('schemas', () => {
  test.each([
    ['an unknown type', { type: 'strin' }],
    ['properties that are none', { type: 'object', properties: 5 }],
    ['a reference to nowhere', { $ref: '#/$defs/missing' }],
    ['no object', 'a string'],
    ['a broken pattern', { type: 'string', pattern: '(' }],
  ])('%s: the run fails before the model is asked', async (_, outputSchema) => {
    const output = await start(agentOn(server), { input: { outputSchema } }).output
    expect(output).toMatchObject({
      type: 'failed',
      source: 'invalid-output-schema',
      error: { message: saying('outputSchema is not a JSON Schema') },
    })
    expect(server.requests).toEqual([])
  })

  test.each([
    ['constants', { const: { a: [1] } }, { a: [1] }, { a: [2] }],
    ['negation', { not: { type: 'string' } }, 1, 'x'],
    ['conditions', { if: { type: 'number' }, else: { minLength: 2 } }, 7, 'x'],
    ['required without type', { required: ['a'] }, { a: 1 }, {}],
    ['formats', { type: 'string', format: 'email' }, 'a@b.org', 'nobody'],
    ['dependencies', { dependentRequired: { a: ['b'] } }, { a: 1, b: 2 }, { a: 1 }],
    [
      'the older draft',
      { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] },
      ['a'],
      [1],
    ],
  ])('%s', async (_, outputSchema, good, bad) => {
    server.script([json(bad), json(good)])
    const run = start(agentOn(server), { input: { outputSchema } })
    expect(await run.output).toMatchObject({ type: 'completed', output: good })
    expect(run.port.of('invalid-answer')).toHaveLength(1)
  })
})
