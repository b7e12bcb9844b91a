import { expect, test } from 'vitest'
import { checkRequest } from './check-request.ts'

const user = { role: 'user', content: 'hello' }

function call(id: string, args = '{}'): Record<string, unknown> {
  return { id, type: 'function', function: { name: 'look', arguments: args } }
}

function calls(...ids: string[]): Record<string, unknown> {
  return { role: 'assistant', content: null, tool_calls: ids.map(id => call(id)) }
}

function result(id: string): Record<string, unknown> {
  return { role: 'tool', tool_call_id: id, content: 'found' }
}

function request(messages: readonly unknown[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'm', messages, ...more }
}

const tool = { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }

test('a whole conversation with parallel calls, answered in any order, is in order', () => {
  const messages = [{ role: 'system', content: 's' }, user, calls('a', 'b'), result('b'), result('a'), user]
  const more = {
    tools: [tool],
    tool_choice: 'auto',
    stream: true,
    stream_options: { include_usage: true },
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
    temperature: 0,
  }
  expect(checkRequest(request(messages, more))).toEqual([])
})

test.each([
  ['a call without its tool message', [user, calls('a', 'b'), result('a')], "call 'b' has no tool message"],
  ['a message before it', [user, calls('a'), user], "messages[2] comes before the tool message for call 'a'"],
  ['a second result', [calls('a'), result('a'), result('a')], 'messages[2] answers call "a", which is not open there'],
  ['a result of nothing', [user, result('z')], 'messages[1] answers call "z", which is not open there'],
  ['two calls with one id', [calls('a', 'a'), result('a')], "messages[0] uses call id 'a' twice"],
  ['an unknown role', [{ role: 'robot', content: 'x' }], 'messages[0].role "robot" is not valid'],
  [
    'an assistant that says nothing',
    [{ role: 'assistant', content: null }],
    'messages[0] has neither content nor tool calls',
  ],
  ['no content', [{ role: 'user' }], 'messages[0].content is neither a string nor a list of parts'],
  ['an unknown part', [{ role: 'user', content: [{ type: 'smell' }] }], 'messages[0].content[0] is not a known part'],
  ['no messages', [], 'messages is not a non-empty array'],
  [
    'arguments that are no JSON',
    [{ role: 'assistant', tool_calls: [call('a', '{"x')] }, result('a')],
    'messages[0].tool_calls[0].function.arguments is not a JSON object as a string',
  ],
])('finds %s', (_, messages, violation) => {
  expect(checkRequest(request(messages))).toContain(violation)
})

test.each([
  [
    'a tool schema that is no object',
    { tools: [{ type: 'function', function: { name: 'a', parameters: [] } }] },
    'tools[0].function.parameters is not',
  ],
  [
    'a tool schema of another type',
    { tools: [{ type: 'function', function: { name: 'a', parameters: { type: 'string' } } }] },
    'tools[0].function.parameters is not',
  ],
  [
    'a bad tool name',
    { tools: [{ type: 'function', function: { name: 'a.b' } }] },
    'tools[0].function.name "a.b" is not valid',
  ],
  ['a tool declared twice', { tools: [tool, tool] }, "tool 'look' is declared twice"],
  ['an empty tool list', { tools: [] }, 'tools is not a non-empty array'],
  ['a choice without tools', { tool_choice: 'auto' }, 'tool_choice without tools'],
  ['a choice of no tool', { tools: [tool], tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice'],
  ['stream options without stream', { stream_options: {} }, 'stream_options without stream'],
  ['JSON mode that nobody asked for', { response_format: { type: 'json_object' } }, 'json_object, but no message'],
  ['an unknown format', { response_format: { type: 'yaml' } }, 'response_format.type "yaml" is not valid'],
  ['an unknown argument', { maxTokens: 3 }, "unknown argument 'maxTokens'"],
  ['a temperature off the scale', { temperature: 3 }, 'temperature 3 is not between 0 and 2'],
  ['no model', { model: '' }, 'model is not a non-empty string'],
])('finds %s', (_, more, violation) => {
  expect(checkRequest(request([user], more)).join('\n')).toContain(violation)
})
