/**
 * Turns messages into what a provider is sent. Composed for every request, and stored nowhere.
 *
 * Enforces: every call in the prompt is followed by exactly one result, in the order of the calls; a call without a
 * recorded result says what it waits for, or that its outcome is unknown. A result that came after other messages
 * stands with its call, as providers demand, and is announced where it came. All text is well-formed Unicode, even
 * where the records are not.
 */
import { cutText, wellFormed, withWellFormedStrings } from '../../foreign.ts'
import type { CallEntry } from '../../kernel/regions/calls/state.ts'
import type { FilePart, WholeContentPart, WholePart } from '../../store/records.ts'
import type { ContextMessage } from '../executor.ts'
import type { CallOptions } from './model.ts'
import { isRecord, metaOf, type ToolCallPart, type ToolResultPart, textOf } from './parts.ts'

type Prompt = CallOptions['prompt']
type PromptMessage = Prompt[number]
type UserPart = Extract<PromptMessage, { role: 'user' }>['content'][number]
type AssistantPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number]
type ResultPart = Extract<Extract<PromptMessage, { role: 'tool' }>['content'][number], { type: 'tool-result' }>

export interface PromptSource {
  readonly system: string | undefined
  /** The committed transcript, then the unfinished work. */
  readonly messages: readonly ContextMessage[]
  /** The calls of the unfinished work: they tell how a call without a result ended. */
  readonly calls: readonly CallEntry[]
}

/** The prompt of one request. */
export function buildPrompt({ system, messages, calls }: PromptSource): Prompt {
  const results = resultsOf(messages)
  const states = new Map<string, CallEntry>(calls.map(call => [call.id, call]))
  const resultOf = (call: ToolCallPart): ToolResultPart =>
    results.get(call.callId) ?? unrecorded(call, states.get(call.callId))
  const leading: Prompt = system === undefined || system === '' ? [] : [{ role: 'system', content: wellFormed(system) }]
  const late = lateResults(messages)
  return [
    ...leading,
    ...messages.flatMap(message =>
      message.role === 'tool' ? announced(message, late) : promptMessages(message, resultOf),
    ),
  ]
}

/** Results that came after another message, which a sender put between the call and the result. */
function lateResults(messages: readonly ContextMessage[]): ReadonlySet<WholePart> {
  const late = new Set<WholePart>()
  let current: ReadonlySet<string> = new Set()
  for (const { role, content } of messages) {
    const parts = typeof content === 'string' ? [] : content
    if (role !== 'tool') current = new Set(parts.flatMap(part => (part.type === 'tool-call' ? part.callId : [])))
    const results = role === 'tool' ? parts.filter(part => part.type === 'tool-result') : []
    for (const result of results) if (!current.has(result.callId)) late.add(result)
  }
  return late
}

/** The id of the call whose late result a message announces; undefined: it announces none. */
export function announcedCall(text: string): string | undefined {
  return ANNOUNCED.exec(text)?.[1]
}
const ANNOUNCED = /^\[SYSTEM NOTICE\] The call (\S+) of [^,]+, which was pending,/

/** Announces the late results where they came, because the model has read past their calls. */
function announced({ content }: ContextMessage, late: ReadonlySet<WholePart>): Prompt {
  const parts = typeof content === 'string' ? [] : content.filter(part => late.has(part))
  return parts.flatMap(part => {
    if (part.type !== 'tool-result') return []
    const how = part.isError === true ? 'was decided or has ended without success' : 'was made and has succeeded'
    const text = `The call ${part.callId} of ${part.name}, which was pending, ${how}. Its result stands with the call above. Go on from there.`
    return [{ role: 'user' as const, content: [{ type: 'text' as const, text: wellFormed(asNotice(text)) }] }]
  })
}

function resultsOf(messages: readonly ContextMessage[]): ReadonlyMap<string, ToolResultPart> {
  return new Map(
    messages.flatMap(({ content }) =>
      typeof content === 'string'
        ? []
        : content.flatMap(part => (part.type === 'tool-result' ? [[part.callId, part] as const] : [])),
    ),
  )
}

function promptMessages(message: ContextMessage, resultOf: (call: ToolCallPart) => ToolResultPart): Prompt {
  const { role, content } = message
  switch (role) {
    case 'user':
      return userMessage(content)
    case 'system':
    case 'notice':
      // Providers take system messages only at the beginning, so a notice of the runtime becomes marked user text.
      return [{ role: 'user', content: [{ type: 'text', text: wellFormed(asNotice(textOf(content))) }] }]
    case 'assistant':
      return assistantMessages(content, resultOf)
    default:
      return []
  }
}

/** Marks a user message that the runtime wrote. */
export const NOTICE = '[SYSTEM NOTICE]'

function asNotice(text: string): string {
  return text.startsWith(NOTICE) ? text : `${NOTICE} ${text}`
}

function userMessage(content: ContextMessage['content']): Prompt {
  const parts =
    typeof content === 'string' ? [{ type: 'text', text: wellFormed(content) } as const] : content.flatMap(userPart)
  return parts.length === 0 ? [] : [{ role: 'user', content: [...parts] }]
}

function userPart(part: WholePart): readonly UserPart[] {
  return isContent(part) ? [contentPart(part)] : []
}

function isContent(part: WholePart): part is WholeContentPart {
  return part.type === 'text' || part.type === 'file' || part.type === 'json'
}

function contentPart(part: WholeContentPart): UserPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: wellFormed(part.text) }
    case 'json':
      return { type: 'text', text: JSON.stringify(withWellFormedStrings(part.value)) }
    case 'file':
      return filePart(part)
  }
}

/** A file's data is a URL or base64. */
function filePart({ mediaType, data, filename }: FilePart): Extract<UserPart, { type: 'file' }> {
  const name = filename === undefined ? {} : { filename: wellFormed(filename) }
  const isUrl = /^(https?|file|gs|s3):/i.test(data) && URL.canParse(data)
  const inline = /^data:[^,]*;base64,/i.exec(data)
  const base64 = inline === null ? data : data.slice(inline[0].length)
  return {
    type: 'file',
    mediaType,
    ...name,
    data: isUrl ? { type: 'url', url: new URL(data) } : { type: 'data', data: base64 },
  }
}

function assistantMessages(
  content: ContextMessage['content'],
  resultOf: (call: ToolCallPart) => ToolResultPart,
): Prompt {
  if (typeof content === 'string')
    return content === '' ? [] : [{ role: 'assistant', content: [{ type: 'text', text: wellFormed(content) }] }]
  const parts = content.flatMap(assistantPart)
  if (parts.length === 0) return []
  const calls = content.filter(part => part.type === 'tool-call')
  const results = calls.map(call => resultPart(resultOf(call)))
  return [
    { role: 'assistant', content: [...parts] },
    ...(results.length === 0 ? [] : [{ role: 'tool' as const, content: results }]),
  ]
}

function assistantPart(part: WholePart): readonly AssistantPart[] {
  const { provider } = metaOf(part)
  const providerOptions = provider === undefined ? {} : { providerOptions: provider }
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return [{ type: part.type, text: wellFormed(part.text), ...providerOptions }]
    case 'tool-call':
      // Providers and the templates of open models demand an object, even where the model wrote something else.
      return [
        {
          type: 'tool-call',
          toolCallId: part.callId,
          toolName: wellFormed(part.name),
          input: isRecord(part.args) ? withWellFormedStrings(part.args) : {},
          ...providerOptions,
        },
      ]
    case 'file':
      return [filePart(part)]
    case 'json':
      return [contentPart(part)].filter(one => one.type === 'text')
    case 'tool-result':
      return []
  }
}

function resultPart({ callId, name, output, isError }: ToolResultPart): ResultPart {
  const failed = isError === true
  // Outputs are JSON: `runCall` wrote them, and records hold nothing else.
  const value = withWellFormedStrings(output) as Extract<ResultPart['output'], { type: 'json' }>['value']
  return {
    type: 'tool-result',
    toolCallId: callId,
    toolName: wellFormed(name),
    output:
      typeof value === 'string'
        ? { type: failed ? 'error-text' : 'text', value }
        : { type: failed ? 'error-json' : 'json', value: value ?? null },
  }
}

/** What the model is told about a call whose result is not recorded. */
function unrecorded({ callId, name }: ToolCallPart, entry: CallEntry | undefined): ToolResultPart {
  const pending = entry === undefined ? undefined : pendingOutput(entry)
  if (pending !== undefined) return { type: 'tool-result', callId, name, output: pending }
  const output =
    entry?.crashes !== undefined && entry.state === 'failed'
      ? `The process ended ${entry.crashes} times while this call was in flight, so it is not made again. Whether it took effect is unknown. Check before you do anything like it.`
      : entry?.state === 'succeeded'
        ? 'A person confirmed that this call succeeded. Its output was not recorded.'
        : 'This call has no recorded result: it was not allowed, or it was interrupted. If it was interrupted, whether it took effect is unknown. Check before you repeat it, and do not claim that it was done.'
  return { type: 'tool-result', callId, name, output, isError: entry?.state !== 'succeeded' }
}

/** Stands in for a result that is still to come. */
function pendingOutput({ state, at, expiry }: CallEntry): object | undefined {
  const since = new Date(at).toISOString()
  const more =
    'Its result will come later. Go on without it, do not make the call again, and do not claim that it was done.'
  switch (state) {
    case 'awaitingApproval': {
      const until = expiry && { expiresAt: new Date(expiry.at).toISOString(), onExpiry: expiry.decision }
      const note = `It waits for a person to approve it and has not run yet. ${more}`
      return { status: 'waiting-for-approval', since, ...until, note }
    }
    case 'unknown':
      return { status: 'outcome-unknown', since, note: `A person has to say what became of it. ${more}` }
    case 'owed':
      return { status: 'approved', since, note: `It was approved and runs next. ${more}` }
    default:
      return undefined
  }
}

/** The beginning and the end of a text, with a mark between them. */
export function middleCut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const head = cutText(text, Math.max(0, Math.floor(maxChars / 2)))
  const tail = text.slice(text.length - Math.max(0, Math.floor(maxChars / 2)))
  // Never begin with the second half of a surrogate pair.
  const whole = /^[\udc00-\udfff]/.test(tail) ? tail.slice(1) : tail
  return `${head}\n[… ${text.length - head.length - whole.length} characters left out …]\n${whole}`
}

/** The length of the messages in characters. */
export function lengthOf(messages: readonly ContextMessage[]): number {
  return messages.reduce(
    (sum, { content }) =>
      sum + (typeof content === 'string' ? content.length : content.reduce((n, part) => n + partLength(part), 0)),
    0,
  )
}

/** A picture or a document costs tokens by its size on paper, not by its bytes. */
const FILE_LENGTH = 4000

export function partLength(part: WholePart): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return part.text.length
    case 'file':
      return FILE_LENGTH
    case 'json':
      return jsonLength(part.value)
    case 'tool-call':
      return part.name.length + jsonLength(part.args)
    case 'tool-result':
      return part.name.length + jsonLength(part.output)
  }
}

function jsonLength(value: unknown): number {
  return JSON.stringify(value ?? null).length
}
