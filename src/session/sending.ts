/** Prepares an input before it is admitted: its schema becomes JSON, and it gets the span that it is sent in. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { carried, isTraceparent, type RuntimeObserver } from '../observer.ts'
import type { OperationParams } from '../surfaces/operations.ts'
import type { SendParams } from './api.ts'
import { recordedSchema } from './output-schema.ts'

export interface Said {
  readonly outputSchema?: unknown
  readonly traceparent?: unknown
}

/**
 * The input as it is admitted. Throws `invalid-params`. Answers without a promise unless a schema has to be waited
 * for, so that two inputs of a caller are accepted in the order in which they were sent.
 */
export function readyToSend(given: Said, observer: RuntimeObserver | undefined): Said | Promise<Said> {
  // Read before anything is waited for, because the sender's span is active now.
  const { traceparent = carried(observer).traceparent } = given
  if (traceparent !== undefined && !isTraceparent(traceparent)) throw noTraceparent()
  const ready = (outputSchema: unknown): Said => ({ ...given, ...defined({ outputSchema, traceparent }) })
  if (given.outputSchema === undefined) return ready(undefined)
  const schema = recordedSchema(given.outputSchema)
  return schema instanceof Promise ? schema.then(ready) : ready(schema)
}

function noTraceparent(): MeerkatError {
  const issues = [{ path: 'traceparent', message: 'must be a W3C traceparent' }]
  return new MeerkatError('invalid-params', 'traceparent must be a W3C traceparent', { details: { issues } })
}

/**
 * The parameters as the operation takes them: a library's schema becomes JSON, and a file that can't be sent is
 * refused.
 */
export function asSent(params: SendParams & { readonly sessionId: string }): OperationParams<'input/send'> {
  return params as OperationParams<'input/send'>
}
