/** What callers get to see of unexpected failures. */
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { asMeerkatError, MeerkatError } from '../errors.ts'

/** Called with every fault: the whole error, and the id that the caller was given. */
export type FaultLog = (fault: { readonly id: string; readonly error: unknown }) => void

/** Writes one entry to stderr. */
export const logToStderr: FaultLog = ({ id, error }) => {
  process.stderr.write(`meerkat: internal error ${id}: ${inspect(error)}\n`)
}

/**
 * The error as callers may see it. An `internal` one has an id, which the log has too, and none of the exception's
 * text, which was not written for callers.
 */
export function publicError(error: unknown, log: FaultLog): MeerkatError {
  const known = asMeerkatError(error)
  if (known.code !== 'internal') return known
  const id = randomUUID()
  log({ id, error })
  const text = error instanceof MeerkatError ? error.message : 'something failed inside the runtime'
  return new MeerkatError('internal', `${text} (the log has it as ${id})`, {
    details: { ...known.details, id },
    retryable: known.retryable,
    cause: error,
  })
}
