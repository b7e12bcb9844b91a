/**
 * Refreshes of credentials, one at a time for each lease, shared by all who ask for one meanwhile.
 *
 * 1. Whether a refresh may begin is the machine's to decide, also for a late-comer; who is refused because one is under
 *    way waits for that one and has its token.
 * 2. A refresh ends by its deadline at the latest, and never leaves its lease `refreshing`.
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

/** How long a refresh may take, ms. */
const REFRESH_MS = 30_000

/** What came of asking for a new token. Without `expiresAt`, ms since the epoch, it never expires. */
export type CredentialRefreshOutcome<Token> =
  | { readonly ok: true; readonly token: Token; readonly expiresAt?: number }
  | { readonly ok: false; readonly observation: RefreshFailureObservation }

/**
 * Asks for a new token and keeps it. `generation` is the lease's as the refresh began, to fence what is written; `signal`
 * aborts at the deadline, after which nobody takes the token any more. What it throws counts as a failure that may pass,
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
   * (`refresh-timeout`), was overtaken by a login (`overtaken`), or is somebody else's (`refreshing-elsewhere`).
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
      throw refusal(key, phase, error)
    }
  }

  #shared(key: LeaseKey): Promise<Token> {
    const { generation } = this.#leases.snapshot(key)
    const flight = this.#flights.get(leaseKeyText(key))
    if (flight?.generation === generation) return flight.token
    throw notNow(key, 'refreshing-elsewhere', 'is being refreshed by somebody else')
  }

  async #fly(key: LeaseKey, generation: number, perform: PerformCredentialRefresh<Token>): Promise<Token> {
    const outcome = await this.#performed(key, generation, perform)
    return outcome.ok ? this.#published(key, generation, outcome) : this.#failed(key, generation, outcome.observation)
  }

  async #performed(
    key: LeaseKey,
    generation: number,
    perform: PerformCredentialRefresh<Token>,
  ): Promise<CredentialRefreshOutcome<Token>> {
    const aborting = new AbortController()
    const late = Promise.withResolvers<never>()
    const inTime = this.#clock.after(this.#timeoutMs, () => {
      late.reject(notNow(key, 'refresh-timeout', `was not refreshed within ${this.#timeoutMs} ms`))
      aborting.abort()
    })
    try {
      return await Promise.race([late.promise, perform({ generation, signal: aborting.signal })])
    } catch (error) {
      this.#tell(key, generation, {})
      if (error instanceof MeerkatError) throw error
      throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause: error })
    } finally {
      inTime()
    }
  }

  #published(key: LeaseKey, generation: number, { token, expiresAt }: Refreshed<Token>): Token {
    try {
      this.#leases.completeRefresh(key, expiresAt, { generation })
      return token
    } catch (error) {
      const { phase, generation: now } = this.#leases.snapshot(key)
      // It is still this refresh, and the token is of no use: it has expired, or its expiry is no time.
      if (phase === 'refreshing' && now === generation) return this.#failed(key, generation, {}, error)
      throw overtaken(key, phase, error)
    }
  }

  #failed(key: LeaseKey, generation: number, observation: RefreshFailureObservation, cause?: unknown): never {
    const phase = this.#tell(key, generation, observation)
    if (phase === 'reauthRequired') throw refusal(key, phase, cause, observation)
    throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause, observation })
  }

  /** Tells the lease that the refresh failed; throws if it is no refresh of the lease any more. Answers its phase. */
  #tell(key: LeaseKey, generation: number, observation: RefreshFailureObservation): AuthLeasePhase {
    try {
      return this.#leases.refreshFailed(key, observation, { generation }).phase
    } catch (error) {
      throw overtaken(key, this.#leases.snapshot(key).phase, error)
    }
  }
}

type Refreshed<Token> = Extract<CredentialRefreshOutcome<Token>, { readonly ok: true }>
type TrackedPhase = Exclude<AuthLeasePhase, 'released'>
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
function overtaken(key: LeaseKey, phase: TrackedPhase | undefined, cause: unknown): MeerkatError {
  if (phase === undefined || phase === 'reauthRequired') return refusal(key, phase, cause)
  return notNow(key, 'overtaken', 'got another login while it was refreshed', { cause })
}

/** Nobody but a person can go on. */
function refusal(
  key: LeaseKey,
  phase: TrackedPhase | undefined,
  cause: unknown,
  observation: RefreshFailureObservation = {},
): MeerkatError {
  const bindingKey = leaseKeyText(key)
  const reason = phase === undefined ? 'lease-absent' : 'reauth-required'
  const what = phase === undefined ? 'there is no lease of the credential' : 'no refresh helps the credential'
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
