/** Everything that goes wrong between an agent and a model provider, one function each. */
import type { Answer, Dropped, HttpReply, ReplyFunction, Step, ToolCallsOptions } from './reply.ts'
import { toolCalls } from './reply.ts'
import { schemaOfTool } from './request.ts'
import { violatingValue } from './schema-value.ts'

interface ErrorFields {
  readonly message: string
  readonly type: string
  readonly code: string | null
}

const ERRORS: Readonly<Record<number, ErrorFields>> = {
  400: { message: 'We could not parse the JSON body of your request.', type: 'invalid_request_error', code: null },
  401: { message: 'Incorrect API key provided.', type: 'invalid_request_error', code: 'invalid_api_key' },
  403: { message: 'Country, region, or territory not supported.', type: 'request_forbidden', code: null },
  404: {
    message: 'The model does not exist or you do not have access to it.',
    type: 'invalid_request_error',
    code: 'model_not_found',
  },
  429: { message: 'Rate limit reached for requests.', type: 'requests', code: 'rate_limit_exceeded' },
  500: { message: 'The server had an error while processing your request.', type: 'server_error', code: null },
  503: { message: 'The engine is currently overloaded, please try again later.', type: 'server_error', code: null },
}

export interface StatusOptions {
  /** Seconds, or a date for the HTTP-date form. */
  readonly retryAfter?: number | Date
  /** OpenAI's finer `retry-after-ms`. */
  readonly retryAfterMs?: number
  readonly message?: string
  readonly errorType?: string
  readonly code?: string
  readonly headers?: Readonly<Record<string, string>>
}

function retryHeaders({ retryAfter, retryAfterMs }: StatusOptions): Record<string, string> {
  return {
    ...(retryAfter === undefined
      ? {}
      : { 'retry-after': typeof retryAfter === 'number' ? String(retryAfter) : retryAfter.toUTCString() }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }),
  }
}

export function status(code: number, options: StatusOptions = {}): HttpReply {
  const known = ERRORS[code] ?? {
    message: `status ${code}`,
    type: code < 500 ? 'invalid_request_error' : 'server_error',
    code: null,
  }
  const error = {
    message: options.message ?? known.message,
    type: options.errorType ?? known.type,
    param: null,
    code: options.code ?? known.code,
  }
  const headers = { 'content-type': 'application/json', ...retryHeaders(options), ...options.headers }
  return { type: 'http', status: code, headers, body: JSON.stringify({ error }) }
}

/** A 429 that no waiting cures. */
export function quotaExceeded(): HttpReply {
  return status(429, {
    message: 'You exceeded your current quota, please check your plan and billing details.',
    errorType: 'insufficient_quota',
    code: 'insufficient_quota',
  })
}

export function contextLengthExceeded(limit = 128_000): HttpReply {
  return status(400, {
    message: `This model's maximum context length is ${limit} tokens. Please reduce the length of the messages.`,
    code: 'context_length_exceeded',
  })
}

/** The error page of a proxy in front of the provider; with status 200 it is a captive portal. */
export function htmlPage(code = 502): HttpReply {
  const body = `<!DOCTYPE html><html><head><title>${code}</title></head><body><h1>${code}</h1><hr>nginx</body></html>\n`
  return { type: 'http', status: code, headers: { 'content-type': 'text/html' }, body }
}

/** A body that is broken JSON, for requests that do not stream. */
export function malformedBody(body = '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"ind'): HttpReply {
  return { type: 'http', status: 200, headers: { 'content-type': 'application/json' }, body }
}

/** Closes the connection without a byte of response. */
export function drop(): Dropped {
  return { type: 'drop' }
}

/** The first `count` deltas, with the gates among them. */
function firstDeltas(steps: readonly Step[], count: number): Step[] {
  let seen = 0
  const end = steps.findIndex(step => step.type === 'delta' && seen++ === count)
  return end === -1 ? [...steps] : steps.slice(0, end)
}

/** Destroys the socket after `count` deltas: no finish reason, no `[DONE]`. */
export function cut(answer: Answer, count: number): Answer {
  return { ...answer, steps: firstDeltas(answer.steps, count), ending: 'cut' }
}

/** Sends `count` deltas, then nothing more, with the connection open until somebody closes it. */
export function stall(answer: Answer, count: number): Answer {
  return { ...answer, steps: firstDeltas(answer.steps, count), ending: 'stall' }
}

/** Ends the response cleanly after `count` deltas, without finish reason and `[DONE]`: a proxy's timeout looks so. */
export function endEarly(answer: Answer, count: number): Answer {
  return { ...answer, steps: firstDeltas(answer.steps, count), ending: 'eof' }
}

function raw(data: string): Step {
  return { type: 'raw', data }
}

/** Puts an event with broken JSON after `count` deltas; the rest of the answer follows as if nothing had been. */
export function malformedChunk(answer: Answer, count: number, data = '{"id":"chatcmpl-1","choices":[{"del'): Answer {
  const head = firstDeltas(answer.steps, count)
  return { ...answer, steps: [...head, raw(data), ...answer.steps.slice(head.length)] }
}

/** An error object inside the stream after `count` deltas, as OpenAI and vLLM send it, and then the end. */
export function errorChunk(answer: Answer, count: number, code = 500, options: StatusOptions = {}): Answer {
  const steps = [...firstDeltas(answer.steps, count), raw(status(code, options).body)]
  return { ...answer, steps, ending: 'eof' }
}

/** Stops at the token limit. */
export function lengthLimited(answer: Answer): Answer {
  return { ...answer, finishReason: 'length' }
}

export function contentFiltered(answer: Answer): Answer {
  return { ...answer, finishReason: 'content_filter' }
}

/** A call whose arguments are no JSON: the model stopped in the middle of them. */
export function invalidJsonArgs(id: string, name: string, rawArgs = '{"query": "unfinis'): Answer {
  return toolCalls([{ id, name, rawArgs }])
}

/** A call whose arguments are JSON but break the schema that the request declares for the tool. */
export function schemaViolation(id: string, name: string, options: ToolCallsOptions = {}): ReplyFunction {
  return body => toolCalls([{ id, name, args: violatingValue(schemaOfTool(body, name) ?? {}) }], options)
}

/** A call of a tool that the request did not offer. */
export function unknownTool(id: string, name = 'no_such_tool', args: unknown = {}): Answer {
  return toolCalls([{ id, name, args }])
}
