/**
 * PostgreSQL's failures in words that say what happened, on which server, and what to do.
 *
 * For a write it matters whether it happened. `outcome: 'none'` in the details: nothing was written, because the server said
 * so or never got it. `outcome: 'unknown'`: the connection was lost, or time ran out, after it was sent. Then the driver
 * claims the session again, which makes the server refuse the write if it comes late, and reads what is there.
 */
import { MeerkatError } from '../../errors.ts'
import { idKnown, keyBound, sessionExists } from '../store-errors.ts'

/** What the failed call was about. */
export interface FaultPlace {
  /** Name of the store, without a secret. */
  readonly store: string
  readonly sessionId?: string | undefined
  /** Whether the statement would have changed something. */
  readonly writes?: boolean
}

interface Fault {
  readonly what: string
  readonly advice: string
  readonly retryable?: boolean
}

const REFUSED: Fault = {
  what: 'refuses the connection',
  advice: 'check that the server runs, the address, and its firewall',
}
const LOGIN: Fault = {
  what: 'refuses the login',
  advice: 'check user, password and pg_hba.conf',
  retryable: false,
}
const RIGHTS: Fault = {
  what: 'lacks a privilege for this user',
  advice: 'grant it (CREATE on the database for the first start, all on the schema and its tables after), and retry',
  retryable: false,
}
const BUSY: Fault = { what: 'could not run the statement beside others', advice: 'retry' }
const MEMORY: Fault = { what: 'is out of memory', advice: 'give it more, or fewer connections, and retry' }
const RESTARTING: Fault = {
  what: 'is starting up, shutting down or recovering',
  advice: 'retry when it takes connections again',
}

/** SQLSTATE that the schema's functions raise for an owner that is no longer registered. */
export const LEASE_OVER = 'MK001'

/** By SQLSTATE: the server says that the statement did not happen. */
const ABORTED: Readonly<Record<string, Fault>> = {
  '40001': BUSY,
  '40P01': BUSY,
  '55P03': {
    what: 'kept the statement waiting for a lock',
    advice: 'end the transaction that holds it (a migration, a shell, a backup) and retry',
  },
  '57014': { what: 'cancelled the statement after its time limit', advice: 'look for what slows it down, and retry' },
  '25006': {
    what: 'is read-only (a standby, or set so)',
    advice: 'connect to the primary (target_session_attrs=read-write), and retry',
  },
  '53100': { what: 'has no disk space left', advice: 'free some space and retry' },
  '53200': MEMORY,
  '53300': {
    what: 'has no connection slot left',
    advice: 'raise max_connections, or give each process a smaller pool (`max`), and retry',
  },
  '53000': { what: 'is short of resources', advice: 'look into its log, and retry' },
  '58030': { what: 'met a disk error', advice: 'check its disk and log' },
  '57P03': RESTARTING,
  '28000': LOGIN,
  '28P01': LOGIN,
  '42501': RIGHTS,
  '3D000': {
    what: 'has no such database',
    advice: 'create it (CREATE DATABASE), or correct the URL',
    retryable: false,
  },
  '42P01': {
    what: 'misses a table of this store',
    advice: 'restore the schema from a backup; opening the store again only creates one that is wholly absent',
    retryable: false,
  },
  [LEASE_OVER]: {
    what: 'took this process for dead: it was silent for longer than its lease',
    advice: 'retry',
  },
  XX001: { what: 'found a damaged page', advice: 'run pg_amcheck, and restore from a backup', retryable: false },
  XX002: { what: 'found a damaged index', advice: 'run REINDEX on it', retryable: false },
}

/** By the system's or the client's code, before anything could be sent. */
const UNREACHED: Readonly<Record<string, Fault>> = {
  ECONNREFUSED: REFUSED,
  ENOTFOUND: { what: 'has an address that no name server knows', advice: 'correct the host in the URL' },
  EAI_AGAIN: { what: 'has an address that can’t be looked up now', advice: 'check the name server, and retry' },
  EHOSTUNREACH: REFUSED,
  ENETUNREACH: REFUSED,
  ENOENT: REFUSED,
  CONNECT_TIMEOUT: { what: 'does not answer', advice: 'check the network between here and there, and retry' },
}

/** Stands for a code where no answer came. */
const NO_ANSWER = 'NO_ANSWER'

/** The server rolled the statement back because of a conflict: it may be sent again at once. */
const WORTH_REPEATING: ReadonlySet<string> = new Set(['40001', '40P01'])

export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Whether the error comes from the server, which then also says that it undid the statement. */
function isServerError(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}

export function isRepeatable(error: unknown): boolean {
  return isServerError(error) && WORTH_REPEATING.has(codeOf(error) ?? '')
}

/** Whether a connection was lost during a call. */
export function isLoss(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  if (isServerError(error)) return code.startsWith('57P')
  return !(error instanceof MeerkatError) && UNREACHED[code] === undefined
}

/** Whether the server did not answer at all: the next call would wait as long. */
export function isSilence(error: unknown): boolean {
  if (error instanceof MeerkatError) return error.details?.['sqlState'] === NO_ANSWER
  return !isServerError(error)
}

/** Whether one row of the statement is at fault, not the server: without that row the others may succeed. */
export function isOfOneRow(error: unknown): boolean {
  return isServerError(error) && /^(?:2[123]|54)/.test(codeOf(error) ?? '')
}

/** The failure as a `MeerkatError`; one that is already typed stays what it is. */
export function toStoreError(error: unknown, place: FaultPlace): MeerkatError {
  if (error instanceof MeerkatError) return error
  const code = codeOf(error) ?? ''
  if (!isServerError(error)) return lost(error, code, place)
  if (code === '23505') return exists(error, place)
  if (code.startsWith('54')) {
    const text = `a row is larger than PostgreSQL can hold (${place.store}): send less at once`
    return new MeerkatError('too-large', text, { cause: error, details: details(place, code) })
  }
  const known = ABORTED[code]
  if (known !== undefined) return unavailable(known, 'none', place, error, code)
  // A server that stops ends its connections without saying whether the transaction was committed.
  if (code.startsWith('57P')) return unavailable(RESTARTING, 'unknown', place, error, code)
  if (code.startsWith('08')) return lost(error, code, place)
  const message = error instanceof Error ? error.message : String(error)
  return new MeerkatError('internal', `the store ${place.store} failed unexpectedly (${message}, SQLSTATE ${code})`, {
    cause: error,
    details: details(place, code),
  })
}

function lost(error: unknown, code: string, place: FaultPlace): MeerkatError {
  const known = UNREACHED[code]
  if (known !== undefined) return unavailable(known, 'none', place, error, code)
  const fault: Fault = { what: 'lost the connection to this process', advice: 'retry when the server is back' }
  return unavailable(fault, 'unknown', place, error, code)
}

/** For a statement that got no answer in time. */
export function noAnswer(place: FaultPlace, timeoutMs: number): MeerkatError {
  const fault: Fault = {
    what: `gave no answer within ${timeoutMs} ms`,
    advice: 'check the network and the load of the server, and retry',
  }
  return unavailable(fault, 'unknown', place, undefined, NO_ANSWER)
}

/** For a write that was never sent because the one before it got no answer. */
export function notSent(place: FaultPlace, cause: unknown): MeerkatError {
  const fault: Fault = { what: 'does not answer', advice: 'check the network and the server, and retry' }
  return unavailable(fault, 'none', place, cause, NO_ANSWER)
}

function unavailable(
  { what, advice, retryable = true }: Fault,
  outcome: 'none' | 'unknown',
  place: FaultPlace,
  cause: unknown,
  code: string,
): MeerkatError {
  const after =
    outcome === 'none' ? '; nothing was written' : '; whether this was written is not known until the session is read'
  const text = `${place.store} ${what}${place.writes === true ? after : ''}: ${advice}`
  return new MeerkatError('store-unavailable', text, {
    cause,
    retryable,
    details: { ...details(place, code), ...(place.writes === true ? { outcome } : {}) },
  })
}

function details(place: FaultPlace, code: string): Record<string, unknown> {
  const { store, sessionId } = place
  return { store, ...(sessionId === undefined ? {} : { sessionId }), ...(code === '' ? {} : { sqlState: code }) }
}

/** A row that exists already: what a commit claimed to be new is not. */
function exists(error: unknown, place: FaultPlace): MeerkatError {
  const table = error instanceof Error && 'table_name' in error ? String(error.table_name) : ''
  const sessionId = place.sessionId ?? 'unknown'
  if (table === 'heads') return sessionExists(sessionId)
  if (table === 'keys') return keyBound(sessionId)
  if (table === 'refs') return idKnown(sessionId)
  return new MeerkatError('internal', `a commit of session ${sessionId} contradicts the store (table ${table})`, {
    cause: error,
    details: details(place, '23505'),
  })
}

/** For a read that found every connection taken. */
export function poolFull(store: string, max: number, waitedMs: number): MeerkatError {
  return new MeerkatError(
    'overloaded',
    `all ${max} connections to ${store} were taken for ${waitedMs} ms: retry, ask for less at once, or raise \`max\``,
    { details: { store, max, waitedMs } },
  )
}

/** For a schema that a newer release made, in a way this release can't use. */
export function newerSchema(
  store: string,
  facts: { readonly schema: string; readonly found: number; readonly supported: number; readonly minReader: number },
): MeerkatError {
  const { schema, found, supported, minReader } = facts
  return new MeerkatError(
    'unsupported',
    `schema ${schema} of ${store} has version ${found} and needs a release that knows version ${minReader}; this one ` +
      `knows ${supported}: upgrade meerkat-ts, or choose another schema`,
    { details: { store, ...facts } },
  )
}

/** For a schema of some other program. */
export function foreignSchema(store: string, schema: string): MeerkatError {
  return new MeerkatError(
    'store-unavailable',
    `schema ${schema} of ${store} holds tables of another program: choose another one with \`schema\`; it was left as it is`,
    { retryable: false, details: { store, schema } },
  )
}

/** For a database whose text is not Unicode. */
export function notUnicode(store: string, encoding: string): MeerkatError {
  return new MeerkatError(
    'unsupported',
    `the database ${store} has encoding ${encoding}: create one with ENCODING 'UTF8'`,
    { details: { store, encoding } },
  )
}

export function clientMissing(cause: unknown): MeerkatError {
  return new MeerkatError('unsupported', 'the PostgreSQL client is not installed: run `npm install postgres`', {
    cause,
  })
}
