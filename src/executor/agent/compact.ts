/**
 * Compaction: when the conversation grows too long, its beginning is replaced by a summary.
 *
 * Enforces: a summary covers whole turns, so no call is separated from its result; where the model can't make the
 * summary, a rule makes it, so compaction never fails a run.
 */
import { cutText, wellFormed } from '../../foreign.ts'
import type { WholePart } from '../../store/records.ts'
import type { ContextMessage, RunPort } from '../executor.ts'
import type { StreamingModel } from './model.ts'
import { type CallLimits, callModel } from './model-call.ts'
import { textOf } from './parts.ts'
import { lengthOf, middleCut } from './prompt.ts'

export interface CompactionOptions {
  /** The conversation is compacted once its estimated length exceeds this. */
  readonly thresholdTokens: number
  /** How many of the newest turns stay as they are; default 2. */
  readonly keepTurns?: number
}

const DEFAULT_KEEP_TURNS = 2
const CHARS_PER_TOKEN = 4

/** An estimate, used until a provider has counted plausibly. */
export function estimateTokens(messages: readonly ContextMessage[]): number {
  return Math.ceil(lengthOf(messages) / CHARS_PER_TOKEN)
}

export interface Compaction {
  readonly port: RunPort
  readonly model: StreamingModel
  readonly limits: CallLimits
  readonly context: readonly ContextMessage[]
  /** The length of the context and of what this run adds. */
  readonly tokens: number
}

/** Compacts if the conversation is too long and there is something to cover. Answers whether it did. */
export async function compactIfLong(compaction: Compaction, options: CompactionOptions): Promise<boolean> {
  const { thresholdTokens, keepTurns = DEFAULT_KEEP_TURNS } = options
  if (compaction.tokens <= thresholdTokens) return false
  return await compact(compaction, { keepTurns, summedChars: thresholdTokens * CHARS_PER_TOKEN })
}

/**
 * Compacts a conversation that the provider refuses as too long: all of it, because the newest turn may be what is too
 * long. Answers whether there was anything to cover.
 */
export async function compactAll(compaction: Compaction): Promise<boolean> {
  // Half of what was too long is likely to fit; where it does not, the summary is made by rule.
  return await compact(compaction, { keepTurns: 0, summedChars: (compaction.tokens * CHARS_PER_TOKEN) / 2 })
}

interface Extent {
  readonly keepTurns: number
  /** How much of the conversation the model reads to summarise it. */
  readonly summedChars: number
}

async function compact(compaction: Compaction, { keepTurns, summedChars }: Extent): Promise<boolean> {
  const { port, context, tokens } = compaction
  const covers = coversUpTo(context, keepTurns)
  if (covers === undefined) return false
  const covered = context.filter(({ index }) => index !== undefined && index < covers)
  port.stream({
    type: 'notice',
    code: 'compaction.started',
    message: `summing up ${covered.length} messages (about ${tokens} tokens)`,
  })
  const summary = await summarise(compaction, covered, Math.max(MAX_MESSAGE_CHARS, Math.ceil(summedChars)))
  await port.compact({ summary, covers })
  port.stream({
    type: 'notice',
    code: 'compaction.completed',
    message: `${covered.length} messages are covered by a summary of ${summary.length} characters`,
  })
  return true
}

/** The index before which messages are covered: where a user message starts, or behind the last message. */
function coversUpTo(context: readonly ContextMessage[], keepTurns: number): number | undefined {
  const indexes = context.flatMap(({ index }) => (index === undefined ? [] : [index]))
  const [first, second] = indexes
  if (first === undefined) return undefined
  // A summary stands first, but was written after the messages that it left as they were.
  const summary = second !== undefined && first > second ? first : undefined
  const end = Math.max(...indexes) + 1
  const starts = turnStarts(context)
  const kept = keepTurns === 0 ? undefined : starts.at(-keepTurns)
  // With too few turns since the summary, all are covered: otherwise the conversation would stay too long.
  if (kept !== undefined && kept > (summary ?? first)) return kept
  // A summary alone would only be summarised again.
  return indexes.length === 1 && context[0]?.role === 'notice' ? undefined : end
}

/** Where a user speaks, except where a call from before has its result after that: call and result stay together. */
function turnStarts(context: readonly ContextMessage[]): readonly number[] {
  const open = new Set<string>()
  const starts: number[] = []
  const answered = new Set(context.flatMap(message => callIdsIn(message, 'tool-result')))
  for (const message of context) {
    if (message.role === 'user' && message.index !== undefined && open.size === 0) starts.push(message.index)
    for (const id of callIdsIn(message, 'tool-call')) if (answered.has(id)) open.add(id)
    for (const id of callIdsIn(message, 'tool-result')) open.delete(id)
  }
  return starts
}

function callIdsIn({ content }: ContextMessage, type: 'tool-call' | 'tool-result'): readonly string[] {
  if (typeof content === 'string') return []
  return content.flatMap(part => (part.type === type && 'callId' in part ? part.callId : []))
}

const INSTRUCTION = `You sum up the beginning of a conversation between a user and an assistant that works with tools. The summary
replaces it: write down, in the language of the conversation, what the user wants and prefers, what was decided, what was found out (names, numbers, paths,
ids), what was done with which result, and what is still open. No introduction, no comments, at most 600 words.`

/** The model that makes the summary has to be able to read the messages. */
const MAX_MESSAGE_CHARS = 4000

async function summarise(
  { port, model, limits }: Compaction,
  covered: readonly ContextMessage[],
  maxChars: number,
): Promise<string> {
  const text = middleCut(covered.map(render).join('\n\n'), maxChars)
  // Not streamed: observers follow the answer, not compaction.
  const { signal, deadline, clock, sessionId, runId, observer } = port
  const quiet = { signal, deadline, clock, sessionId, runId, observer, stream: () => {} }
  const end = await callModel(quiet, {
    model,
    turn: port.turnsSoFar,
    limits,
    newCallId: () => {
      throw new Error('a summary has no calls')
    },
    options: {
      prompt: [
        { role: 'system', content: INSTRUCTION },
        { role: 'user', content: [{ type: 'text', text: wellFormed(text) }] },
      ],
    },
  })
  const summary = end.type === 'reply' ? textOf(end.parts).trim() : ''
  if (summary !== '') return summary
  const why = end.type === 'failed' ? end.failure.message : end.type
  port.stream({
    type: 'notice',
    code: 'compaction.fallback',
    message: `the summary was made without the model: ${why}`,
  })
  return fallbackSummary(covered)
}

function render({ role, content }: ContextMessage): string {
  const text = typeof content === 'string' ? content : content.map(renderPart).join('\n')
  return `${role.toUpperCase()}: ${middleCut(text, MAX_MESSAGE_CHARS)}`
}

function renderPart(part: WholePart): string {
  switch (part.type) {
    case 'text':
      return part.text
    case 'reasoning':
      return ''
    case 'file':
      return `[file ${part.filename ?? part.mediaType}]`
    case 'json':
      return JSON.stringify(part.value)
    case 'tool-call':
      return `[calls ${part.name} with ${JSON.stringify(part.args)}]`
    case 'tool-result':
      return `[${part.name} ${part.isError === true ? 'failed' : 'answered'}: ${JSON.stringify(part.output)}]`
  }
}

const FALLBACK_LINE_CHARS = 200
const FALLBACK_CHARS = 4000

/** The questions and answers, each shortened to a line. */
export function fallbackSummary(covered: readonly ContextMessage[]): string {
  const lines = covered.flatMap(({ role, content }) => {
    const text = textOf(content).replaceAll(/\s+/g, ' ').trim()
    if (text === '') return []
    return [`${role}: ${text.length > FALLBACK_LINE_CHARS ? `${cutText(text, FALLBACK_LINE_CHARS)}…` : text}`]
  })
  return middleCut(`The beginning of this conversation, shortened by rule:\n${lines.join('\n')}`, FALLBACK_CHARS)
}
