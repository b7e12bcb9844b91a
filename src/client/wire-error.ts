/** Turns answers of a server into errors of this project. */
import { ERROR_CODES, type ErrorCode, MeerkatError } from '../errors.ts'

/** The error in an unsuccessful answer; a proxy in between may have written it. */
export async function responseError(response: Response): Promise<MeerkatError> {
  // A body that is no JSON tells nothing; the status does.
  const body: unknown = await response.json().catch(() => undefined)
  const found = field(body, 'error')
  const code = field(found, 'code')
  const message = field(found, 'message')
  if (!isErrorCode(code) || typeof message !== 'string') return foreignError(response)
  const details = field(found, 'details')
  return new MeerkatError(code, message, {
    retryable: field(found, 'retryable') === true,
    ...(isRecord(details) ? { details } : {}),
  })
}

/** The server could not be reached, or left before it answered. */
export function unreachable(url: string, cause: unknown): MeerkatError {
  const text = `no answer from ${url}: is a meerkat server running there?`
  return new MeerkatError(
    'store-unavailable',
    `${text} If this was a send, repeat it with the same idempotencyKey: it may have been accepted`,
    { cause, details: { url } },
  )
}

/** The answer did not come from a meerkat server. */
export function foreignError(response: Response): MeerkatError {
  const code = BY_STATUS[response.status] ?? 'internal'
  const text = `${response.url} answered ${response.status}, and not as a meerkat server does: is a proxy in between?`
  return new MeerkatError(code, text, { details: { status: response.status } })
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  413: 'too-large',
  429: 'overloaded',
  502: 'store-unavailable',
  503: 'store-unavailable',
  504: 'store-unavailable',
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}

function field(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
