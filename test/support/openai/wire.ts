/** An answer as the bytes of the protocol: SSE events, or one completion folded from the same deltas. Pure. */
import type { Answer, Delta, Step, ToolCallDelta, UsageSpec } from './reply.ts'

export interface Envelope {
  readonly id: string
  readonly created: number
  readonly model: string
  /** `stream_options.include_usage` of the request. */
  readonly includeUsage: boolean
}

export type Frame =
  | { readonly type: 'event'; readonly data: string }
  | { readonly type: 'wait'; readonly gate: Extract<Step, { type: 'wait' }>['gate'] }

function usageObject(usage: UsageSpec): Record<string, unknown> {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
  }
}

function chunk(envelope: Envelope, choices: readonly unknown[], usage: unknown): Frame {
  const { id, created, model } = envelope
  const value = { id, object: 'chat.completion.chunk', created, model, system_fingerprint: 'fp_test', choices }
  return { type: 'event', data: JSON.stringify(envelope.includeUsage ? { ...value, usage } : value) }
}

function choice(delta: Delta & { readonly role?: 'assistant' }, finishReason: string | null): readonly unknown[] {
  return [{ index: 0, delta, logprobs: null, finish_reason: finishReason }]
}

function frameOf(envelope: Envelope, step: Step): Frame {
  switch (step.type) {
    case 'delta':
      return chunk(envelope, choice(step.delta, null), null)
    case 'raw':
      return { type: 'event', data: step.data }
    case 'wait':
      return step
  }
}

/** The opening chunk, the steps, and (only for the ending `done`) finish reason, usage and `[DONE]`. */
export function framesOf(answer: Answer, envelope: Envelope): Frame[] {
  const opening = chunk(envelope, choice({ role: 'assistant', content: '' }, null), null)
  const steps = answer.steps.map(step => frameOf(envelope, step))
  if (answer.ending !== 'done') return [opening, ...steps]
  const finish = chunk(envelope, choice({}, answer.finishReason), null)
  const usage = envelope.includeUsage && answer.usage !== null ? [chunk(envelope, [], usageObject(answer.usage))] : []
  return [opening, ...steps, finish, ...usage, { type: 'event', data: '[DONE]' }]
}

export function sse(data: string): string {
  return `data: ${data}\n\n`
}

function joined(deltas: readonly Delta[], key: 'content' | 'reasoning_content' | 'refusal'): string | undefined {
  const parts = deltas.flatMap(delta => delta[key] ?? [])
  return parts.length === 0 ? undefined : parts.join('')
}

function foldCalls(deltas: readonly ToolCallDelta[]): unknown[] {
  const starts = deltas.filter(delta => delta.id !== undefined)
  return starts.map(({ index, id, function: { name } }) => {
    const args = deltas
      .filter(delta => delta.index === index)
      .map(delta => delta.function.arguments)
      .join('')
    return { id, type: 'function', function: { name, arguments: args } }
  })
}

/** The body for a request that does not stream. A `raw` step makes it malformed at the place where it stands. */
export function completionOf(answer: Answer, envelope: Envelope): string {
  const { id, created, model } = envelope
  const deltas = answer.steps.flatMap(step => (step.type === 'delta' ? [step.delta] : []))
  const calls = foldCalls(deltas.flatMap(delta => delta.tool_calls ?? []))
  const reasoning = joined(deltas, 'reasoning_content')
  const message = {
    role: 'assistant',
    content: joined(deltas, 'content') ?? (calls.length > 0 ? null : ''),
    refusal: joined(deltas, 'refusal') ?? null,
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  const body = JSON.stringify({
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finishReason }],
    ...(answer.usage === null ? {} : { usage: usageObject(answer.usage) }),
  })
  return answer.steps.some(step => step.type === 'raw') ? body.slice(0, -10) : body
}
