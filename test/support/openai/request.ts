/** What the server receives: the wire types of a chat-completions request, the record that it keeps, and a few readers. */
import type { IncomingHttpHeaders } from 'node:http'

export interface ChatContentPart {
  readonly type: string
  readonly text?: string
  readonly [key: string]: unknown
}

export interface ChatToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly ChatContentPart[] | null
  readonly tool_calls?: readonly ChatToolCall[]
  readonly tool_call_id?: string
  readonly reasoning_content?: string
  readonly name?: string
}

export interface ChatTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters?: JsonSchema
    readonly strict?: boolean
  }
}

export type JsonSchema = { readonly [key: string]: unknown }

export interface ChatResponseFormat {
  readonly type: 'text' | 'json_object' | 'json_schema'
  readonly json_schema?: { readonly name: string; readonly schema?: JsonSchema; readonly strict?: boolean }
}

/** Trusted as this shape only if `checkRequest` found nothing; a test that asserts empty violations may rely on it. */
export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean }
  readonly tools?: readonly ChatTool[]
  readonly tool_choice?: string | { readonly type: 'function'; readonly function: { readonly name: string } }
  readonly parallel_tool_calls?: boolean
  readonly response_format?: ChatResponseFormat
  readonly [key: string]: unknown
}

/** How the exchange ended, as the server saw it. */
export type ExchangeEnd = 'answered' | 'cut' | 'client-closed' | 'server-closed'

export interface RecordedRequest {
  /** 0 for the first chat completion that arrived. */
  readonly index: number
  readonly headers: IncomingHttpHeaders
  readonly body: ChatRequest
  /** Epoch milliseconds of arrival. */
  readonly at: number
  /** Whether the client went away (an abort) or got its answer; resolves when the exchange is over. */
  readonly ended: Promise<ExchangeEnd>
}

export function textOf(message: ChatMessage | undefined): string {
  const content = message?.content
  if (content === undefined || content === null) return ''
  return typeof content === 'string' ? content : content.map(part => part.text ?? '').join('')
}

export function lastUserText(body: ChatRequest): string {
  return textOf(body.messages.findLast(message => message.role === 'user'))
}

export interface ToolOutcome {
  readonly id: string
  readonly text: string
}

/** The tool messages at the end of the conversation: what the client answers to the last tool calls. */
export function trailingToolResults(body: ChatRequest): readonly ToolOutcome[] {
  const lastOther = body.messages.findLastIndex(message => message.role !== 'tool')
  return body.messages.slice(lastOther + 1).map(message => ({ id: message.tool_call_id ?? '', text: textOf(message) }))
}

export function schemaOfTool(body: ChatRequest, name: string): JsonSchema | undefined {
  return body.tools?.find(tool => tool.function.name === name)?.function.parameters
}
