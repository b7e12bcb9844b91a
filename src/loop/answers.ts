/**
 * Checks what an executor answers: an executor is foreign code.
 *
 * An unusable answer ends the attempt with an error for the executor's author, and so does a field that nothing reads: its
 * author means something by it. A wrong value that is not essential (a count of tokens, the number of the turn) is left out.
 * What is passed on is plain JSON with well-formed text.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { ApplyOutput, ContextMessage } from '../executor/executor.ts'
import { cutText, jsonOf, wellFormed } from '../foreign.ts'
import type { TerminalFailureSource } from '../kernel/regions/turn/input.ts'
import { FAILURES } from '../kernel/regions/turn/outcome.ts'
import type { MessagePart, MessageRecord, UsageRecord } from '../store/records.ts'
import { UNMEASURED } from '../usage.ts'

export type Fields = Readonly<Record<string, unknown>>

/** The answer of `apply`, as a checked copy. Throws `invalid-params` for an unusable one. */
export function checkedAnswer(given: unknown): ApplyOutput {
  const answer = fieldsOf(given, 'answered')
  const type = answer['type']
  if (!isEnding(type))
    throw unusable(`answered ${shown(type)} where completed, failed, cancelled or parked was expected`)
  demandOnly(answer, ENDINGS[type], `a ${type} answer`)
  const { message, usage, turn } = answer
  const common = defined({
    message: message === undefined ? undefined : checkedMessage(message),
    usage: checkedUsage(usage),
    turn: isCount(turn, 1) ? turn : undefined,
  })
  if (type === 'completed') {
    const { output } = answer
    return { type, ...common, ...(output !== undefined && { output: plain(output, 'output') }) }
  }
  return type === 'failed' ? { type, ...common, ...failure(answer) } : { type, ...common }
}

const COMMON = ['type', 'message', 'usage', 'turn'] as const
/** The fields of each ending. */
const ENDINGS: Readonly<Record<ApplyOutput['type'], readonly string[]>> = {
  completed: [...COMMON, 'output'],
  failed: [...COMMON, 'source', 'error', 'turns'],
  cancelled: COMMON,
  parked: COMMON,
}

function isEnding(type: unknown): type is ApplyOutput['type'] {
  return typeof type === 'string' && Object.hasOwn(ENDINGS, type)
}

/** Refuses a field that nothing reads. */
export function demandOnly(fields: Fields, known: readonly string[], what: string): void {
  const stray = Object.keys(fields).find(name => !known.includes(name) && fields[name] !== undefined)
  if (stray === undefined) return
  throw unusable(`gave ${what} with \`${wellFormed(cutText(stray, 100))}\`, which it can't have: ${known.join(', ')}`)
}

function failure({
  source,
  error,
  turns,
}: Fields): Pick<Extract<ApplyOutput, { type: 'failed' }>, 'source' | 'error' | 'turns'> {
  const { code, message } = fieldsOf(error, 'failed without an error: `error` was')
  if (typeof code !== 'string' || typeof message !== 'string')
    throw unusable('failed with an error without code and message')
  if (!isSource(source)) throw unusable(`failed with an unknown source: ${shown(source)}`)
  const { made, allowed } = turns === undefined ? {} : fieldsOf(turns, 'failed with turns that were')
  const counted = isCount(made, 0) && isCount(allowed, 0) ? { turns: { made, allowed } } : {}
  return { source, error: { code: wellFormed(code), message: wellFormed(message) }, ...counted }
}

function isSource(value: unknown): value is TerminalFailureSource {
  return typeof value === 'string' && Object.hasOwn(FAILURES, value)
}

/** A message of a model or a tool, as a checked copy. */
export function checkedMessage(given: unknown): MessageRecord {
  const fields = fieldsOf(given, 'gave a message that is')
  demandOnly(fields, MESSAGE, 'a message')
  const { role, content } = fields
  if (!isRole(role)) throw unusable(`gave a message of the role ${shown(role)}`)
  if (content === undefined) return { role }
  if (typeof content === 'string') return { role, content: wellFormed(content) }
  if (!Array.isArray(content)) throw unusable('gave a message whose content is neither text nor a list of parts')
  const parts = plain(content, 'message') as readonly unknown[]
  const wrong = parts.find(part => !isPart(part))
  if (wrong !== undefined) throw unusable(`gave a message with a part that is none: ${shown(wrong)}`)
  return { role, content: parts as readonly MessagePart[] }
}

/** Those of a message that the executor was shown may stand in one that it gives: the runtime writes them anew. */
const MESSAGE: readonly (keyof MessageRecord | keyof ContextMessage)[] = [
  'role',
  'content',
  'index',
  'runId',
  'inputIds',
  'compactsBefore',
  'usage',
]
const ROLES = ['system', 'user', 'assistant', 'tool', 'notice'] as const
const isRole = (value: unknown): value is MessageRecord['role'] => ROLES.some(role => role === value)

/** The text fields that each kind of part must have. */
const PARTS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['text', ['text']],
  ['reasoning', ['text']],
  ['file', ['mediaType']],
  ['json', []],
  ['tool-call', ['callId', 'name']],
  ['tool-result', ['callId', 'name']],
])

function isPart(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false
  const needed = PARTS.get(Reflect.get(part, 'type'))
  return needed?.every(name => typeof Reflect.get(part, name) === 'string') === true
}

/** The usage without fields that are no counts; undefined if none is left. */
export function checkedUsage(given: unknown): UsageRecord | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const counts = COUNTS.flatMap((name): readonly [string, number][] => {
    const value: unknown = Reflect.get(given, name)
    return isCount(value, 0) ? [[name, value]] : []
  })
  const isPartial = Reflect.get(given, 'unmeasured') === true
  return counts.length === 0 && !isPartial ? undefined : { ...Object.fromEntries(counts), ...(isPartial && UNMEASURED) }
}

const COUNTS = ['inputTokens', 'outputTokens', 'totalTokens', 'cachedInputTokens', 'reasoningTokens', 'calls'] as const

export function isCount(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

export function plain(value: unknown, what: string): unknown {
  const json = jsonOf(value)
  if ('problem' in json)
    throw unusable(`gave ${what === 'output' ? 'an' : 'a'} ${what} that has no JSON: ${json.problem}`)
  return json.value
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw unusable(`${what} ${shown(value)}`)
}

function shown(value: unknown): string {
  const json = jsonOf(value, 100)
  return value === undefined ? 'nothing' : 'text' in json ? json.text : `a ${typeof value}`
}

export function unusable(what: string): MeerkatError {
  return new MeerkatError('invalid-params', `the executor ${what}`)
}
