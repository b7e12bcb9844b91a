/** Errors as HTTP answers. */
import { ERROR_CODES, type MeerkatError } from '../../errors.ts'

export function errorResponse(error: MeerkatError, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(
    { error: error.toJSON() },
    { status: ERROR_CODES[error.code].http, headers: { ...retryAfter(error), ...headers } },
  )
}

function retryAfter({ details }: MeerkatError): Record<string, string> {
  const waitMs = details?.['retryAfterMs']
  return typeof waitMs === 'number' ? { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) } : {}
}
