/**
 * Writes and reads this executor's messages.
 *
 * Data that a provider attached to a part (signatures of thoughts, item ids) has to go back to it with the part, so the
 * record keeps it as `meta`. A tool call that must not be dispatched has the reason in its `meta`, so that it is known
 * after a restart too.
 */
import type { SharedV4ProviderMetadata } from '@ai-sdk/provider'
import { cutText, jsonOf, wellFormed } from '../../foreign.ts'
import type { MessagePart, MessageRecord } from '../../store/records.ts'

export type ProviderMetadata = SharedV4ProviderMetadata

export interface PartMeta {
  readonly provider?: ProviderMetadata
  /** Why a tool call is not dispatched: its arguments are no JSON, or were cut off. */
  readonly invalid?: string
  /** Why a tool call is answered as unknown, even if the tool exists later: its request did not show it. */
  readonly unseen?: string
}

export type ToolCallPart = Extract<MessagePart, { readonly type: 'tool-call' }>
export type ToolResultPart = Extract<MessagePart, { readonly type: 'tool-result' }>

/** The `meta` of a part that this executor wrote; other parts have none. */
export function metaOf(part: object): PartMeta {
  if (!('meta' in part) || !isRecord(part.meta)) return {}
  const { provider, invalid, unseen } = part.meta
  return {
    ...(isRecord(provider) ? { provider: provider as ProviderMetadata } : {}),
    ...(typeof invalid === 'string' ? { invalid } : {}),
    ...(typeof unseen === 'string' ? { unseen } : {}),
  }
}

/** `{ meta }` to spread into a part, or nothing if `meta` is empty. */
export function withMeta(meta: PartMeta): { readonly meta?: PartMeta } {
  return Object.keys(meta).length === 0 ? {} : { meta }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a content, without reasoning and calls. */
export function textOf(content: MessageRecord['content']): string {
  if (content === undefined || typeof content === 'string') return content ?? ''
  return content.map(part => (part.type === 'text' ? part.text : '')).join('')
}

/** A message without its calls; undefined where nothing is left. */
export function withoutCalls(parts: readonly MessagePart[]): MessageRecord | undefined {
  const kept = parts.filter(part => part.type !== 'tool-call')
  return kept.length === 0 ? undefined : { role: 'assistant', content: kept }
}

/** No tool has a longer name. */
const MAX_NAME_CHARS = 128

/**
 * A call as it is recorded. A name or arguments that are too long are left out, and the call is not dispatched: such
 * arguments come from a model that ran away, and the record would keep them for ever.
 */
export function boundedCall(part: MessagePart, maxArgumentChars: number): MessagePart {
  if (part.type !== 'tool-call') return part
  const name = wellFormed(cutText(part.name, MAX_NAME_CHARS))
  const json = jsonOf(part.args, maxArgumentChars)
  if (!('problem' in json)) return { ...part, name, args: json.value }
  return { ...part, name, args: {}, ...withMeta({ ...metaOf(part), invalid: `of its arguments, ${json.problem}` }) }
}
