/**
 * Says what a strict OpenAI-compatible server would refuse in a request. Stricter than any single one: what OpenAI
 * checks, and what the chat templates of vLLM and llama.cpp fail on (tool arguments that are no JSON object). Pure.
 */
import { checkMessages } from './check-messages.ts'
import { isRecord } from './is-record.ts'

const KNOWN_KEYS: ReadonlySet<string> = new Set(
  `model messages stream stream_options tools tool_choice parallel_tool_calls response_format temperature top_p n stop
  max_tokens max_completion_tokens presence_penalty frequency_penalty logit_bias logprobs top_logprobs user seed store
  metadata service_tier reasoning_effort verbosity modalities audio prediction prompt_cache_key prompt_cache_retention
  safety_identifier web_search_options`.split(/\s+/),
)

const NAME: RegExp = /^[a-zA-Z0-9_-]{1,64}$/

export function checkRequest(body: unknown): string[] {
  if (!isRecord(body)) return ['the body is not a JSON object']
  return [
    ...Object.keys(body)
      .filter(key => !KNOWN_KEYS.has(key))
      .map(key => `unknown argument '${key}'`),
    ...(typeof body['model'] === 'string' && body['model'] !== '' ? [] : ['model is not a non-empty string']),
    ...checkMessages(body['messages']),
    ...checkTools(body),
    ...checkStream(body),
    ...checkResponseFormat(body),
    ...checkNumbers(body),
  ]
}

function checkTools(body: Record<string, unknown>): string[] {
  const { tools } = body
  if (tools === undefined) {
    return ['tool_choice', 'parallel_tool_calls'].filter(key => key in body).map(key => `${key} without tools`)
  }
  if (!Array.isArray(tools) || tools.length === 0) return ['tools is not a non-empty array']
  const found = tools.flatMap((tool: unknown, at) => checkTool(tool, `tools[${at}]`))
  const names = tools.map(nameOfTool)
  const doubled = names.filter((name, at) => names.indexOf(name) !== at)
  return [...found, ...doubled.map(name => `tool '${String(name)}' is declared twice`), ...checkToolChoice(body, names)]
}

function nameOfTool(tool: unknown): unknown {
  return isRecord(tool) && isRecord(tool['function']) ? tool['function']['name'] : undefined
}

function checkTool(tool: unknown, where: string): string[] {
  if (!isRecord(tool) || tool['type'] !== 'function') return [`${where}.type is not 'function'`]
  const declared = tool['function']
  if (!isRecord(declared)) return [`${where}.function is not an object`]
  const { name, description, parameters } = declared
  return [
    ...(typeof name === 'string' && NAME.test(name)
      ? []
      : [`${where}.function.name ${JSON.stringify(name)} is not valid`]),
    ...(description === undefined || typeof description === 'string'
      ? []
      : [`${where}.function.description is not a string`]),
    ...(parameters === undefined || (isRecord(parameters) && parameters['type'] === 'object')
      ? []
      : [`${where}.function.parameters is not a schema of type 'object'`]),
  ]
}

function checkToolChoice(body: Record<string, unknown>, names: readonly unknown[]): string[] {
  const choice = body['tool_choice']
  if (choice === undefined || choice === 'auto' || choice === 'none' || choice === 'required') return []
  return isRecord(choice) && choice['type'] === 'function' && names.includes(nameOfTool(choice))
    ? []
    : [`tool_choice ${JSON.stringify(choice)} is neither a mode nor a declared tool`]
}

function checkStream({ stream, stream_options: options }: Record<string, unknown>): string[] {
  return [
    ...(stream === undefined || typeof stream === 'boolean' ? [] : ['stream is not a boolean']),
    ...(options === undefined || stream === true ? [] : ['stream_options without stream']),
    ...(options === undefined || isRecord(options) ? [] : ['stream_options is not an object']),
  ]
}

function checkResponseFormat(body: Record<string, unknown>): string[] {
  const format = body['response_format']
  if (format === undefined || (isRecord(format) && format['type'] === 'text')) return []
  if (!isRecord(format)) return ['response_format is not an object']
  if (format['type'] === 'json_object') {
    // OpenAI refuses this mode unless some message speaks of JSON.
    return /json/i.test(JSON.stringify(body['messages']))
      ? []
      : ["json_object, but no message contains the word 'json'"]
  }
  if (format['type'] !== 'json_schema') return [`response_format.type ${JSON.stringify(format['type'])} is not valid`]
  const declared = format['json_schema']
  if (!isRecord(declared)) return ['response_format.json_schema is not an object']
  return [
    ...(typeof declared['name'] === 'string' && NAME.test(declared['name']) ? [] : ['json_schema.name is not valid']),
    ...(declared['schema'] === undefined || isRecord(declared['schema'])
      ? []
      : ['json_schema.schema is not an object']),
  ]
}

const RANGES: readonly (readonly [key: string, least: number, most: number])[] = [
  ['temperature', 0, 2],
  ['top_p', 0, 1],
  ['presence_penalty', -2, 2],
  ['frequency_penalty', -2, 2],
  ['max_tokens', 1, Number.MAX_SAFE_INTEGER],
  ['max_completion_tokens', 1, Number.MAX_SAFE_INTEGER],
]

function checkNumbers(body: Record<string, unknown>): string[] {
  return RANGES.flatMap(([key, least, most]) => {
    const value = body[key] ?? undefined
    if (value === undefined || (typeof value === 'number' && value >= least && value <= most)) return []
    return [`${key} ${JSON.stringify(value)} is not between ${least} and ${most}`]
  })
}
