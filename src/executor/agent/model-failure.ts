/**
 * Why a model call failed, and whether trying again may mend it.
 *
 * Decided by type, status and code, never by a message. What a provider's error object holds besides (the whole prompt)
 * goes nowhere; its message is shown shortened and without anything that looks like a key.
 */
import type { APICallError } from '@ai-sdk/provider'
import { MeerkatError } from '../../errors.ts'
import type { LlmRetryFailureKind } from '../../kernel/regions/turn-outcome.ts'
import { keyHint } from '../provider-keys.ts'
import type { StreamingModel } from './model.ts'
import { isRecord } from './parts.ts'

export interface ModelFailure {
  /** Set where trying again may help. */
  readonly kind?: LlmRetryFailureKind
  readonly code: string
  /** What is wrong, where, and what to do. */
  readonly message: string
  /** How long the provider asks to wait. */
  readonly retryAfterMs?: number
  /** Trying again helps once or never. */
  readonly once?: true
  /** The provider's own text, for failures that were found out by status. */
  readonly status?: number
}

type Named = Pick<StreamingModel, 'provider' | 'modelId'>

/** Classes what a model call threw or reported. */
export function modelFailure(error: unknown, model: Named, nowMs: number): ModelFailure {
  if (isApiCallError(error)) return apiFailure(error, model, nowMs)
  if (isProviderStreamError(error)) {
    const { statusCode: status, isRetryable, message, data } = error
    return reportedFailure({ status, isRetryable, message, data }, model)
  }
  if (isMarked(error, ['AI_LoadAPIKeyError', 'AI_LoadSettingError'])) {
    return { code: 'unauthorized', message: `no key for ${model.provider}: ${keyHint(model.provider)}` }
  }
  if (isMalformed(error)) return malformed(model, error)
  if (error instanceof MeerkatError) return { code: error.code, message: error.message }
  if (isRefusedUse(error)) return { code: 'unsupported', message: `${nameOf(model)}: ${safe(error.message)}` }
  if (networkCode(error) !== undefined) return unreachable(model, undefined, error)
  if (error instanceof Error)
    return { code: 'model-failed', message: `${nameOf(model)} failed: ${safe(error.message)}` }
  return reportedFailure(isRecord(error) ? { ...fieldsOf(error), data: error } : { message: String(error) }, model)
}

/** The stream ended without saying that it is finished. */
export function unfinishedStream(model: Named): ModelFailure {
  return {
    kind: 'network-timeout',
    code: 'stream-cut',
    message: `the stream of ${nameOf(model)} ended before the answer was finished`,
  }
}

/** Nothing came, or not all of it, for too long. */
export function tooSlow(model: Named, what: string): ModelFailure {
  return { kind: 'call-timeout', code: 'call-timeout', message: `${nameOf(model)} ${what}` }
}

export function emptyAnswer(model: Named): ModelFailure {
  return {
    kind: 'retryable-provider-error',
    code: 'empty-answer',
    message: `${nameOf(model)} answered nothing at all`,
    once: true,
  }
}

function nameOf({ provider, modelId }: Named): string {
  return `${provider} ${modelId}`
}

function apiFailure(error: APICallError, model: Named, nowMs: number): ModelFailure {
  const { statusCode: status, responseHeaders, isRetryable, data } = error
  const host = hostOf(error.url)
  if (status === undefined) return unreachable(model, host, error)
  if (isMalformed(error.cause)) return malformed(model, error.cause)
  if (status >= 200 && status < 300 && isRetryable) return unfinishedStream(model)
  const wait = retryAfterMs(responseHeaders ?? {}, nowMs)
  const failure = reportedFailure({ status, isRetryable, message: error.message, data, host }, model)
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait }
}

interface Reported {
  readonly status?: number | undefined
  readonly isRetryable?: boolean | undefined
  readonly message: string
  /** The provider's error body, parsed. */
  readonly data?: unknown
  readonly host?: string | undefined
}

function reportedFailure(reported: Reported, model: Named): ModelFailure {
  const { status, message, host } = reported
  const codes = codesIn(reported.data)
  const where = host === undefined ? model.provider : `${host} (${model.provider})`
  const said = `${where} answered${status === undefined ? '' : ` ${status}`}: ${safe(message)}`
  const failed = (code: string, hint: string, kind?: LlmRetryFailureKind): ModelFailure => ({
    code,
    message: `${said}; ${hint}`,
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status }),
  })
  if (codes.some(code => QUOTA.test(code)) || status === 402)
    return failed('quota-exhausted', 'the account has no quota left: check its plan and billing')
  if (codes.some(code => CONTEXT.test(code)) || status === 413) {
    return failed(
      'context-too-long',
      `the conversation is longer than ${model.modelId} takes: turn compaction on or fork the session`,
    )
  }
  if (status === 401 || status === 403) return failed('unauthorized', keyHint(model.provider))
  if (status === 404)
    return failed('model-not-found', `check that ${model.modelId} exists there and that the key may use it`)
  if (status === 429 || codes.some(code => RATE.test(code)))
    return failed('rate-limited', 'wait, or raise the limit', 'rate-limited')
  if (isFinal(reported, codes)) return failed('bad-request', `${model.modelId} does not take this request`)
  return failed('provider-error', 'the provider has trouble: try again later', 'retryable-provider-error')
}

const QUOTA = /insufficient_quota|billing/
const CONTEXT = /context_length|context_window|too_long|request_too_large/
const RATE = /rate_limit|resource_exhausted|too_many/
const FINAL = /invalid_request|not_found|permission|authentication/

function isFinal({ status, isRetryable }: Reported, codes: readonly string[]): boolean {
  if (status !== undefined && status >= 300) return status < 500 && isRetryable !== true
  return isRetryable === false || codes.some(code => FINAL.test(code))
}

/** `code` and `type` of an error body, wherever the provider nests them. */
function codesIn(data: unknown): readonly string[] {
  if (!isRecord(data)) return []
  const own = [data['code'], data['type'], data['status']].filter(value => typeof value === 'string')
  return [...own.map(code => code.toLowerCase()), ...codesIn(data['error'])]
}

function fieldsOf(error: Record<string, unknown>): Reported {
  const { message, error: inner, status, statusCode } = error
  if (typeof message !== 'string' && isRecord(inner)) return fieldsOf(inner)
  const known = typeof statusCode === 'number' ? statusCode : status
  return {
    message: typeof message === 'string' ? message : 'an error without a message',
    ...(typeof known === 'number' ? { status: known } : {}),
  }
}

function unreachable(model: Named, host: string | undefined, error: unknown): ModelFailure {
  const code = networkCode(error)
  const at = host ?? `the endpoint of ${nameOf(model)}`
  const why = code === undefined ? '' : ` (${code})`
  const message = `${at} can't be reached${why}: check the network, the base URL and that the server runs`
  return { kind: 'network-timeout', code: 'provider-unreachable', message }
}

function malformed(model: Named, error: unknown): ModelFailure {
  const what = error instanceof Error ? error.name : 'unknown'
  const message = `${nameOf(model)} sent an answer that can't be read (${what}): is this the model's API, or a proxy before it?`
  return { kind: 'retryable-provider-error', code: 'malformed-answer', message }
}

function isApiCallError(error: unknown): error is APICallError {
  return isMarked(error, ['AI_APICallError'])
}

function isMalformed(error: unknown): boolean {
  return isMarked(error, [
    'AI_InvalidResponseDataError',
    'AI_JSONParseError',
    'AI_TypeValidationError',
    'AI_EmptyResponseBodyError',
  ])
}

function isRefusedUse(error: unknown): error is Error {
  return isMarked(error, ['AI_UnsupportedFunctionalityError', 'AI_InvalidPromptError', 'AI_NoSuchModelError'])
}

/**
 * Whether the error is one of these of the AI SDK. Its classes mark what they make with a registered symbol, because a
 * provider may bring a copy of its own; so they need not be loaded to recognise an error, either.
 */
function isMarked(error: unknown, names: readonly string[]): boolean {
  return isRecord(error) && names.some(name => Reflect.get(error, Symbol.for(`vercel.ai.error.${name}`)) === true)
}

/** What a provider reports in the middle of a stream. */
interface ProviderStreamError {
  readonly message: string
  readonly statusCode?: number
  readonly isRetryable?: boolean
  readonly data: unknown
}

function isProviderStreamError(error: unknown): error is ProviderStreamError {
  return isRecord(error) && Reflect.get(error, Symbol.for('vercel.ai.providerStreamError')) === true
}

/** The system's code for a broken connection, from anywhere in the chain of causes. */
function networkCode(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code !== undefined && /^(E[A-Z]+|UND_ERR_\w+|CERT_\w+|DEPTH_\w+|SELF_SIGNED\w*)$/.test(code)) return code
  return networkCode(error.cause, depth + 1)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the endpoint'
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date. */
function retryAfterMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  const after = headers['retry-after']
  if (after === undefined) return undefined
  const seconds = Number(after)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const at = Date.parse(after)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

const SHOWN_MESSAGE = 300

/** Shortened, on one line, without what looks like a key. */
function safe(message: string): string {
  const plain = message
    .replaceAll(/\b(?:sk|pk|key|rk|gsk|xai|AIza)[-_][\w*-]{6,}|\bAIza[\w-]{10,}|\bBearer\s+\S+/gi, '[key]')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return plain.length > SHOWN_MESSAGE ? `${plain.slice(0, SHOWN_MESSAGE)}…` : plain
}
