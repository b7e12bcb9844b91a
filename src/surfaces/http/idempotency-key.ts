/** The header `Idempotency-Key`: another way to give the field `idempotencyKey`. */
import { MeerkatError } from '../../errors.ts'
import type { Operation } from '../operation.ts'

const FIELD = 'idempotencyKey'

/**
 * The parameters with the key of the header. A key for an operation that has none is refused, because a repetition
 * would not be recognised.
 */
export function withHeaderKey(operation: Operation, params: unknown, header: string | undefined): unknown {
  if (header === undefined) return params
  if (!Object.hasOwn(operation.input.shape, FIELD)) {
    throw new MeerkatError('unsupported', 'this operation takes no Idempotency-Key: leave the header out', {
      details: { header: 'idempotency-key' },
    })
  }
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return params
  const key = unquoted(header)
  const given: unknown = Object.hasOwn(params, FIELD) ? Reflect.get(params, FIELD) : key
  if (given !== key) {
    throw new MeerkatError('conflict', 'the header Idempotency-Key and the field idempotencyKey differ: give one', {
      details: { header: 'idempotency-key', field: FIELD },
    })
  }
  return { ...params, [FIELD]: key }
}

/** Some clients send it as a quoted string, as the draft standard says. */
function unquoted(header: string): string {
  return /^"(.*)"$/.exec(header)?.[1] ?? header
}
