/** Errors that all stores have in common. */
import { MeerkatError } from '../errors.ts'
import type { Claim } from './store.ts'

/** The holder of a session, as far as the store knows. */
export interface Holder {
  readonly owner: string
  readonly pid?: number
  readonly host?: string
}

export function sessionNotFound(sessionId: string): MeerkatError {
  return new MeerkatError('session-not-found', `there is no session ${sessionId}: \`session/list\` lists all`, {
    details: { sessionId },
  })
}

export function sessionExists(sessionId: string): MeerkatError {
  return new MeerkatError('session-conflict', `session ${sessionId} exists already`, { details: { sessionId } })
}

export function heldByOther(sessionId: string, holder: Holder): MeerkatError {
  const process = holder.pid === undefined ? 'another runtime of this process' : `process ${holder.pid}`
  const where = holder.host === undefined ? '' : ` on ${holder.host}`
  return new MeerkatError(
    'not-owner',
    `session ${sessionId} is held by ${process}${where}: send the request there, or stop it and retry`,
    { details: { sessionId, ...holder } },
  )
}

/** The error for a claim whose token is no longer the current one. */
export function claimLost(claim: Claim, holder: Holder | undefined): MeerkatError {
  const { sessionId, owner, token } = claim
  const now = holder === undefined ? 'it was released' : `${holder.owner} took it over`
  return new MeerkatError(
    'not-owner',
    `the claim of session ${sessionId} is over (${now}): claim it again and reload it`,
    {
      details: { sessionId, token, lost: owner, ...holder },
    },
  )
}

export function keyBound(sessionId: string): MeerkatError {
  return new MeerkatError(
    'idempotency-conflict',
    `a commit of session ${sessionId} binds a key that is bound already`,
    {
      details: { sessionId },
    },
  )
}

export function idKnown(sessionId: string): MeerkatError {
  return new MeerkatError('conflict', `a commit of session ${sessionId} opens an id that was opened before`, {
    details: { sessionId },
  })
}

/** The error for a commit that is not the session's next one: another commit, or an earlier copy of the same, came first. */
export function outOfTurn(sessionId: string, given: number, last: number): MeerkatError {
  return new MeerkatError('conflict', `commit ${given} of session ${sessionId} comes after commit ${last}: reload it`, {
    details: { sessionId, commit: given, last },
  })
}

/** The cause in the details of `storeClosed`. */
export const STORE_CLOSED = 'store-closed'

/** The error of a call after `close`. The call has done nothing. */
export function storeClosed(name: string): MeerkatError {
  const details = { cause: STORE_CLOSED }
  return new MeerkatError('store-unavailable', `the store ${name} is closed: open it again`, {
    retryable: false,
    details,
  })
}

/** The error for data of a newer release that this one can't apply. Nothing is damaged. */
export function newerRelease(
  place: { readonly sessionId: string; readonly record?: number },
  why: string,
  details: Readonly<Record<string, unknown>>,
): MeerkatError {
  const { sessionId, record } = place
  return new MeerkatError(
    'unsupported',
    `${record === undefined ? 'the snapshot' : `record ${record}`} of session ${sessionId} was written by a newer release ` +
      `(${why}): upgrade meerkat-ts to open this session`,
    { details: { ...place, ...details } },
  )
}
