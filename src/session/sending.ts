/** What becomes of an input on its way in, before anybody decides on it: its schema as JSON, and the span it comes from. */
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
 * The input as it goes on. Throws `invalid-params`. At once unless a schema has to be waited for: who sends two inputs
 * has them accepted in that order.
 */
export function readyToSend(given: Said, observer: RuntimeObserver | undefined): Said | Promise<Said> {
  // Asked before anything is waited for: the sender's span is active now.
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

/** As the operation has it: a schema of a library becomes JSON on its way in, and what a file may not be is refused. */
export function asSent(params: SendParams & { readonly sessionId: string }): OperationParams<'input/send'> {
  return params as OperationParams<'input/send'>
}
