/**
 * The rules of the conversation. The one that agents break: an assistant message with tool calls is followed by exactly
 * its tool messages, each id once, before anything else; and no tool message stands anywhere else. Pure.
 */
import { isRecord } from './is-record.ts'

const PART_TYPES: ReadonlySet<unknown> = new Set(['text', 'image_url', 'input_audio', 'file', 'refusal'])

export function checkMessages(messages: unknown): string[] {
  if (!Array.isArray(messages) || messages.length === 0) return ['messages is not a non-empty array']
  const found: string[] = []
  // The calls of the last assistant message that have no tool message yet.
  let unanswered: ReadonlySet<string> = new Set()
  for (const [at, message] of (messages as unknown[]).entries()) {
    const where = `messages[${at}]`
    if (!isRecord(message)) {
      found.push(`${where} is not an object`)
      continue
    }
    found.push(...checkMessage(message, where))
    if (message['role'] === 'tool') {
      if (!unanswered.has(String(message['tool_call_id']))) found.push(misplacedTool(message, where))
      unanswered = without(unanswered, String(message['tool_call_id']))
    } else {
      found.push(...[...unanswered].map(id => `${where} comes before the tool message for call '${id}'`))
      unanswered = new Set(callIds(message))
    }
  }
  return [...found, ...[...unanswered].map(id => `call '${id}' has no tool message`)]
}

function misplacedTool(message: Record<string, unknown>, where: string): string {
  return `${where} answers call ${JSON.stringify(message['tool_call_id'])}, which is not open there`
}

function without(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set([...ids].filter(other => other !== id))
}

function callIds(message: Record<string, unknown>): string[] {
  const calls = message['tool_calls']
  return Array.isArray(calls) ? calls.map((call: unknown) => String(isRecord(call) ? call['id'] : undefined)) : []
}

function checkMessage(message: Record<string, unknown>, where: string): string[] {
  switch (message['role']) {
    case 'system':
    case 'developer':
    case 'user':
    case 'tool':
      return checkContent(message['content'], where)
    case 'assistant':
      return checkAssistant(message, where)
    default:
      return [`${where}.role ${JSON.stringify(message['role'])} is not valid`]
  }
}

function checkContent(content: unknown, where: string): string[] {
  if (typeof content === 'string') return []
  if (!Array.isArray(content) || content.length === 0)
    return [`${where}.content is neither a string nor a list of parts`]
  return content.flatMap((part: unknown, at) => {
    if (!isRecord(part) || !PART_TYPES.has(part['type'])) return [`${where}.content[${at}] is not a known part`]
    return part['type'] === 'text' && typeof part['text'] !== 'string'
      ? [`${where}.content[${at}].text is not a string`]
      : []
  })
}

function checkAssistant(message: Record<string, unknown>, where: string): string[] {
  const { content, tool_calls: calls } = message
  const hasContent = content !== undefined && content !== null
  const found = hasContent ? checkContent(content, where) : []
  if (calls === undefined) return hasContent ? found : [`${where} has neither content nor tool calls`]
  if (!Array.isArray(calls) || calls.length === 0) return [...found, `${where}.tool_calls is not a non-empty array`]
  const ids = callIds(message)
  const doubled = ids.filter((id, at) => ids.indexOf(id) !== at)
  return [
    ...found,
    ...calls.flatMap((call: unknown, at) => checkCall(call, `${where}.tool_calls[${at}]`)),
    ...doubled.map(id => `${where} uses call id '${id}' twice`),
  ]
}

function checkCall(call: unknown, where: string): string[] {
  if (!isRecord(call) || call['type'] !== 'function' || !isRecord(call['function']))
    return [`${where} is not a function call`]
  const { name, arguments: args } = call['function']
  return [
    ...(typeof call['id'] === 'string' && call['id'] !== '' ? [] : [`${where}.id is not a non-empty string`]),
    ...(typeof name === 'string' && name !== '' ? [] : [`${where}.function.name is not a non-empty string`]),
    ...(typeof args === 'string' && isJsonObject(args)
      ? []
      : [`${where}.function.arguments is not a JSON object as a string`]),
  ]
}

function isJsonObject(text: string): boolean {
  try {
    return isRecord(JSON.parse(text))
  } catch {
    return false
  }
}
