/**
 * Refreshes of credentials, one at a time for each lease, shared by all who ask for one meanwhile.
 *
 * 1. Whether a refresh may begin is the machine's to decide, also for a late-comer; who is refused because one is under
 *    way waits for that one and has its token.
 * 2. A refresh ends by its deadline at the latest, and never leaves its lease `refreshing`; it ends at once when the lease
 *    is released, cleared or taken by a login, and then nothing that it still brings is taken.
 * 3. What came of it goes to the lease first, then to everybody who waits, the same to each.
 *
 * It holds no token beyond a refresh. Across processes a refresh is fenced by whoever performs it, with the generation
 * that it is given.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { AuthLeasePhase, RefreshFailureObservation } from '../kernel/auth/lease.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { Clock, Deadline } from '../time.ts'
import type { AuthLeaseHandle } from './auth-lease.ts'
import { type LeaseKey, leaseKeyText } from './auth-machines.ts'
import { refuseUnreadable } from './unreadable.ts'

/** How long a refresh may take, ms. */
const REFRESH_MS = 30_000

/** What came of asking for a new token. Without `expiresAt`, ms since the epoch, it never expires. */
export type CredentialRefreshOutcome<Token> =
  | { readonly ok: true; readonly token: Token; readonly expiresAt?: number }
  | { readonly ok: false; readonly observation: RefreshFailureObservation }

/**
 * Asks for a new token and keeps it. `generation` is the lease's as the refresh began, to fence what is written; `signal`
 * aborts when nobody takes the token any more. What it throws counts as a failure that may pass,
 * and is the `cause` of what the callers get: it must not name a secret.
 */
export type PerformCredentialRefresh<Token> = (given: {
  readonly generation: number
  readonly signal: AbortSignal
}) => Promise<CredentialRefreshOutcome<Token>>

export interface AuthRefreshOptions {
  /** The process's own handle: behind a gate that closes, a lease could be left `refreshing`. */
  readonly leases: AuthLeaseHandle
  readonly clock: Clock
  /** ms; 30 s if absent. */
  readonly timeoutMs?: number
}

interface Flight<Token> {
  readonly generation: number
  readonly token: Promise<Token>
}

export class AuthRefreshCoordinator<Token> {
  readonly #leases: AuthLeaseHandle
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #flights = new Map<string, Flight<Token>>()

  constructor({ leases, clock, timeoutMs = REFRESH_MS }: AuthRefreshOptions) {
    this.#leases = leases
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /**
   * A new token for this lease: of the refresh under way, else of one that begins now. A caller's own deadline ends only
   * its waiting.
   *
   * Throws `unauthorized` where only a login helps (`details.reason` is `reauth-required` or `lease-absent`), and
   * `not-ready`, which may be tried again, where the refresh failed for now (`refresh-failed`), took too long
   * (`refresh-timeout`), was overtaken by a login (`overtaken`), or is somebody else's (`refreshing-elsewhere`). Behind a
   * closed gate it throws what the lease's handle throws.
   */
  async refresh(key: LeaseKey, perform: PerformCredentialRefresh<Token>, deadline?: Deadline): Promise<Token> {
    const token = this.#begun(key, perform) ?? this.#shared(key)
    return deadline === undefined ? token : withinOwn(token, deadline, leaseKeyText(key))
  }

  /** The refresh that the machine let begin; absent: one is under way. */
  #begun(key: LeaseKey, perform: PerformCredentialRefresh<Token>): Promise<Token> | undefined {
    const generation = this.#admitted(key)
    if (generation === undefined) return undefined
    const bindingKey = leaseKeyText(key)
    const token: Promise<Token> = this.#fly(key, generation, perform).finally(() => {
      // The next refresh may have begun already, on the same credential after a failure.
      if (this.#flights.get(bindingKey)?.token === token) this.#flights.delete(bindingKey)
    })
    this.#flights.set(bindingKey, { generation, token })
    return token
  }

  #admitted(key: LeaseKey): number | undefined {
    try {
      return this.#leases.beginRefresh(key).generation
    } catch (error) {
      if (!(error instanceof DslTransitionError)) throw error
      const { phase } = this.#leases.snapshot(key)
      if (phase === 'refreshing') return undefined
      // Any other phase lets a refresh begin: it is the gate that is closed.
      throw isLost(phase) ? refusal(key, phase, error) : error
    }
  }

  #shared(key: LeaseKey): Promise<Token> {
    const { generation } = this.#leases.snapshot(key)
    const flight = this.#flights.get(leaseKeyText(key))
    if (flight?.generation === generation) return flight.token
    throw notNow(key, 'refreshing-elsewhere', 'is being refreshed by somebody else')
  }

  async #fly(key: LeaseKey, generation: number, perform: PerformCredentialRefresh<Token>): Promise<Token> {
    const call = this.#call(key, generation)
    let outcome: CredentialRefreshOutcome<Token> | Thrown
    try {
      outcome = sound(await Promise.race([call.ended, perform({ generation, signal: call.signal })]))
    } catch (error) {
      outcome = { thrown: error }
    } finally {
      call.end()
    }
    // Whatever it brought, it is of a refresh that is over: the lease may be in another one of the same credential.
    if (call.lost !== undefined) throw call.lost
    if (!('thrown' in outcome)) {
      return outcome.ok ? this.#published(key, generation, outcome) : this.#failed(key, generation, outcome.observation)
    }
    this.#leases.refreshFailed(key, {}, { generation })
    if (outcome.thrown instanceof MeerkatError) throw outcome.thrown
    throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause: outcome.thrown })
  }

  /** One asking for a token: until its deadline, and while the lease is in this very refresh. */
  #call(key: LeaseKey, generation: number): Call {
    const aborting = new AbortController()
    const { promise: ended, reject } = Promise.withResolvers<never>()
    // Nobody has begun to wait where the lease is lost while the asking itself throws.
    ended.catch(() => {})
    const abort = (error: MeerkatError): MeerkatError => {
      reject(error)
      aborting.abort()
      return error
    }
    const inTime = this.#clock.after(this.#timeoutMs, () => {
      abort(notNow(key, 'refresh-timeout', `was not refreshed within ${this.#timeoutMs} ms`))
    })
    const call: Call = {
      signal: aborting.signal,
      ended,
      lost: undefined,
      end: () => {
        inTime()
        unheard()
      },
    }
    const unheard = this.#leases.observeTransitions(key, () => {
      const { phase, generation: now } = this.#leases.snapshot(key)
      if (phase !== 'refreshing' || now !== generation) call.lost ??= abort(overtaken(key, phase))
    })
    return call
  }

  #published(key: LeaseKey, generation: number, { token, expiresAt }: Refreshed<Token>): Token {
    try {
      this.#leases.completeRefresh(key, expiresAt, { generation })
      return token
    } catch (error) {
      // The token is of no use: it has expired, or its expiry is no time.
      return this.#failed(key, generation, {}, error)
    }
  }

  #failed(key: LeaseKey, generation: number, observation: RefreshFailureObservation, cause?: unknown): never {
    const { phase } = this.#leases.refreshFailed(key, observation, { generation })
    if (isLost(phase)) throw refusal(key, phase, cause, observation)
    throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause, observation })
  }
}
refuseUnreadable(AuthRefreshCoordinator)

/** Whoever performs a refresh may have been written without types. */
function sound<Token>(outcome: CredentialRefreshOutcome<Token>): CredentialRefreshOutcome<Token> {
  const given = outcome as Partial<Record<'ok' | 'observation', unknown>> | null | undefined
  if (
    given?.ok === true ||
    (given?.ok === false && typeof given.observation === 'object' && given.observation !== null)
  )
    return outcome
  throw new TypeError('a refresh has to answer { ok: true, token } or { ok: false, observation }')
}

interface Thrown {
  readonly thrown: unknown
}

interface Call {
  readonly signal: AbortSignal
  /** Rejects when there is no use in waiting any more. */
  readonly ended: Promise<never>
  /** The lease went on to something else, whatever the answer was. */
  lost: MeerkatError | undefined
  readonly end: () => void
}

type Refreshed<Token> = Extract<CredentialRefreshOutcome<Token>, { readonly ok: true }>
type PassingReason = 'refresh-failed' | 'refresh-timeout' | 'overtaken' | 'refreshing-elsewhere'

interface Why {
  readonly cause?: unknown
  readonly observation?: RefreshFailureObservation
}

/** Ends the wait of one caller; the refresh goes on for the others. */
async function withinOwn<T>(token: Promise<T>, deadline: Deadline, bindingKey: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const inTime = deadline.onPassed(() => late.reject(tooLate(bindingKey)))
  try {
    return await Promise.race([token, late.promise])
  } finally {
    inTime()
  }
}

function tooLate(bindingKey: string): MeerkatError {
  const message = `the credential ${bindingKey} was not refreshed by the deadline of whoever asked: the refresh goes on`
  return new MeerkatError('not-ready', message, {
    retryable: true,
    details: { bindingKey, reason: 'refresh-timeout' satisfies PassingReason },
  })
}

/** The lease is not that of the refresh any more. */
function overtaken(key: LeaseKey, phase: AuthLeasePhase | undefined): MeerkatError {
  return isLost(phase) ? refusal(key, phase) : notNow(key, 'overtaken', 'got another login while it was refreshed')
}

function isLost(phase: AuthLeasePhase | undefined): phase is 'released' | 'reauthRequired' | undefined {
  return phase === undefined || phase === 'released' || phase === 'reauthRequired'
}

/** Nobody but a person can go on. */
function refusal(
  key: LeaseKey,
  phase: AuthLeasePhase | undefined,
  cause?: unknown,
  observation: RefreshFailureObservation = {},
): MeerkatError {
  const bindingKey = leaseKeyText(key)
  const absent = phase === undefined || phase === 'released'
  const reason = absent ? 'lease-absent' : 'reauth-required'
  const what = absent ? 'there is no lease of the credential' : 'no refresh helps the credential'
  const { httpStatus, oauthError } = observation
  return new MeerkatError('unauthorized', `${what} ${bindingKey}: log in again`, {
    cause,
    details: { bindingKey, reason, ...defined({ httpStatus, oauthError }) },
  })
}

/** It may be asked for again. */
function notNow(
  key: LeaseKey,
  reason: PassingReason,
  what: string,
  { cause, observation: { httpStatus, oauthError } = {} }: Why = {},
): MeerkatError {
  const bindingKey = leaseKeyText(key)
  return new MeerkatError('not-ready', `the credential ${bindingKey} ${what}: ask again`, {
    retryable: true,
    cause,
    details: { bindingKey, reason, ...defined({ httpStatus, oauthError }) },
  })
}
