/**
 * The one error class and the one table of codes.
 *
 * A code carries the policy: callers branch on `code` and `retryable`, never on the message. The message is for
 * people and says what is wrong, where, and what to do.
 */
import { errorOf, messageOf } from './foreign.ts'

interface CodeFacts {
  readonly jsonRpc: number
  readonly http: number
  readonly exit: number
  readonly retryable: boolean
}

const facts = (jsonRpc: number, http: number, exit: number, retryable = false): CodeFacts => ({
  jsonRpc,
  http,
  exit,
  retryable,
})

/**
 * Every code with its JSON-RPC code, HTTP status and CLI exit status, and whether repeating the same call may succeed.
 */
export const ERROR_CODES = {
  'invalid-params': facts(-32602, 400, 2),
  'unknown-operation': facts(-32601, 404, 2),
  'parse-error': facts(-32700, 400, 2),
  'invalid-request': facts(-32600, 400, 2),
  'session-not-found': facts(-32001, 404, 3),
  'input-not-found': facts(-32001, 404, 3),
  'run-not-found': facts(-32001, 404, 3),
  'not-found': facts(-32001, 404, 3),
  'session-conflict': facts(-32002, 409, 4),
  'idempotency-conflict': facts(-32002, 409, 4),
  conflict: facts(-32002, 409, 4),
  'not-ready': facts(-32003, 409, 4),
  rejected: facts(-32004, 422, 4),
  unauthorized: facts(-32005, 401, 5),
  forbidden: facts(-32005, 403, 5),
  'too-large': facts(-32006, 413, 6),
  overloaded: facts(-32006, 429, 6, true),
  'not-owner': facts(-32007, 409, 4, true),
  unsupported: facts(-32008, 501, 7),
  'store-unavailable': facts(-32009, 503, 8, true),
  internal: facts(-32603, 500, 1),
} as const satisfies Record<string, CodeFacts>

/** A code of the public contract. */
export type ErrorCode = keyof typeof ERROR_CODES

/** The form of an error on the wire. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly details?: Readonly<Record<string, unknown>>
}

/** The error of every operation. */
export class MeerkatError extends Error {
  override readonly name = 'MeerkatError'
  readonly code: ErrorCode
  /** Whether the same call may succeed later, without a change by the caller. */
  readonly retryable: boolean
  /** Machine-readable facts, such as the field that was wrong. Never a secret. */
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly details?: Readonly<Record<string, unknown>>
      readonly retryable?: boolean
      readonly cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable
    this.details = options.details
  }

  toJSON(): ErrorBody {
    const { code, message, retryable, details } = this
    return details === undefined ? { code, message, retryable } : { code, message, retryable, details }
  }
}

/** The error as a `MeerkatError`; an unknown one becomes `internal`, with the original as its cause. */
export function asMeerkatError(error: unknown): MeerkatError {
  const known = errorOf(error)
  if (known instanceof MeerkatError) return known
  return new MeerkatError('internal', messageOf(error), { cause: error })
}
