/** What leaves the process when something failed that nobody foresaw. */
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { asMeerkatError, MeerkatError } from '../errors.ts'

/** Hears of every fault: the whole error, under the id that the caller was told. */
export type FaultLog = (fault: { readonly id: string; readonly error: unknown }) => void

/** One entry on stderr, where no daemon keeps a log of its own. */
export const logToStderr: FaultLog = ({ id, error }) => {
  process.stderr.write(`meerkat: internal error ${id}: ${inspect(error)}\n`)
}

/**
 * The error as callers may see it. An `internal` one carries an id that the log has too, and says nothing of what an
 * unforeseen exception said: that text was written for nobody outside.
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
