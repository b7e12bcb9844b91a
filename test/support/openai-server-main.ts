/**
 * The test server by itself, to try the CLI by hand: `node test/support/openai-server-main.ts --port 4040`.
 * It prints its URL and answers the last user message by the rules below; anything else is echoed.
 */
import { parseArgs } from 'node:util'
import { fittingValue } from './openai/schema-value.ts'
import {
  type ChatRequest,
  contentFiltered,
  cut,
  echo,
  fragments,
  json,
  lastUserText,
  lengthLimited,
  type ScriptedReply,
  stall,
  startOpenAiServer,
  status,
  text,
  toolCalls,
  trailingToolResults,
} from './openai-server.ts'

const USAGE = `Rules for the last user message (the whole message must match):
  call TOOL {JSON}   calls the tool; its result is echoed
  status CODE        answers with that HTTP status (429 with retry-after: 1)
  stall | cut        three chunks, then silence | a destroyed socket
  length | filter    ends with that finish reason
  anything else      echo; with a json_schema response format: a value that fits it`

function answerToUser(body: ChatRequest): ScriptedReply {
  const said = lastUserText(body).trim()
  const sample = text({ chunks: fragments('This answer does not come to its natural end.', 5) })
  const [word = '', first = '', rest = ''] = /^(\w+)(?: (\S+))?(?: (.*))?$/s.exec(said)?.slice(1) ?? []
  if (word === 'call' && first !== '')
    return toolCalls([{ id: `call_${Date.now()}`, name: first, rawArgs: rest || '{}' }])
  if (word === 'status' && first !== '') return status(Number(first), first === '429' ? { retryAfter: 1 } : {})
  if (said === 'stall') return stall(sample, 3)
  if (said === 'cut') return cut(sample, 3)
  if (said === 'length') return lengthLimited(sample)
  if (said === 'filter') return contentFiltered(sample)
  const schema = body.response_format?.json_schema?.schema
  return schema === undefined ? echo : json(fittingValue(schema))
}

function answer(body: ChatRequest): ScriptedReply {
  const results = trailingToolResults(body)
  if (results.length === 0) return answerToUser(body)
  return text({ chunks: results.map(({ id, text: result }) => `${id} answered: ${result}\n`) })
}

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, help: { type: 'boolean', default: false } },
})
if (values.help) {
  console.log(USAGE)
} else {
  const server = await startOpenAiServer({ port: Number(values.port), models: ['echo'], fallback: answer })
  console.log(server.url)
  const stop = (): void => {
    for (const violation of server.violations) console.error(violation)
    void server.close()
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
}
