/**
 * Why a model call failed, and whether another attempt may succeed.
 *
 * Decided by type, status and code; the message is used only to tell that the conversation is too long, because few
 * providers have a code for that. The rest of a provider's error object (the whole prompt) is dropped; its message is
 * shown shortened, and without anything that looks like a key.
 */
import type { APICallError } from '@ai-sdk/provider'
import { MeerkatError } from '../../errors.ts'
import { cutText, messageOf, wellFormed } from '../../foreign.ts'
import type { LlmRetryFailureKind } from '../../kernel/regions/turn/state.ts'
import { keyHint } from '../provider-keys.ts'
import { NO_STREAM, STREAM_CUT } from '../wire/chat.ts'
import { wireFaultIn } from '../wire/fault.ts'
import { saidIn } from '../wire/said.ts'
import type { StreamingModel } from './model.ts'
import { saysTooLong } from './overflow.ts'
import { isRecord } from './parts.ts'
import { retryAfterMs } from './retry-after.ts'

export interface ModelFailure {
  /** Present where another attempt may succeed. */
  readonly kind?: LlmRetryFailureKind
  readonly code: string
  /** What is wrong, where, and what to do. */
  readonly message: string
  /** How long the provider asks to wait. */
  readonly retryAfterMs?: number
  /** Another attempt is worth making only once. */
  readonly once?: true
  /** The HTTP status, for failures found by status: the message is the provider's own. */
  readonly status?: number
}

type Named = Pick<StreamingModel, 'provider' | 'modelId'>

/** Classifies what a model call threw or reported. */
export function modelFailure(error: unknown, model: Named, nowMs: number): ModelFailure {
  const fault = wireFaultIn(error)
  if (fault !== undefined) return { code: fault.code, message: `${nameOf(model)}: ${fault.message}` }
  if (isApiCallError(error)) return apiFailure(error, model, nowMs)
  if (isProviderStreamError(error)) {
    const { statusCode: status, isRetryable, message, data } = error
    return reportedFailure({ status, isRetryable, message, data }, model)
  }
  if (isMarked(error, ['AI_LoadAPIKeyError', 'AI_LoadSettingError'])) {
    return { code: 'unauthorized', message: `no key for ${model.provider}: ${keyHint(model.provider)}` }
  }
  if (isMalformed(error)) return unreadable(error, model)
  if (error instanceof MeerkatError) return { code: error.code, message: error.message }
  if (isRefusedUse(error)) return { code: 'unsupported', message: `${nameOf(model)}: ${safe(error.message)}` }
  if (networkCode(error) !== undefined) return unreachable(model, undefined, error)
  if (error instanceof Error)
    return { code: 'model-failed', message: `${nameOf(model)} failed: ${safe(messageOf(error))}` }
  return reportedFailure({ message: 'an error without a message', data: error }, model)
}

/** A body that can't be read as an answer may be readable as an error. */
function unreadable(error: unknown, model: Named): ModelFailure {
  const value: unknown = isRecord(error) ? error['value'] : undefined
  const shown = Array.isArray(value) ? value : isRecord(value) ? value['error'] : undefined
  if (saidIn(shown).message === undefined) return malformed(model, error)
  return reportedFailure({ message: '', data: value }, model)
}

/** The stream ended without a finish. */
export function unfinishedStream(model: Named): ModelFailure {
  return {
    kind: 'network-timeout',
    code: 'stream-cut',
    message: `the stream of ${nameOf(model)} ended before the answer was finished`,
  }
}

/** Nothing came, or not all of it, within the limit. */
export function tooSlow(model: Named, what: string): ModelFailure {
  return { kind: 'call-timeout', code: 'call-timeout', message: `${nameOf(model)} ${what}` }
}

/** The model stopped before its first word, because its context is full. */
export function contextFull(model: Named): ModelFailure {
  return { code: 'context-too-long', message: `${nameOf(model)} has no room left for an answer: ${tooMuch(model)}` }
}

function tooMuch({ modelId }: Named): string {
  return `that is more than ${modelId} takes: send less, or let compaction shorten the conversation`
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
  const { statusCode: status, responseHeaders, responseBody, isRetryable } = error
  const host = hostOf(error.url)
  if (status === undefined) return unreachable(model, host, error)
  if (isMalformed(error.cause)) return unreadable(error.cause, model)
  // The answer broke off, or could not be decompressed.
  if (status >= 200 && status < 300) return unfinishedStream(model)
  const data = responseBody ?? error.data
  const asked = retryAfterMs(responseHeaders ?? {}, nowMs)
  const failure = reportedFailure({ status, isRetryable, message: error.message, data, host }, model)
  return asked === undefined ? failure : { ...failure, retryAfterMs: asked }
}

interface Reported {
  readonly status?: number | undefined
  readonly isRetryable?: boolean | undefined
  /** Used where the provider gives no message. */
  readonly message: string
  /** The provider's error, in any form. */
  readonly data?: unknown
  readonly host?: string | undefined
}

function reportedFailure(reported: Reported, model: Named): ModelFailure {
  const { host } = reported
  const { codes, retryAfterMs: asked, ...told } = saidIn(reported.data)
  if (codes.includes(STREAM_CUT)) return unfinishedStream(model)
  if (codes.includes(NO_STREAM)) return malformed(model, undefined)
  const message = told.message ?? reported.message
  const status = reported.status ?? told.status
  const where = host === undefined ? model.provider : `${host} (${model.provider})`
  const said = `${where} answered${status === undefined ? '' : ` ${status}`}: ${safe(message)}`
  const { code, hint, kind } = verdictOf({ ...reported, status, message, codes }, model)
  return {
    code,
    message: `${said}; ${hint}`,
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status }),
    ...(asked === undefined ? {} : { retryAfterMs: asked }),
  }
}

interface Judged extends Reported {
  readonly codes: readonly string[]
}

interface Verdict {
  readonly code: string
  readonly hint: string
  readonly kind?: LlmRetryFailureKind
}

/** What a reported error means; the first rule that matches. */
function verdictOf(error: Judged, model: Named): Verdict {
  const { status, message, codes } = error
  if (codes.some(code => QUOTA.test(code)) || status === 402)
    return { code: 'quota-exhausted', hint: 'the account has no quota left: check its plan and billing' }
  if (status === 413 || saysTooLong(message, codes))
    return {
      code: 'context-too-long',
      hint: tooMuch(model),
    }
  if (status === 401 || status === 403 || (status === undefined && codes.some(code => KEY.test(code))))
    return { code: 'unauthorized', hint: keyHint(model.provider) }
  if (status === 404 || (status === undefined && codes.some(code => MODEL.test(code)))) {
    const hint = `check that ${model.modelId} exists there and that the key may use it`
    return { code: 'model-not-found', hint }
  }
  if (status === 429 || codes.some(code => RATE.test(code)))
    return { code: 'rate-limited', hint: 'wait, or raise the limit', kind: 'rate-limited' }
  if (isFinal(error)) return { code: 'bad-request', hint: `${model.modelId} does not take this request` }
  const hint = 'the provider has trouble: try again later'
  return { code: 'provider-error', hint, kind: 'retryable-provider-error' }
}

const QUOTA = /insufficient_quota|billing/
const RATE = /rate_limit|resource_exhausted|too_many/
const KEY = /authentication|permission|unauthori[sz]ed|unauthenticated|forbidden|invalid_api_key/
const MODEL = /model_?not_?found/
const FINAL = /invalid|bad_?request|not_?found|unsupported|validation/

/** Words in errors without status or code that name a lasting reason. */
const FINAL_WORDS =
  /not found|does not exist|no such|unknown|not support|unsupported|invalid|unauthori[sz]ed|forbidden|denied|api key|is required|must be|not allowed|malformed/i

function isFinal({ status, isRetryable, codes, message }: Judged): boolean {
  if (status !== undefined && status >= 300) return status < 500 && isRetryable !== true
  if (isRetryable === false || codes.some(code => FINAL.test(code))) return true
  return codes.length === 0 && isRetryable === undefined && FINAL_WORDS.test(message)
}

function unreachable(model: Named, host: string | undefined, error: unknown): ModelFailure {
  const code = networkCode(error)
  const at = host ?? `the endpoint of ${nameOf(model)}`
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return { code: 'answer-too-large', message: `${at} answered with more headers than can be read` }
  const why = code === undefined ? '' : ` (${code})`
  if (code !== undefined && UNTRUSTED.test(code)) {
    const hint =
      'check its certificate, the base URL and the authorities that this process trusts (NODE_EXTRA_CA_CERTS)'
    return { code: 'provider-unreachable', message: `${at} can't be trusted${why}: ${hint}` }
  }
  const message = `${at} can't be reached${why}: check the network, the base URL and that the server runs`
  return { kind: 'network-timeout', code: 'provider-unreachable', message }
}

function malformed(model: Named, error: unknown): ModelFailure {
  const what = error instanceof Error ? error.name : 'no event stream'
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
 * Whether the error is one of these of the AI SDK. Its classes mark their instances with a registered symbol, because a
 * provider may bring its own copy of them; so they need not be loaded to recognise an error.
 */
function isMarked(error: unknown, names: readonly string[]): boolean {
  return isRecord(error) && names.some(name => Reflect.get(error, Symbol.for(`vercel.ai.error.${name}`)) === true)
}

/** An error that a provider reports within a stream. */
interface ProviderStreamError {
  readonly message: string
  readonly statusCode?: number
  readonly isRetryable?: boolean
  readonly data: unknown
}

function isProviderStreamError(error: unknown): error is ProviderStreamError {
  return isRecord(error) && Reflect.get(error, Symbol.for('vercel.ai.providerStreamError')) === true
}

/** Codes of wrong certificates and of servers without TLS: another attempt would fail alike. */
const UNTRUSTED = /^(?:CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|HOSTNAME_|ERR_TLS_|ERR_SSL_|INVALID_CA|INVALID_PURPOSE)/

/** The system's code for a broken connection, from anywhere in the chain of causes. */
function networkCode(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code !== undefined && (/^(E[A-Z]+|UND_ERR_\w+)$/.test(code) || UNTRUSTED.test(code))) return code
  return networkCode(error.cause, depth + 1)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the endpoint'
}

const SHOWN_MESSAGE = 300

/** Only this much of a message is searched: it may be as long as an answer. */
const MAX_READ = 4096

/** The message, shortened to one line and without anything that looks like a key. */
function safe(message: string): string {
  const plain = wellFormed(cutText(message, MAX_READ))
    .replaceAll(/\b(?:sk|pk|key|rk|gsk|xai|AIza)[-_][\w*-]{6,}|\bAIza[\w-]{10,}|\bBearer\s+\S+/gi, '[key]')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return plain.length > SHOWN_MESSAGE ? `${cutText(plain, SHOWN_MESSAGE)}…` : plain
}
