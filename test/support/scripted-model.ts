/** A model without a server: it says what it was told to, one line a call, and its last line for ever. */
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider'

interface Call {
  readonly call: string
  readonly args?: unknown
  /** The arguments as the model wrote them. */
  readonly input?: string
}

export type Line = { readonly say: string } | Call | { readonly calls: readonly Call[] }

export type ScriptedModel = LanguageModelV4 & { readonly asked: Parameters<LanguageModelV4['doStream']>[0][] }

export function scriptOf(lines: readonly Line[]): ScriptedModel {
  const asked: Parameters<LanguageModelV4['doStream']>[0][] = []
  return {
    asked,
    specificationVersion: 'v4',
    provider: 'test',
    modelId: 'test/scripted',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('the scripted model only streams')),
    doStream: options => {
      const line = lines[Math.min(asked.length, lines.length - 1)] ?? { say: 'done' }
      asked.push(options)
      return Promise.resolve({ stream: ReadableStream.from(partsOf(line, asked.length)) })
    },
  }
}

function partsOf(line: Line, turn: number): readonly LanguageModelV4StreamPart[] {
  const begin: LanguageModelV4StreamPart = { type: 'stream-start', warnings: [] }
  if ('say' in line) {
    return [
      begin,
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: line.say },
      { type: 'text-end', id: 't' },
      { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: USAGE },
    ]
  }
  const calls = 'calls' in line ? line.calls : [line]
  return [
    begin,
    ...calls.map((one, index): LanguageModelV4StreamPart => {
      const input = one.input ?? JSON.stringify(one.args ?? {})
      return { type: 'tool-call', toolCallId: `${turn}-${index}`, toolName: one.call, input }
    }),
    { type: 'finish', finishReason: { unified: 'tool-calls', raw: 'tool_calls' }, usage: USAGE },
  ]
}

const USAGE = {
  inputTokens: { total: 10, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 2, text: undefined, reasoning: undefined },
}
