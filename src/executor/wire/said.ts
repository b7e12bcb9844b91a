/**
 * Reads what a provider says has gone wrong, wherever in its answer that stands.
 *
 * Providers and proxies write errors as a string, as an object, nested, in a list, or as JSON within a string. Their
 * message is the best explanation for the user.
 */
import { isRecord } from '../agent/parts.ts'

export interface SaidError {
  /** The provider's message. */
  readonly message?: string
  /** Everything that looks like a code, in lower case, outermost first. */
  readonly codes: readonly string[]
  /** The HTTP status that the error itself names. */
  readonly status?: number
  /** How long the provider asks to wait. */
  readonly retryAfterMs?: number
}

const NOTHING: SaidError = { codes: [] }

const MAX_DEPTH = 6

/** Reads an error of any form. */
export function saidIn(value: unknown, depth: number = 0): SaidError {
  if (depth > MAX_DEPTH) return NOTHING
  if (typeof value === 'string') return saidInText(value, depth)
  if (Array.isArray(value))
    return value
      .slice(0, MAX_DEPTH)
      .map(one => saidIn(one, depth + 1))
      .reduce(merged, NOTHING)
  if (!isRecord(value)) return NOTHING
  const own: SaidError = {
    codes: ['code', 'type', 'status', 'reason', 'error_type'].flatMap(name => code(value[name])),
    ...statusIn(value),
    ...waitIn(value),
  }
  const inner = ['message', 'error', 'detail', 'errors', 'error_description', 'msg', 'error_message', 'details']
    .map(name => saidIn(value[name], depth + 1))
    .reduce(merged, own)
  // A router's own message says less than the one of the provider behind it.
  const raw = isRecord(value['metadata']) ? saidIn(value['metadata']['raw'], depth + 1) : NOTHING
  return raw.message === undefined ? inner : { ...merged(raw, inner), message: both(inner.message, raw.message) }
}

/** A text that is an error message, or contains one as JSON. */
function saidInText(text: string, depth: number): SaidError {
  const plain = text.trim()
  // A refusal may be written as the event that the client asked for.
  const [first = ''] = plain.replace(/^event:.*\r?\n/, '').split(/\r?\n\r?\n/, 1)
  const json = /^(?:data:|error:)?\s*([{[][\s\S]*[}\]])$/.exec(first)?.[1]
  const parsed = json === undefined ? undefined : parse(json)
  if (parsed !== undefined) {
    const said = saidIn(parsed, depth + 1)
    if (said.message !== undefined) return said
  }
  return plain === '' || plain.startsWith('<') ? NOTHING : { message: plain, codes: [] }
}

function merged(a: SaidError, b: SaidError): SaidError {
  return { ...b, ...a, codes: [...a.codes, ...b.codes] }
}

function both(outer: string | undefined, raw: string): string {
  return outer === undefined || raw.includes(outer) ? raw : `${outer}: ${raw}`
}

function code(value: unknown): readonly string[] {
  return typeof value === 'string' && value !== '' ? [value.toLowerCase()] : []
}

function statusIn(value: Record<string, unknown>): Pick<SaidError, 'status'> {
  const named = ['status_code', 'statusCode', 'http_code', 'code', 'status'].map(name => numberOf(value[name]))
  const status = named.find(one => Number.isInteger(one) && one >= 400 && one <= 599)
  return status === undefined ? {} : { status }
}

/** From `retryDelay: "34.07s"` (Google), `retry_after` in seconds, or `retry_after_ms`. */
function waitIn(value: Record<string, unknown>): Pick<SaidError, 'retryAfterMs'> {
  const delay = /^(\d+(?:\.\d+)?)s$/.exec(typeof value['retryDelay'] === 'string' ? value['retryDelay'] : '')?.[1]
  const seconds = numberOf(delay ?? value['retry_after'])
  const ms = numberOf(value['retry_after_ms'] ?? seconds * 1000)
  return Number.isFinite(ms) && ms > 0 ? { retryAfterMs: ms } : {}
}

/** A number, or a text that is one; anything else is NaN. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Whether an answer, or a part of one, is an error instead. */
export function isError(value: Record<string, unknown>): boolean {
  const { error, object, type } = value
  if (isFilled(error) || object === 'error' || type === 'error') return true
  if ('choices' in value || 'candidates' in value || typeof type === 'string') return false
  const tells = ['detail', 'errors', 'message', 'error_description'].some(
    name => saidIn(value[name]).message !== undefined,
  )
  return tells
}

/** Whether the field `error` means one: some servers always send the field. */
export function isFilled(error: unknown): boolean {
  if (isRecord(error)) return Object.keys(error).length > 0
  return typeof error === 'string' ? error !== '' : Array.isArray(error) && error.length > 0
}
