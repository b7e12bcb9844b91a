/** SQLite's failures in words that say what happened, to which file, and what to do. */
import { MeerkatError } from '../../errors.ts'
import { idKnown, keyBound } from '../store-errors.ts'
import { resultCode, SQLITE } from './driver.ts'

/** What the failed call was about. */
export interface FaultPlace {
  readonly path: string
  readonly sessionId?: string | undefined
}

/** The failure as a `MeerkatError`; one that is already typed stays what it is. */
export function toStoreError(error: unknown, place: FaultPlace): MeerkatError {
  if (error instanceof MeerkatError) return error
  const code = resultCode(error)
  const details = { path: place.path, ...(place.sessionId === undefined ? {} : { sessionId: place.sessionId }) }
  if (code === SQLITE.constraint) return brokenConstraint(error, place)
  if (code === SQLITE.corrupt) {
    const whose = place.sessionId === undefined ? '' : ` under session ${place.sessionId}`
    const text = `the database ${place.path} is damaged${whose}: run \`meerkat doctor\`, then restore it from a backup`
    return new MeerkatError('internal', text, { cause: error, details })
  }
  if (code === SQLITE.tooBig) {
    const text = `a row is larger than SQLite can hold (${place.path}): send less at once`
    return new MeerkatError('too-large', text, { cause: error, details })
  }
  const known = code === undefined ? undefined : UNAVAILABLE[code]
  if (known !== undefined) {
    const text = `${known.what(place.path)}; nothing was written: ${known.advice}`
    return new MeerkatError('store-unavailable', text, { cause: error, details, retryable: known.retryable ?? true })
  }
  const message = error instanceof Error ? error.message : String(error)
  const text = `the store on ${place.path} failed unexpectedly (${message})`
  return new MeerkatError('internal', text, { cause: error, details })
}

interface Unavailable {
  readonly what: (path: string) => string
  readonly advice: string
  readonly retryable?: boolean
}

const LOCKED: Unavailable = {
  what: path => `the database ${path} is locked by another connection`,
  advice: 'end the transaction that holds it (a backup, a shell, another program) and retry',
}

const UNAVAILABLE: Readonly<Record<number, Unavailable>> = {
  [SQLITE.busy]: LOCKED,
  [SQLITE.locked]: LOCKED,
  [SQLITE.protocol]: LOCKED,
  [SQLITE.noMemory]: { what: path => `SQLite is out of memory on ${path}`, advice: 'free some and retry' },
  [SQLITE.readOnly]: {
    what: path => `the database ${path} is read-only`,
    advice: 'give this user write permission to the file and its folder, and retry',
  },
  [SQLITE.ioError]: {
    what: path => `the disk under ${path} failed`,
    advice: 'check the disk (full, unplugged, remote?) and retry',
  },
  [SQLITE.full]: { what: path => `the disk under ${path} is full`, advice: 'free some space and retry' },
  [SQLITE.cantOpen]: {
    what: path => `the database ${path} can't be opened or created`,
    advice: 'choose a path in a folder that this user may write to',
  },
  [SQLITE.notADatabase]: {
    what: path => `the file ${path} is not an SQLite database`,
    advice: 'choose another path; the file was left as it is',
    retryable: false,
  },
}

/** A row that exists already: what a commit claimed to be new is not. */
function brokenConstraint(error: unknown, place: FaultPlace): MeerkatError {
  const message = error instanceof Error ? error.message : ''
  const sessionId = place.sessionId ?? 'unknown'
  if (message.includes('keys.')) return keyBound(sessionId)
  if (message.includes('refs.')) return idKnown(sessionId)
  return new MeerkatError('internal', `a commit of session ${sessionId} contradicts the store: ${message}`, {
    cause: error,
    details: { ...place },
  })
}

/** For a folder that can't be created or used. */
export function unusableFolder(folder: string, cause: unknown): MeerkatError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MeerkatError(
    'store-unavailable',
    `the folder ${folder} for the database can't be used (${why}): choose a path in a folder that this user may write to`,
    { cause, retryable: false, details: { path: folder } },
  )
}

/** For a store that a newer release wrote. */
export function newerSchema(path: string, found: number, supported: number): MeerkatError {
  return new MeerkatError(
    'unsupported',
    `the database ${path} has schema version ${found}, this release reads up to ${supported}: ` +
      'upgrade meerkat-ts, or choose another path',
    { details: { path, found, supported } },
  )
}

/** For a write to a store that was opened for reading. */
export function openedReadOnly(path: string): MeerkatError {
  return new MeerkatError(
    'unsupported',
    `the database ${path} was opened read-only: open it without \`readOnly\` to write`,
    {
      details: { path },
    },
  )
}

/** For a database that would have to be migrated first. */
export function olderSchema(path: string, found: number, needed: number): MeerkatError {
  return new MeerkatError(
    'unsupported',
    `the database ${path} has schema version ${found}, reading it needs ${needed}: open it once without \`readOnly\` to bring it there`,
    { details: { path, found, needed } },
  )
}

/** For a session whose rows don't lead back to its first. */
export function brokenLog(sessionId: string, why: string, record?: number): MeerkatError {
  return new MeerkatError(
    'internal',
    `the log of session ${sessionId} is damaged: ${why}. Other sessions are not affected; restore the store from a backup`,
    { details: { sessionId, ...(record === undefined ? {} : { record }) } },
  )
}

/** For a database of some other program. */
export function foreignDatabase(path: string): MeerkatError {
  return new MeerkatError(
    'store-unavailable',
    `the database ${path} belongs to another program: choose another path; the file was left as it is`,
    { retryable: false, details: { path } },
  )
}
